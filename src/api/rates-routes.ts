/** `/api/v1/rates`: what calls cost. A sheet is sent as its CSV file and takes the place of the one before, whole or not at all. */
import { z } from 'zod';
import { formatCsvProblem } from '../csv/table.ts';
import type { Audit } from '../people/audit-log.ts';
import { MICROS } from '../policy/money.ts';
import type { Policy } from '../policy/policy.ts';
import { costOf, type Price } from '../rates/price.ts';
import { LARGEST_RATE_FILE_BYTES, readRateFile } from '../rates/rate-file.ts';
import type { RateRow } from '../rates/rate-sheet.ts';
import type { RateStore } from '../rates/rate-store.ts';
import { notFound, ProblemError } from './problem.ts';
import type { ActOf } from './recorded-changes.ts';
import { type Api, instant, limitOf, list, orNull, text, yesOrNo } from './schema.ts';

const price = z.strictObject({
  /** In units of the currency. */
  perMinute: z.number(),
  connection: z.number(),
  /** Whole seconds. */
  firstSeconds: z.int(),
  nextSeconds: z.int(),
});
const change = z.strictObject({
  at: instant,
  by: text,
  what: text,
  currency: text,
  prefixes: z.int(),
  added: z.int(),
  changed: z.int(),
  removed: z.int(),
});
const summary = z.strictObject({
  version: z.int(),
  /** Null while there is no rate sheet. */
  currency: orNull(text),
  prefixes: z.int(),
  changedAt: orNull(instant),
  changedBy: orNull(text),
  dearest: orNull(price.extend({ prefix: text })),
  /** Whether there is a sheet to go back to. */
  canUndo: z.boolean(),
});
const packed = z.strictObject({
  /** Null while there is no rate sheet. */
  currency: orNull(text),
  prefixes: z.int(),
  /** All its rows as lines of text, gzip, base64. */
  packed: text,
});
const rows = z.strictObject({ rates: list(price.extend({ prefix: text })), complete: z.boolean() });
const checked = price.extend({
  destination: text,
  currency: text,
  /** `prefix`, `class` (the dearest of it, because no prefix is of the number) or `free`. */
  by: text,
  prefix: orNull(text),
  class: orNull(text),
  /** What a call of ten minutes costs. */
  tenMinutes: z.number(),
});
const imported = z.strictObject({
  applied: z.boolean(),
  currency: text,
  prefixes: z.int(),
  added: z.int(),
  changed: z.int(),
  removed: z.int(),
  unchanged: z.int(),
});

export type RatesReport = z.infer<typeof summary>;
export type PackedRates = z.infer<typeof packed>;
export type RateRows = z.infer<typeof rows>;
export type CheckedRate = z.infer<typeof checked>;
export type RateImport = z.infer<typeof imported>;
export type RateChangeReport = z.infer<typeof change>;

const importQuery = z.strictObject({
  dryRun: yesOrNo,
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, { error: 'is no currency; write three letters such as USD' })
    .optional(),
  /** Name of the file, for the record. */
  file: z.string().max(200).default('a file'),
});
const STANDARD_CURRENCY = 'USD';

export function rateRoutes(
  app: Api,
  deps: { readonly rates: RateStore; readonly policy: () => Policy; readonly audit: Audit; readonly act: ActOf },
): void {
  const { rates, audit, act } = deps;
  app.addContentTypeParser(
    'text/csv',
    { parseAs: 'buffer', bodyLimit: LARGEST_RATE_FILE_BYTES },
    (_request, body, done) => done(null, body),
  );

  app.get('/api/v1/rates', { schema: { summary: 'The rate sheet in force', response: { 200: summary } } }, () => {
    const { version, document } = rates.current();
    const dearest = rates.sheet()?.dearest;
    const [last] = document.history;
    return {
      version,
      currency: document.sheet?.currency ?? null,
      prefixes: document.sheet?.prefixes ?? 0,
      changedAt: last?.at ?? null,
      changedBy: last?.by ?? null,
      dearest: dearest === undefined ? null : reportRow(dearest),
      canUndo: document.before !== null,
    };
  });
  app.get(
    '/api/v1/rates/packed',
    {
      schema: { summary: 'The whole rate sheet as it is kept, for tollgate simulate', response: { 200: packed } },
    },
    () => rates.current().document.sheet ?? { currency: null, prefixes: 0, packed: '' },
  );
  app.get(
    '/api/v1/rates/prefixes',
    {
      schema: {
        summary: 'Rows of the rate sheet that begin with some digits',
        querystring: z.strictObject({ begins: z.string().max(20).default('+'), limit: limitOf(100, 10_000) }),
        response: { 200: rows },
      },
    },
    (request) => {
      const { begins, limit } = request.query;
      const wanted = /^[1-9]/.test(begins) ? `+${begins}` : begins;
      const found: RateRow[] = [];
      for (const row of rates.sheet()?.rows() ?? []) {
        if (row.prefix.startsWith(wanted)) found.push(row);
        if (found.length > limit) break;
      }
      return { rates: found.slice(0, limit).map(reportRow), complete: found.length <= limit };
    },
  );
  app.get(
    '/api/v1/rates/check',
    {
      schema: {
        summary: 'What a call to a number costs, and why',
        querystring: z.strictObject({ number: z.string().min(1).max(128) }),
        response: { 200: checked },
      },
    },
    (request) => {
      const sheet = rates.sheet();
      if (sheet === undefined) throw notFound('rate sheet', 'in force', 'tollgate rates import FILE.csv brings one');
      const destination = deps.policy().readDestination(request.query.number);
      const priced = sheet.priceOf(destination);
      return {
        ...reportPrice(priced.price),
        destination: destination.e164 ?? destination.number,
        currency: sheet.currency,
        by: priced.by,
        prefix: priced.prefix ?? null,
        class: priced.class ?? null,
        tenMinutes: costOf(priced.price, 600_000) / MICROS,
      };
    },
  );
  app.get(
    '/api/v1/rates/history',
    { schema: { summary: 'Changes of the rate sheet, the last first', response: { 200: list(change) } } },
    () => rates.current().document.history,
  );
  app.post(
    '/api/v1/rates/import',
    {
      schema: {
        summary: 'Put a CSV file (text/csv) in the place of the rate sheet, whole or not at all',
        querystring: importQuery,
        body: z.instanceof(Buffer, { error: 'is missing; send the file as text/csv' }),
        response: { 200: imported },
      },
    },
    async (request) => {
      const { dryRun, file, ...query } = request.query;
      const read = await readRateFile(request.body);
      if ('problems' in read) {
        const problems = read.problems.map((problem) => ({ path: '', message: formatCsvProblem(file, problem) }));
        const more = read.more === 0 ? [] : [{ path: '', message: `${file} has ${read.more} more mistakes` }];
        throw new ProblemError('INVALID_REQUEST', [...problems, ...more]);
      }
      if (query.currency !== undefined && read.currency !== undefined && query.currency !== read.currency) {
        const message = `is ${query.currency}, and the file is in ${read.currency}; leave it out`;
        throw new ProblemError('INVALID_REQUEST', [{ path: 'currency', message }]);
      }
      const before = rates.current().document.sheet;
      const currency = read.currency ?? query.currency ?? before?.currency ?? STANDARD_CURRENCY;
      const counts = rates.compare(read.rows, currency);
      const report = { currency, prefixes: read.rows.length, ...counts };
      if (dryRun === 'true') return { applied: false, ...report };
      const what = act(request, 'rates.import', 'rates');
      await rates.replace({ rows: read.rows, currency, what: `import ${file}` }, what.by);
      await audit({
        ...what,
        before: before && { currency: before.currency, prefixes: before.prefixes },
        after: { file, ...report },
      });
      return { applied: true, ...report };
    },
  );
  app.post(
    '/api/v1/rates/undo',
    { schema: { summary: 'Go back to the rate sheet before; once more undoes that', response: { 200: change } } },
    async (request) => {
      const what = act(request, 'rates.undo', 'rates');
      const done = await rates.undo(what.by);
      await audit({ ...what, after: done });
      return done;
    },
  );
}

const reportPrice = ({ perMinuteMicros, connectionMicros, firstSeconds, nextSeconds }: Price) => ({
  perMinute: perMinuteMicros / MICROS,
  connection: connectionMicros / MICROS,
  firstSeconds,
  nextSeconds,
});
const reportRow = ({ prefix, ...row }: RateRow) => ({ prefix, ...reportPrice(row) });
