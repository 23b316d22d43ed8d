/**
 * `GET /api/v1/spend/history`: what calls that are over came to, by day, extension, group, trunk or country; and the same
 * as a CSV file. Who may not see who called whom sees numbers by their last four digits.
 */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { guard, writeTable } from '../csv/table.ts';
import { COST_DAYS, COST_KINDS, type CostHistory, type CostSum, lastDays } from '../live-calls/cost-history.ts';
import { MICROS } from '../policy/money.ts';
import type { Policy } from '../policy/policy.ts';
import type { RateStore } from '../rates/rate-store.ts';
import { type Api, instant, list, orNull, text } from './schema.ts';
import { rightsOf } from './who-asks.ts';

const BY = ['day', ...COST_KINDS.filter((kind) => kind !== 'total')] as const;
type By = (typeof BY)[number];

const query = z.strictObject({
  by: z.enum(BY, { error: `is not known; write ${BY.join(', ')}` }).default('day'),
  days: z.coerce.number().int().min(1).max(COST_DAYS).default(31),
});

const history = z.strictObject({
  at: instant,
  by: z.enum(BY),
  days: z.number(),
  /** The first and the last day, `2026-11-21`, of the policy's time zone. */
  from: text,
  to: text,
  zone: text,
  /** Null where no call had a price. */
  currency: orNull(text),
  /** Currencies of older rate sheets, whose amounts are not in it. */
  leftOut: list(text),
  /** Days, the latest first; everything else, the dearest first. */
  rows: list(
    z.strictObject({
      /** `*`: those that were too many to be told apart. */
      name: text,
      /** As the policy has it. */
      label: orNull(text),
      calls: z.number(),
      talkSeconds: z.number(),
      cost: z.number(),
    }),
  ),
  /** Of all, rows that are not shown among them. A call of an extension in two groups is in both. */
  total: z.strictObject({ calls: z.number(), talkSeconds: z.number(), cost: z.number() }),
});
export type CostReport = z.input<typeof history>;
type Row = CostReport['rows'][number];

const MOST_ROWS = 5000;
const COUNTRIES = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' });

export function costRoutes(
  app: Api,
  deps: {
    readonly costs: Pick<CostHistory, 'read'>;
    readonly policy: () => Policy;
    readonly rates: Pick<RateStore, 'sheet'>;
    readonly clock: Pick<Clock, 'now'>;
  },
): void {
  const report = async ({ by, days }: z.output<typeof query>, request: FastifyRequest): Promise<CostReport> => {
    const { document } = deps.policy();
    const now = deps.clock.now();
    const named = lastDays(now, document.timezone, days);
    const read = await deps.costs.read(by === 'day' ? 'total' : by, named);
    const byName = new Map<string, CostSum[]>();
    read.forEach((sums, at) => {
      if (by === 'day') byName.set(named[at] ?? '', [...sums.values()]);
      else for (const [name, sum] of sums) byName.set(name, [...(byName.get(name) ?? []), sum]);
    });
    const all = [...byName.values()].flat();
    const found = [...new Set(all.flatMap(({ micros }) => [...micros.keys()]))];
    const currency = deps.rates.sheet()?.currency ?? found[0] ?? null;
    const amounts = (sums: readonly CostSum[]): Pick<Row, 'calls' | 'talkSeconds' | 'cost'> => ({
      calls: sums.reduce((total, { calls }) => total + calls, 0),
      talkSeconds: sums.reduce((total, { talkSeconds }) => total + talkSeconds, 0),
      cost: sums.reduce((total, { micros }) => total + (micros.get(currency ?? '') ?? 0), 0) / MICROS,
    });
    const shown = rightsOf(request).has('calls:read') ? (name: string) => name : masked;
    const rows = [...byName].map(([name, sums]): Row => {
      return { name: shown(name), label: labelOf(by, name, document), ...amounts(sums) };
    });
    return {
      ...{ at: new Date(now).toISOString(), by, days, from: named[0] ?? '', to: named.at(-1) ?? '' },
      ...{ zone: document.timezone, currency, leftOut: found.filter((each) => each !== currency) },
      rows: rows
        .sort((a, b) =>
          by === 'day'
            ? a.name < b.name
              ? 1
              : -1
            : b.cost - a.cost || b.talkSeconds - a.talkSeconds || b.calls - a.calls,
        )
        .slice(0, MOST_ROWS),
      total: amounts(all),
    };
  };
  app.get(
    '/api/v1/spend/history',
    { schema: { summary: 'What calls that are over cost', querystring: query, response: { 200: history } } },
    (request) => report(request.query, request),
  );
  app.get(
    '/api/v1/spend/history/csv',
    {
      schema: {
        summary: 'What calls that are over cost, as CSV',
        querystring: query,
        response: { 200: z.unknown().meta({ contentMediaType: 'text/csv' }) },
      },
    },
    async (request, reply) => {
      const { by, currency, rows } = await report(request.query, request);
      const lines = rows.map(({ name, label, calls, talkSeconds, cost }) =>
        [
          name,
          label ?? '',
          String(calls),
          String(talkSeconds),
          currency === null ? '' : String(cost),
          currency ?? '',
        ].map((cell) => guard(cell)),
      );
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', 'attachment; filename="cost.csv"')
        .send(writeTable([[by, 'name', 'calls', 'talk seconds', 'cost', 'currency'], ...lines]));
    },
  );
}

function labelOf(by: By, name: string, document: Policy['document']): string | null {
  switch (by) {
    case 'extension':
      return document.extensions[name]?.name ?? null;
    case 'group':
      return document.groups[name]?.name ?? null;
    case 'trunk':
      return document.trunks[name]?.name ?? null;
    case 'country':
      return /^[A-Z]{2}$/.test(name) ? (COUNTRIES.of(name) ?? null) : null;
    case 'day':
      return null;
    default:
      return by satisfies never;
  }
}

/** Of everything that is longer than an extension, the last four digits. */
export const masked = (words: string): string => words.replaceAll(/\+?\d{5,}/g, (number) => `…${number.slice(-4)}`);
