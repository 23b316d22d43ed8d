/**
 * What else the packet filter of this host should do, in the store: a versioned document of this node alone, with a copy on
 * this host, see versioned-document.ts. Each host has its own: whether a change has locked somebody out can only be seen
 * from the host itself.
 */
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { type FirewallDocument, NO_PLAN, readFirewallDocument } from '../policy/firewall-plan.ts';
import type { Keys } from '../redis/keys.ts';
import { openVersionedDocument, type VersionedDocument } from './versioned-document.ts';

export type FirewallPlanStore = VersionedDocument<FirewallDocument>;

export const openFirewallPlanStore = (deps: {
  readonly redis: Redis;
  readonly keys: Pick<Keys, 'firewallPlan'>;
  readonly node: string;
  readonly clock: Clock;
  readonly stateDir: string;
  readonly log: Log;
  readonly durably: <T>(write: () => Promise<T>) => Promise<T>;
}): Promise<FirewallPlanStore> =>
  openVersionedDocument({
    redis: deps.redis,
    key: deps.keys.firewallPlan(deps.node),
    what: 'the plan of the firewall',
    copyPath: join(deps.stateDir, 'firewall-plan.json'),
    first: NO_PLAN,
    read: readFirewallDocument,
    clock: deps.clock,
    log: deps.log,
    durably: deps.durably,
  });
