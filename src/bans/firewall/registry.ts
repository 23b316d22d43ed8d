/** The firewall backends by the names that `firewall.backend` takes: a new one is a file and a line here. */
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import { createDryRun } from './dry-run.ts';
import type { Firewall, FirewallBackend } from './firewall.ts';
import { createNftables } from './nftables.ts';
import { createNoFirewall } from './no-firewall.ts';

const backends = {
  nftables: createNftables,
  'dry-run': createDryRun,
  none: createNoFirewall,
} satisfies Record<FirewallBackend, (deps: { readonly clock: Clock; readonly log: Log }) => Firewall>;

export const createFirewall = (
  backend: FirewallBackend,
  deps: { readonly clock: Clock; readonly log: Log },
): Firewall => backends[backend](deps);
