/**
 * Whom a plan of the packet filter keeps out although he is here by right: registered phones and trunks, for whoever has to
 * judge the plan before he makes it and before he keeps it. Pure.
 */
import { readRange } from '../policy/addresses.ts';
import type { FirewallPlan, LostPeers } from '../policy/firewall-plan.ts';
import { holdsPorts, type Ports, presetPorts } from '../policy/port-presets.ts';
import { isIn, OWN_ADDRESSES } from './lock-out-guard.ts';

export interface RightfulPeers {
  readonly phones: readonly { readonly extension: string; readonly address: string }[];
  /** Addresses and networks. */
  readonly trunks: readonly string[];
}

/** Nobody registers or calls there: log-in, databases, the manager interface, and our own page. */
const NOT_FOR_CALLS: readonly Ports[] = [
  ...presetPorts('ssh'),
  ...presetPorts('database'),
  { protocol: 'tcp', from: 5038, to: 5038 },
  { protocol: 'tcp', from: 8480, to: 8480 },
];

/** @param isAllowed of an address or a network: all of it */
export function lostBy(
  { portal, isolation }: FirewallPlan,
  peers: RightfulPeers,
  isAllowed: (range: string) => boolean,
): LostPeers {
  const closesCalls = portal?.ports.some((port) => !NOT_FOR_CALLS.some((unused) => holdsPorts(unused, port))) === true;
  const isLost = (range: string): boolean => {
    if ('problem' in readRange(range) || isIn(range, OWN_ADDRESSES)) return false;
    if (isolation !== null) return !isIn(range, isolation.reachable);
    return closesCalls && !isAllowed(range);
  };
  return {
    phones: peers.phones.filter(({ address }) => isLost(address)),
    trunks: [...new Set(peers.trunks.filter(isLost))],
  };
}
