/**
 * `GET policy/groups` and `GET policy/trunks`: what a page shows of them beside their fields: how many known extensions each
 * member of a group stands for, which rules name it, and when a call last failed on a trunk.
 */
import { z } from 'zod';
import type { Defence } from '../bans/defence.ts';
import type { TrunkFailures } from '../live-calls/trunk-failures.ts';
import { numberSet } from '../policy/number-set.ts';
import type { PolicyStore } from '../store/policy-store.ts';
import { type Api, instant, list, orNull, text } from './schema.ts';

const group = z.strictObject({
  id: text,
  name: text,
  /** The first of them, each with the number of known extensions that it stands for. */
  members: list(z.strictObject({ member: text, known: z.number() })),
  /** Members that are not among them. */
  more: z.number(),
  rules: list(text),
});
const groups = z.strictObject({
  groups: list(group),
  /** How many extensions are known: those of the policy, of an Asterisk, and those that a group names one by one. */
  known: z.number(),
});
const trunk = z.strictObject({ id: text, name: text, lastFailure: orNull(instant), rules: list(text) });

export type GroupsAnswer = z.infer<typeof groups>;
export type GroupRow = z.infer<typeof group>;
export type TrunkRow = z.infer<typeof trunk>;

/** More than a screen shows; a group may have ten thousand. */
const MOST_MEMBERS = 24;
const EXACT = /^\d{1,15}$/;

export function memberOverviewRoutes(
  app: Api,
  deps: {
    readonly policies: Pick<PolicyStore, 'current'>;
    readonly endpoints: Defence['endpoints'];
    readonly trunks: Pick<TrunkFailures, 'last'>;
  },
): void {
  const document = () => deps.policies.current().policy.document;
  const rulesOf = (kind: 'groups' | 'trunks', id: string): string[] =>
    document()
      .rules.filter(({ appliesTo }) => appliesTo !== 'all' && appliesTo[kind]?.includes(id) === true)
      .map((rule) => rule.id);

  app.get(
    '/api/v1/policy/groups',
    { schema: { summary: 'Groups, and how many extensions each member stands for', response: { 200: groups } } },
    async (): Promise<GroupsAnswer> => {
      const { endpoints } = await deps.endpoints();
      const { extensions, groups: all } = document();
      const phones = endpoints.filter(({ kind }) => kind === 'extension').map(({ name }) => name);
      const named = Object.values(all).flatMap(({ members }) => members.filter((member) => EXACT.test(member)));
      const known = new Set([...Object.keys(extensions), ...phones, ...named]);
      const countOf = (member: string): number => {
        if (EXACT.test(member)) return known.has(member) ? 1 : 0;
        const { has } = numberSet([member]);
        let count = 0;
        for (const number of known) if (has(number)) count += 1;
        return count;
      };
      return {
        known: known.size,
        groups: Object.entries(all).map(([id, { name, members }]) => ({
          id,
          name: name ?? id,
          members: members.slice(0, MOST_MEMBERS).map((member) => ({ member, known: countOf(member) })),
          more: Math.max(0, members.length - MOST_MEMBERS),
          rules: rulesOf('groups', id),
        })),
      };
    },
  );

  app.get(
    '/api/v1/policy/trunks',
    { schema: { summary: 'Trunks, and when a call last failed on each', response: { 200: list(trunk) } } },
    async (): Promise<TrunkRow[]> => {
      // The list is there while the store is away.
      const failed = await deps.trunks.last().catch(() => new Map<string, number>());
      return Object.entries(document().trunks).map(([id, { name }]) => {
        const at = failed.get(id);
        return {
          id,
          name: name ?? id,
          lastFailure: at === undefined ? null : new Date(at).toISOString(),
          rules: rulesOf('trunks', id),
        };
      });
    },
  );
}
