/**
 * `GET /api/v1/spend`: how much of each budget is used. Of whom a rule counts, those that the policy names and those whose
 * calls this node decided last; what a call will have cost stands in its window as it grows.
 */
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { FullestLimits } from '../gate/fullest-limits.ts';
import type { Charge, LimitStore } from '../gate/limit-store.ts';
import { BUDGET_KINDS } from '../policy/budget.ts';
import { COUNT_PER, describeSubject, type Subject } from '../policy/call.ts';
import { amountOf } from '../policy/money.ts';
import type { Policy } from '../policy/policy.ts';
import type { Rule } from '../policy/rule.ts';
import type { RateStore } from '../rates/rate-store.ts';
import { storeError } from '../redis/store-error.ts';
import { masked } from './cost-routes.ts';
import { type Api, instant, list, orNull, text } from './schema.ts';
import { rightsOf } from './who-asks.ts';

const spend = z.strictObject({
  at: instant,
  /** Null while there is no rate sheet, and no money is counted. */
  currency: orNull(text),
  /** The fullest first. */
  budgets: list(
    z.strictObject({
      rule: text,
      name: text,
      kind: z.enum(BUDGET_KINDS),
      /** `hard`: calls under way are ended when it is reached. */
      level: z.enum(['soft', 'hard']),
      isShadow: z.boolean(),
      /** As the rule has it: `60/1d`. */
      limit: text,
      per: z.enum(COUNT_PER),
      subject: text,
      /** Units of the currency, or minutes. */
      used: z.number(),
      of: z.number(),
    }),
  ),
});
export type SpendReport = z.input<typeof spend>;

const MOST_SUBJECTS = 500;
const MOST_SHOWN = 1000;
const AT_ONCE = 50;
const WITHIN_MS = 2000;

export function spendRoutes(
  app: Api,
  deps: {
    readonly limits: Pick<LimitStore, 'peek'>;
    readonly fullest: Pick<FullestLimits, 'subjectsOf'>;
    readonly policy: () => Policy;
    readonly rates: Pick<RateStore, 'sheet'>;
    readonly clock: Pick<Clock, 'now'>;
  },
): void {
  app.get(
    '/api/v1/spend',
    { schema: { summary: 'How much of each budget is used', response: { 200: spend } } },
    async (request): Promise<SpendReport> => {
      const shown = rightsOf(request).has('calls:read') ? (words: string) => words : masked;
      const policy = deps.policy();
      const charges = policy.rules
        .filter(({ enabled }) => enabled)
        .flatMap((rule) => chargesOf(rule, subjectsOf(rule, policy, deps.fullest.subjectsOf(rule.id))));
      const budgets: SpendReport['budgets'][number][] = [];
      for (let from = 0; from < charges.length; from += AT_ONCE) {
        const asked = charges.slice(from, from + AT_ONCE);
        const { readings } = await deps.limits.peek(asked, undefined, WITHIN_MS).catch((error: unknown) => {
          throw storeError(error);
        });
        readings.forEach((reading, place) => {
          const rule = asked[place]?.rule;
          const { count, subject } = reading;
          const [window] = reading.limits;
          if (rule === undefined || window === undefined || (count.kind !== 'spend' && count.kind !== 'minutes'))
            return;
          budgets.push({
            ...{
              rule: rule.id,
              name: rule.name,
              kind: count.kind,
              level: count.level,
              isShadow: rule.mode === 'shadow',
            },
            ...{ limit: window.limit.text, per: subject.kind, subject: shown(describeSubject(subject)) },
            ...{ used: amountOf(count.kind, window.used), of: amountOf(count.kind, window.limit.count) },
          });
        });
      }
      return {
        at: new Date(deps.clock.now()).toISOString(),
        currency: deps.rates.sheet()?.currency ?? null,
        budgets: budgets.sort((a, b) => b.used / b.of - a.used / a.of).slice(0, MOST_SHOWN),
      };
    },
  );
}

/** Asked for nothing: only what stands there is wanted. */
const NOTHING = { amount: 0, price: undefined, currency: undefined, note: undefined, talkSeconds: undefined } as const;

const chargesOf = (rule: Rule, subjects: readonly Subject[]): readonly Charge[] =>
  rule.counts
    .filter(({ kind }) => kind === 'spend' || kind === 'minutes')
    .flatMap((count) =>
      subjects.map((subject): Charge => ({ rule, subject, count, demand: 'lenient', reserves: NOTHING })),
    );

function subjectsOf(rule: Rule, { document }: Policy, seen: readonly Subject[]): readonly Subject[] {
  const known = new Map([...namedBy(rule, document), ...seen].map((each) => [`${each.kind} ${each.id}`, each]));
  return [...known.values()].slice(0, MOST_SUBJECTS);
}

function namedBy({ countPer }: Rule, document: Policy['document']): readonly Subject[] {
  switch (countPer) {
    case 'system':
      return [{ kind: 'system', id: '' }];
    case 'extension':
      return Object.keys(document.extensions).map((id) => ({ kind: 'extension', id }));
    case 'group':
      return Object.keys(document.groups).map((id) => ({ kind: 'group', id }));
    case 'trunk':
      return Object.keys(document.trunks).map((id) => ({ kind: 'trunk', id }));
    case 'number':
    case 'extension-number':
      return [];
    default:
      return countPer satisfies never;
  }
}
