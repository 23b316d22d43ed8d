/**
 * Which permission each route needs: one table for all of the API. Which role has which permission stands in
 * people/roles.ts.
 *
 * A route that is not here keeps the daemon from starting, so that none can be forgotten; `HEAD` is as `GET`.
 */
import type { EventType } from '../live-events/event.ts';
import type { Permission } from '../people/roles.ts';

/** `nobody`: no log-in is needed. */
export type Need = Permission | 'nobody';

const MEMBERS = ['groups', 'extensions', 'trunks', 'schedules', 'destinations'].flatMap(
  (kind): readonly (readonly [string, Need])[] => [
    [`GET /api/v1/${kind}`, 'policy:read'],
    [`GET /api/v1/${kind}/:id`, 'policy:read'],
    [`PUT /api/v1/${kind}/:id`, 'policy:write'],
    [`DELETE /api/v1/${kind}/:id`, 'policy:remove'],
  ],
);

export const NEEDS: ReadonlyMap<string, Need> = new Map<string, Need>([
  ['GET /api/v1/openapi.json', 'nobody'],
  ['GET /api/v1/branding', 'nobody'],
  ['GET /api/v1/branding/logo', 'nobody'],
  ['PUT /api/v1/branding/logo', 'settings:write'],
  ['DELETE /api/v1/branding/logo', 'settings:write'],
  ['GET /api/v1/me', 'own'],
  ['GET /api/v1/events', 'own'],
  ['GET /api/v1/status', 'status:read'],
  ['GET /api/v1/nodes', 'status:read'],

  ['GET /api/v1/dashboard', 'status:read'],
  ['GET /api/v1/asterisk/endpoints', 'policy:read'],

  ['GET /api/v1/log', 'status:read'],
  ['PATCH /api/v1/log', 'settings:write'],

  ['GET /api/v1/policy', 'policy:read'],
  ['PUT /api/v1/policy', 'policy:remove'],
  ['GET /api/v1/policy/csv', 'policy:read'],
  ['GET /api/v1/policy/schedules', 'policy:read'],
  ['GET /api/v1/policy/extensions', 'policy:read'],
  ['GET /api/v1/policy/groups', 'policy:read'],
  ['GET /api/v1/policy/trunks', 'policy:read'],
  ['POST /api/v1/schedules/preview', 'policy:read'],
  ['GET /api/v1/replay', 'policy:read'],
  ['PUT /api/v1/replay/file', 'policy:write'],
  ['POST /api/v1/replay', 'policy:write'],
  ['DELETE /api/v1/replay', 'policy:write'],
  ['GET /api/v1/rules', 'policy:read'],
  ['GET /api/v1/rules/:id', 'policy:read'],
  ['POST /api/v1/rules/preview', 'policy:read'],
  ['POST /api/v1/rules/import', 'policy:write'],
  ['POST /api/v1/rules', 'policy:write'],
  ['PATCH /api/v1/rules/:id', 'policy:write'],
  ['DELETE /api/v1/rules/:id', 'policy:remove'],
  ['POST /api/v1/rules/:id/enable', 'policy:write'],
  ['POST /api/v1/rules/:id/disable', 'policy:write'],
  ['POST /api/v1/rules/:id/shadow', 'policy:write'],
  ['POST /api/v1/rules/:id/enforce', 'policy:write'],
  ['POST /api/v1/rules/:id/reset', 'policy:write'],
  ['GET /api/v1/rules/:id/shadow-report', 'policy:read'],
  ['GET /api/v1/doctor/rules', 'policy:read'],
  // It names weak accounts, and only an owner can mend what it finds.
  ['GET /api/v1/doctor/machine', 'settings:write'],
  ['GET /api/v1/templates', 'policy:read'],
  ['GET /api/v1/packs', 'policy:read'],
  ['POST /api/v1/packs/:name', 'policy:read'],
  ['GET /api/v1/prompts', 'policy:read'],
  ['GET /api/v1/prompts/:name', 'policy:read'],
  ['POST /api/v1/templates/:name', 'policy:write'],
  ...MEMBERS,

  ['GET /api/v1/rates', 'reports:read'],
  ['GET /api/v1/rates/packed', 'reports:read'],
  ['GET /api/v1/rates/prefixes', 'reports:read'],
  ['GET /api/v1/rates/check', 'reports:read'],
  ['GET /api/v1/rates/history', 'reports:read'],
  ['GET /api/v1/spend', 'reports:read'],
  ['GET /api/v1/spend/history', 'reports:read'],
  ['GET /api/v1/spend/history/csv', 'reports:read'],
  ['POST /api/v1/rates/import', 'policy:remove'],
  ['POST /api/v1/rates/undo', 'policy:remove'],

  ['POST /api/v1/check', 'calls:check'],
  ['POST /api/v1/explain', 'calls:check'],
  ['GET /api/v1/calls', 'calls:read'],
  ['GET /api/v1/calls/:id', 'calls:read'],
  ['GET /api/v1/calls/csv', 'calls:read'],
  ['GET /api/v1/calls/by-rule', 'calls:read'],
  ['GET /api/v1/calls/live', 'calls:read'],
  ['POST /api/v1/calls/live/end', 'calls:end'],
  ['POST /api/v1/learn', 'policy:write'],
  ['GET /api/v1/locks', 'calls:read'],
  ['DELETE /api/v1/locks/:id', 'locks:clear'],
  ['POST /api/v1/locks/clear', 'locks:clear'],
  ['GET /api/v1/calls/tail', 'calls:read'],
  ['GET /api/v1/outages', 'calls:read'],

  ['GET /api/v1/approvals', 'approvals:read'],
  ['GET /api/v1/approvals/watch', 'approvals:read'],
  ['GET /api/v1/approvals/:id', 'approvals:read'],
  ['POST /api/v1/approvals/:id/approve', 'approvals:decide'],
  ['POST /api/v1/approvals/:id/refuse', 'approvals:decide'],
  ['POST /api/v1/approvals/:id/link', 'approvals:link'],
  ['GET /api/v1/grants', 'approvals:read'],
  ['POST /api/v1/grants', 'approvals:decide'],
  ['DELETE /api/v1/grants/:id', 'approvals:decide'],

  ['GET /api/v1/allowlist', 'allowlist:read'],
  ['GET /api/v1/allowlist/:ref', 'allowlist:read'],
  ['GET /api/v1/allowlist/exempt', 'allowlist:read'],
  ['GET /api/v1/allowlist/exemptions', 'allowlist:read'],
  ['PUT /api/v1/allowlist/exemptions', 'allowlist:remove'],
  ['POST /api/v1/allowlist', 'allowlist:write'],
  ['POST /api/v1/allowlist/preview', 'allowlist:read'],
  ['PATCH /api/v1/allowlist/:ref', 'allowlist:write'],
  ['POST /api/v1/allowlist/import', 'allowlist:remove'],
  ['DELETE /api/v1/allowlist/:ref', 'allowlist:remove'],

  ['GET /api/v1/bans', 'bans:read'],
  ['GET /api/v1/bans/reports', 'bans:read'],
  ['GET /api/v1/bans/history', 'bans:read'],
  ['GET /api/v1/bans/left-alone', 'bans:read'],
  ['DELETE /api/v1/bans/left-alone/:address', 'bans:write'],
  ['GET /api/v1/bans/:address', 'bans:read'],
  ['POST /api/v1/bans', 'bans:write'],
  ['POST /api/v1/bans/lift', 'bans:write'],
  ['POST /api/v1/bans/restore', 'bans:write'],
  ['DELETE /api/v1/bans/:address', 'bans:write'],

  ['GET /api/v1/firewall', 'firewall:read'],
  ['POST /api/v1/firewall/portal', 'firewall:write'],
  ['POST /api/v1/firewall/isolate', 'firewall:write'],
  ['POST /api/v1/firewall/release', 'firewall:write'],
  ['POST /api/v1/firewall/confirm', 'firewall:write'],
  ['POST /api/v1/firewall/undo', 'firewall:write'],
  ['POST /api/v1/firewall/preview', 'firewall:read'],
  ['GET /api/v1/firewall/reach', 'firewall:read'],

  ['GET /api/v1/settings', 'settings:read'],
  ['PATCH /api/v1/settings', 'settings:write'],
  ['PUT /api/v1/settings', 'settings:write'],
  ['DELETE /api/v1/settings', 'settings:write'],
  ['DELETE /api/v1/settings/:path', 'settings:write'],

  ['GET /api/v1/alerts', 'alerts:read'],
  ['GET /api/v1/alerts/channels', 'alerts:read'],
  ['GET /api/v1/alerts/plan', 'alerts:read'],
  ['GET /api/v1/alerts/dead', 'alerts:read'],
  ['POST /api/v1/alerts/dead/retry', 'alerts:write'],
  ['POST /api/v1/alerts/test', 'alerts:write'],
  ['GET /api/v1/alerts/:id', 'alerts:read'],
  ['POST /api/v1/alerts/:id/acknowledge', 'alerts:write'],
  ['POST /api/v1/alerts/:id/snooze', 'alerts:write'],
  ['DELETE /api/v1/alerts/:id/snooze', 'alerts:write'],

  ['GET /api/v1/audit', 'audit:read'],
  ['GET /api/v1/audit/own', 'audit:own'],
  ['GET /api/v1/audit/verify', 'audit:read'],
  ['GET /api/v1/audit/export', 'audit:export'],

  ['GET /api/v1/users', 'users:manage'],
  ['GET /api/v1/users/:name', 'users:manage'],
  ['POST /api/v1/users', 'users:manage'],
  ['PATCH /api/v1/users/:name', 'users:manage'],
  ['DELETE /api/v1/users/:name', 'users:manage'],
  ['GET /api/v1/users/:name/sessions', 'users:manage'],
  ['DELETE /api/v1/users/:name/sessions', 'users:manage'],
  ['DELETE /api/v1/users/:name/sessions/:id', 'users:manage'],
  ['POST /api/v1/users/:name/totp', 'users:manage'],
  ['POST /api/v1/users/:name/totp/confirm', 'users:manage'],
  ['GET /api/v1/keys', 'keys:manage'],
  ['POST /api/v1/keys', 'keys:manage'],
  ['DELETE /api/v1/keys/:ref', 'keys:manage'],

  ['POST /api/v1/session', 'nobody'],
  ['GET /api/v1/session', 'own'],
  ['DELETE /api/v1/session', 'own'],
  ['PUT /api/v1/session/password', 'own'],
  ['POST /api/v1/session/totp', 'own'],
  ['POST /api/v1/session/totp/confirm', 'own'],
  ['DELETE /api/v1/session/totp', 'own'],
  ['POST /api/v1/session/backup-codes', 'own'],
  ['GET /api/v1/sessions', 'own'],
  ['DELETE /api/v1/sessions/:id', 'own'],
]);

/** These go on for as long as the client likes. */
export const STREAMS: ReadonlySet<string> = new Set([
  'GET /api/v1/events',
  'GET /api/v1/calls/tail',
  'GET /api/v1/approvals/watch',
  'GET /api/v1/audit/verify',
]);

/** Of the stream of events, what one needs to be told of each kind. */
export const EVENT_NEEDS: Readonly<Record<EventType, Permission>> = {
  call: 'calls:read',
  approval: 'approvals:read',
  ban: 'bans:read',
  alert: 'alerts:read',
  rule: 'policy:read',
  health: 'status:read',
  firewall: 'firewall:read',
  lock: 'calls:read',
  allowlist: 'allowlist:read',
  settings: 'settings:read',
  resync: 'own',
};

/** The methods that a path has, whichever of them is asked for; none: there is no such path. */
export function methodsOf(path: string): readonly string[] {
  const parts = path.split('/');
  return [...NEEDS.keys()].flatMap((name) => {
    const [method = '', url = ''] = name.split(' ');
    const pattern = url.split('/');
    const fits =
      pattern.length === parts.length && pattern.every((each, at) => each.startsWith(':') || each === parts[at]);
    return fits ? [method] : [];
  });
}

/** As the tables have it. @param url with its parameters, as the route was registered */
export const routeName = (method: string, url: string): string => `${method === 'HEAD' ? 'GET' : method} ${url}`;

/** @throws {Error} the route is not in the table: a defect that keeps the daemon from starting */
export function needOf(method: string, url: string): Need {
  const need = NEEDS.get(routeName(method, url));
  if (need === undefined) throw new Error(`${routeName(method, url)} stands in no line of api/permissions.ts`);
  return need;
}
