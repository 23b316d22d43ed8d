/** `GET /api/v1/me`: who I am to this daemon, what I may do, and from where it sees me; what a page reads first. */
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { PERMISSIONS, ROLES } from '../people/roles.ts';
import { needsSecondFactor } from '../people/user.ts';
import { readAddress } from '../policy/addresses.ts';
import type { AllowedAddresses } from '../store/allowed-addresses.ts';
import type { PolicyStore } from '../store/policy-store.ts';
import { csrfTokenOf } from './authorize.ts';
import { type Api, instant, list, orNull, text } from './schema.ts';
import { askerOf, callerOf, rightsOf, whoAsks } from './who-asks.ts';

const me = z.strictObject({
  /** Of whoever is logged in by name; null for others. */
  user: orNull(text),
  /** As the audit log names him. */
  name: text,
  roles: list(z.enum(ROLES)),
  rights: list(z.enum(PERMISSIONS)),
  /** An owner without a second factor has nothing but his own account until he has one. */
  secondFactorNeeded: z.boolean(),
  /** To be sent as `x-csrf-token` with whatever changes something; null where no cookie is used. */
  csrfToken: orNull(text),
  /** When the log-in ends at the latest. */
  endsAt: orNull(instant),
  /** Where he comes from, as this daemon sees it. */
  address: orNull(text),
  /** The proxy that he comes by, if it is one that is trusted. */
  proxy: orNull(text),
  /** The entry of the allowlist that holds the address. */
  allowedBy: orNull(z.strictObject({ id: text, name: text, exempt: z.boolean() })),
  /** His own extension, where somebody else has to decide about its calls. */
  ownExtension: orNull(text),
  serverTime: instant,
  node: text,
  /** Time zone of the policy. */
  zone: text,
});
export type MeReport = z.output<typeof me>;

export function meRoutes(
  app: Api,
  deps: {
    readonly node: string;
    readonly policies: Pick<PolicyStore, 'current'>;
    readonly allowed: Pick<AllowedAddresses, 'entryOf' | 'exempts'>;
    readonly ownExtension: (name: string) => string | undefined;
    readonly clock: Pick<Clock, 'now'>;
  },
): void {
  const { node, policies, allowed, clock } = deps;
  app.get(
    '/api/v1/me',
    { schema: { summary: 'Who I am, what I may do, and from where I am seen', response: { 200: me } } },
    (request) => {
      const asker = askerOf(request);
      const { address } = callerOf(request);
      const entry = address === undefined ? undefined : allowed.entryOf(address);
      const peer = readAddress(request.socket.remoteAddress ?? '');
      const seen = readAddress(address ?? '');
      const isProxied = asker.kind !== 'administrator' && peer !== undefined && peer.value !== seen?.value;
      const user = asker.kind === 'user' ? asker : undefined;
      return {
        user: user?.user.name ?? null,
        name: whoAsks(request),
        roles: user === undefined ? [] : [...user.user.roles],
        rights: [...rightsOf(request)],
        secondFactorNeeded: user !== undefined && needsSecondFactor(user.user),
        csrfToken: user === undefined ? null : csrfTokenOf(user.cookie),
        endsAt: user === undefined ? null : new Date(user.session.endsAt).toISOString(),
        address: address ?? null,
        proxy: isProxied ? (request.socket.remoteAddress ?? null) : null,
        allowedBy: entry === undefined ? null : { id: entry.id, name: entry.name, exempt: allowed.exempts(entry) },
        ownExtension: (user === undefined ? undefined : deps.ownExtension(user.user.name)) ?? null,
        serverTime: new Date(clock.now()).toISOString(),
        node,
        zone: policies.current().policy.document.timezone,
      };
    },
  );
}
