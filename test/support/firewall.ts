/** What tests of the firewall share: what is wanted, in the fewest words, and nftables within a namespace. */
import type { WantedBan, WantedFirewall } from '../../src/bans/firewall/firewall.ts';
import { createNftables } from '../../src/bans/firewall/nftables.ts';
import { systemClock } from '../../src/clock.ts';
import type { EpochMs } from '../../src/policy/call.ts';
import { DEFAULT_SETTINGS } from '../../src/policy/settings.ts';
import type { NetworkNamespace } from './network-namespace.ts';

export const HOUR_MS = 3_600_000;
export const inMs = (ms: number): EpochMs => (Date.now() + ms) as EpochMs;

export const wantedFirewall = (wanted: Partial<WantedFirewall> = {}): WantedFirewall => ({
  allowed: [],
  bans: [],
  portal: undefined,
  isolation: undefined,
  packetProtection: undefined,
  ...wanted,
});

/** For an hour each. */
export const bansOf = (...addresses: readonly string[]): WantedBan[] =>
  addresses.map((address) => ({ address, until: inMs(HOUR_MS) }));

export const protection = { ...DEFAULT_SETTINGS.packetProtection, enabled: true };

/** Compares everything, and nothing is changing. */
export const thoroughly = { all: true, keepBans: false, isChanging: () => false } as const;
export const quickly = { ...thoroughly, all: false } as const;

export const nftablesIn = ({ command }: NetworkNamespace, ...before: readonly string[]) =>
  createNftables({ clock: systemClock, command: [...command, ...before, 'nft'] });
