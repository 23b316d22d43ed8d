/**
 * `GET policy/extensions`: every extension that the policy names or an Asterisk has, with what is known of it now: groups,
 * permissions, where its phone is, why it is exempt, what is used of its limits, and what it is locked out of.
 */
import { z } from 'zod';
import type { Defence } from '../bans/defence.ts';
import type { Clock } from '../clock.ts';
import type { FullestLimits } from '../gate/fullest-limits.ts';
import { reportLock } from '../locks/lock-report.ts';
import type { Locks } from '../locks/locks.ts';
import type { AllowedAddresses } from '../store/allowed-addresses.ts';
import type { PolicyStore } from '../store/policy-store.ts';
import { type Api, instant, list, orNull, text } from './schema.ts';

const row = z.strictObject({
  number: text,
  name: orNull(text),
  /** Whether the policy has an entry of it; members of groups need none. */
  isInPolicy: z.boolean(),
  groups: list(text),
  permissions: list(text),
  registerFrom: list(text),
  /** What Asterisk says of it; null where none has it, or none could be asked. */
  state: orNull(text),
  registeredFrom: list(text),
  /** Its phone is where the policy does not let it register from. */
  isElsewhere: z.boolean(),
  /** Entry of the allowlist that exempts it from call limits now. */
  exemptBy: orNull(text),
  limits: list(z.strictObject({ rule: text, name: text, limit: text, used: z.number(), of: z.number() })),
  locks: list(z.strictObject({ id: text, rule: text, because: text, since: instant, destinations: list(text) })),
});
const answer = z.strictObject({
  extensions: list(row),
  /** Asterisks that could not be asked. */
  problems: list(z.strictObject({ asterisk: text, problem: text })),
});
export type ExtensionRow = z.infer<typeof row>;
export type ExtensionsAnswer = z.infer<typeof answer>;

const MOST_LIMITS = 2000;
const EXACT = /^\d{1,15}$/;

export function extensionOverviewRoutes(
  app: Api,
  deps: {
    readonly policies: Pick<PolicyStore, 'current'>;
    readonly endpoints: Defence['endpoints'];
    readonly allowed: Pick<AllowedAddresses, 'entryOf' | 'exempts'>;
    readonly fullest: Pick<FullestLimits, 'list'>;
    readonly locks: Pick<Locks, 'list'>;
    readonly clock: Pick<Clock, 'now'>;
  },
): void {
  app.get(
    '/api/v1/policy/extensions',
    { schema: { summary: 'Extensions, and what is known of each now', response: { 200: answer } } },
    async (): Promise<ExtensionsAnswer> => {
      const { endpoints, problems } = await deps.endpoints();
      const { policy } = deps.policies.current();
      const { extensions, groups } = policy.document;
      const phones = new Map<string, { readonly state: string; readonly hosts: readonly string[] }>();
      for (const { name, kind, state, hosts } of endpoints)
        if (kind === 'extension') phones.set(name, { state, hosts: [...(phones.get(name)?.hosts ?? []), ...hosts] });
      const limits = bySubject(deps.fullest.list(MOST_LIMITS, deps.clock.now()));
      const locks = bySubject(deps.locks.list().map(reportLock));
      const exact = Object.values(groups).flatMap(({ members }) => members.filter((member) => EXACT.test(member)));
      const seen = [...limits.keys(), ...locks.keys()].flatMap((subject) => {
        const [, number] = /^extension (.+)$/.exec(subject) ?? [];
        return number === undefined ? [] : [number];
      });
      const numbers = [...new Set([...Object.keys(extensions), ...phones.keys(), ...exact, ...seen])];
      const exemptBy = (hosts: readonly string[]): string | null => {
        const entry = hosts.map((host) => deps.allowed.entryOf(host)).find((each) => each !== undefined);
        return entry !== undefined && deps.allowed.exempts(entry) ? entry.name : null;
      };
      return {
        problems: [...problems],
        extensions: numbers
          .sort((one, other) => one.localeCompare(other, 'en', { numeric: true }))
          .map((number): ExtensionRow => {
            const entry = Object.hasOwn(extensions, number) ? extensions[number] : undefined;
            const phone = phones.get(number);
            return {
              number,
              name: entry?.name ?? null,
              isInPolicy: entry !== undefined,
              groups: [...policy.groupsOf(number)],
              permissions: entry?.permissions ?? [],
              registerFrom: entry?.registerFrom ?? [],
              state: phone?.state ?? null,
              registeredFrom: [...new Set(phone?.hosts ?? [])],
              isElsewhere: (phone?.hosts ?? []).some((host) => policy.places.isElsewhere(number, host)),
              exemptBy: exemptBy(phone?.hosts ?? []),
              limits: (limits.get(`extension ${number}`) ?? []).map(({ subject: _, ...each }) => each),
              locks: (locks.get(`extension ${number}`) ?? []).map(({ subject: _, ...each }) => each),
            };
          }),
      };
    },
  );
}

function bySubject<T extends { readonly subject: string }>(all: readonly T[]): ReadonlyMap<string, readonly T[]> {
  const found = new Map<string, T[]>();
  for (const each of all) found.set(each.subject, [...(found.get(each.subject) ?? []), each]);
  return found;
}
