/** The menu: which screens there are, in which order, and who sees them. What is hidden the API refuses on its own. */
import type { Permission, Role } from '../../people/roles.ts';
import { frameTexts } from '../texts/frame.ts';

export interface Entry {
  readonly path: string;
  readonly name: string;
  readonly group: string;
  /** Second key after `g`. */
  readonly key: string;
  readonly icon: IconName;
  readonly needs: Permission;
  /** From whom has no role but these. */
  readonly hiddenFrom?: readonly Role[];
  /** Other words people look for. */
  readonly alsoCalled: string;
}

export type IconName =
  | 'dashboard'
  | 'approvals'
  | 'calls'
  | 'rules'
  | 'members'
  | 'schedules'
  | 'allowed'
  | 'blocked'
  | 'alerts'
  | 'settings'
  | 'users'
  | 'audit'
  | 'health';

const { groups, screens } = frameTexts;

// Everybody sees something on the Dashboard and in Calls: of Billing, what calls cost.
export const ENTRIES: readonly Entry[] = [
  entry('/', 'dashboard', groups.now, 'd', 'dashboard', 'own'),
  entry('/approvals', 'approvals', groups.now, 'a', 'approvals', 'approvals:read'),
  entry('/calls', 'calls', groups.now, 'c', 'calls', 'own'),
  entry('/rules', 'rules', groups.limits, 'r', 'rules', 'policy:read'),
  entry('/members', 'members', groups.limits, 'g', 'members', 'policy:read'),
  entry('/schedules', 'schedules', groups.limits, 's', 'schedules', 'policy:read'),
  entry('/allowed-ips', 'allowed', groups.addresses, 'i', 'allowed', 'allowlist:read'),
  entry('/blocked-ips', 'blocked', groups.addresses, 'b', 'blocked', 'bans:read'),
  entry('/alerts', 'alerts', groups.staff, 'l', 'alerts', 'alerts:read'),
  entry('/settings', 'settings', groups.system, 't', 'settings', 'settings:read'),
  entry('/users', 'users', groups.system, 'u', 'users', 'users:manage'),
  entry('/audit-log', 'audit', groups.system, 'o', 'audit', 'audit:own'),
  { ...entry('/health', 'health', groups.system, 'h', 'health', 'status:read'), hiddenFrom: ['supervisor', 'billing'] },
];

function entry(
  path: string,
  screen: keyof typeof screens,
  group: string,
  key: string,
  icon: IconName,
  needs: Permission,
): Entry {
  const [name, alsoCalled] = screens[screen];
  return { path, name, group, key, icon, needs, alsoCalled };
}

/** What somebody with these permissions sees. */
export const entriesFor = (session: {
  readonly roles: readonly Role[];
  readonly permissions: readonly Permission[];
}): readonly Entry[] =>
  ENTRIES.filter(
    ({ needs, hiddenFrom = [] }) =>
      session.permissions.includes(needs) && !session.roles.every((role) => hiddenFrom.includes(role)),
  );

/** The entry that a path belongs to. */
export const entryOf = (path: string): Entry | undefined =>
  ENTRIES.find((each) => (each.path === '/' ? path === '/' : path === each.path || path.startsWith(`${each.path}/`)));
