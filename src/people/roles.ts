/**
 * Roles, and exactly what each may do: one table. A permission is what a route needs (api/permissions.ts says which one)
 * and what an API key is given as a scope. Pure.
 *
 * "Nothing destructive" (Operator) means: whoever has the permission can bring back what was there by the same means.
 * Removing a rule or an allowed address, or replacing a whole document, is destructive; lifting a ban is daily work.
 */

export const ROLES = ['owner', 'operator', 'supervisor', 'viewer', 'billing'] as const;
export type Role = (typeof ROLES)[number];

const ALL = ROLES;
const OWNER: readonly Role[] = ['owner'];
const DAILY: readonly Role[] = ['owner', 'operator'];
const CALLS: readonly Role[] = ['owner', 'operator', 'supervisor'];
const LOOK: readonly Role[] = ['owner', 'operator', 'viewer'];
const LOOK_AT_CALLS: readonly Role[] = ['owner', 'operator', 'supervisor', 'viewer'];

const MAY = {
  /** How the daemon and its parts are. */
  'status:read': LOOK_AT_CALLS,
  /** Rules, groups, extensions, trunks, schedules, destinations, templates, the rules' doctor. */
  'policy:read': LOOK_AT_CALLS,
  /** Add and change them, one by one or from a file of rules. */
  'policy:write': DAILY,
  /** Remove them, replace the whole policy, take the default rule out of force. */
  'policy:remove': OWNER,
  /** What was decided, calls under way, locks. */
  'calls:read': LOOK_AT_CALLS,
  /** End calls under way. */
  'calls:end': DAILY,
  /** Let subjects that were locked call again. */
  'locks:clear': DAILY,
  /** Ask what would happen to a call. */
  'calls:check': LOOK_AT_CALLS,
  /** Held calls and grants. */
  'approvals:read': LOOK_AT_CALLS,
  /** Approve, refuse, revoke a grant. */
  'approvals:decide': CALLS,
  /** Make a link by which whoever has it decides in a name given to it. */
  'approvals:link': OWNER,
  'allowlist:read': LOOK,
  'allowlist:write': DAILY,
  /** Remove entries, import a file, let entries exempt from call limits. */
  'allowlist:remove': OWNER,
  'bans:read': LOOK,
  'bans:write': DAILY,
  /** Ban for ever. */
  'bans:permanent': OWNER,
  'firewall:read': LOOK,
  /** Portal and isolation. */
  'firewall:write': OWNER,
  'settings:read': LOOK,
  'settings:write': OWNER,
  'alerts:read': LOOK_AT_CALLS,
  /** Say that somebody looks after one. */
  'alerts:write': CALLS,
  /** Counts of calls and what they cost. */
  'reports:read': ['owner', 'operator', 'viewer', 'billing'],
  'audit:read': LOOK,
  /** Of it, one's own answers to held calls. */
  'audit:own': LOOK_AT_CALLS,
  /** Take it away as a file. */
  'audit:export': OWNER,
  'users:manage': OWNER,
  'keys:manage': OWNER,
  /** One's own password, second factor and sessions. */
  own: ALL,
} as const satisfies Readonly<Record<string, readonly Role[]>>;

export type Permission = keyof typeof MAY;

/** Of each permission, the roles that have it. */
export const ROLES_WITH: Readonly<Record<Permission, readonly Role[]>> = MAY;

export const PERMISSIONS: readonly Permission[] = Object.keys(MAY).filter(isPermission);

export function isPermission(text: string): text is Permission {
  return Object.hasOwn(MAY, text);
}

/** Who has several roles may what any of them may. */
export const permissionsOf = (...roles: readonly Role[]): ReadonlySet<Permission> =>
  new Set(PERMISSIONS.filter((each) => ROLES_WITH[each].some((role) => roles.includes(role))));

/** Each once, in the order of {@link ROLES}. */
export const rolesInOrder = (roles: readonly Role[]): readonly Role[] => ROLES.filter((each) => roles.includes(each));

/**
 * What an API key may be given. Keys have nothing of their own, and no key makes users or other keys: one with little
 * could otherwise make one with more.
 */
export const SCOPES: readonly Permission[] = PERMISSIONS.filter(
  (each) => each !== 'own' && each !== 'audit:own' && each !== 'users:manage' && each !== 'keys:manage',
);
