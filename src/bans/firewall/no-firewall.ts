/** The backend `none`: bans are kept and shown, and no packet filter is touched. Says so by having nothing in force. */
import { DROP_REASONS, type Firewall, type FirewallCounters, LIMIT_NAMES, type Traffic } from './firewall.ts';

const NOTHING: Traffic = { packets: 0, bytes: 0 };

/** The counters of a firewall that has seen no packet. */
export const noCounters = (): FirewallCounters => ({
  dropped: byName(DROP_REASONS),
  limited: byName(LIMIT_NAMES),
  bans: new Map(),
  allowed: new Map(),
  blocked: [],
});

const byName = <Name extends string>(names: readonly Name[]): Readonly<Record<Name, Traffic>> =>
  // Object.fromEntries forgets which keys it was given.
  Object.fromEntries(names.map((name) => [name, NOTHING])) as Record<Name, Traffic>;

export function createNoFirewall(): Firewall {
  return {
    backend: 'none',
    enforce: () => Promise.resolve({ drift: 0, found: [], elements: 0, unusable: [] }),
    change: () => Promise.resolve(),
    holds: () => Promise.resolve(true),
    inKernel: () => Promise.resolve({ bans: [], allowed: [], blocked: false }),
    counters: () => Promise.resolve(noCounters()),
    unblock: () => Promise.resolve(false),
    remove: () => Promise.resolve(),
    close: () => undefined,
  };
}
