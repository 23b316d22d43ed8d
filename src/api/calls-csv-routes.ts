/** `GET /api/v1/calls/csv`: the decisions that pass a filter as a file for spreadsheets, written as they are read. */
import { Readable } from 'node:stream';
import { z } from 'zod';
import { guard, writeTable } from '../csv/table.ts';
import type { Journal } from '../gate/journal.ts';
import type { DecisionReport } from '../gate/report.ts';
import type { EpochMs } from '../policy/call.ts';
import { callsFilter, mayPass, passes } from './calls-filter.ts';
import type { Api } from './schema.ts';

const shadowsOf = ({ findings }: DecisionReport): string =>
  findings
    .flatMap(({ rule, mode, applies, exceeded }) => (mode === 'shadow' && applies && exceeded ? [rule] : []))
    .join(' ');

const COLUMNS: readonly (readonly [string, (call: DecisionReport) => string | number | null | undefined])[] = [
  ['time', ({ at }) => at],
  ['verdict', ({ verdict }) => verdict],
  ['extension', ({ extension }) => extension],
  ['destination', ({ destination }) => destination],
  ['dialled', ({ dialled }) => dialled],
  ['kind of number', ({ destinationLabel }) => destinationLabel],
  ['trunk', ({ trunk }) => trunk],
  ['trunks tried', ({ trunksTried }) => trunksTried.join(' ')],
  ['rule', ({ rule }) => rule],
  ['reason', ({ reason }) => reason],
  ['source', ({ source }) => source],
  ['campaign', ({ campaign }) => campaign],
  ['agent', ({ dialler }) => dialler?.agent],
  ['dialled by', ({ dialler }) => dialler?.kind],
  ['wait ms', ({ waitMs }) => waitMs],
  ['extension name', ({ extensionName }) => extensionName],
  ['would act in shadow', shadowsOf],
  ['hold', ({ held }) => held?.state],
  ['hold decided by', ({ held }) => held?.by],
  ['hold ms', ({ held }) => held?.waitedMs],
  ['ended', ({ end }) => end?.at],
  ['seconds', ({ end }) => end?.seconds],
  ['talk seconds', ({ end }) => end?.talkSeconds],
  ['outcome', ({ end }) => end?.outcome],
  ['cost', ({ end }) => end?.cost],
  ['currency', ({ end }) => end?.currency],
  ['node', ({ node }) => node],
  ['decision', ({ id }) => id],
];
const PAGE = 500;

export function callsCsvRoutes(app: Api, deps: { readonly journal: Pick<Journal, 'list'> }): void {
  app.get(
    '/api/v1/calls/csv',
    {
      schema: {
        summary: 'What was decided as CSV, the newest first',
        querystring: z.strictObject(callsFilter),
        response: { 200: z.unknown().meta({ contentMediaType: 'text/csv' }) },
      },
    },
    async ({ query }, reply) => {
      const { since, ...filter } = query;
      const from = since === undefined ? undefined : (Date.parse(since) as EpochMs);
      const read = (cursor: string | undefined) =>
        deps.journal.list({
          ...{ limit: PAGE, cursor, since: from },
          matches: (call) => passes(call, filter),
          mayMatch: mayPass(filter),
        });
      // A store that is away is answered as everywhere, before anything was sent.
      const first = await read(undefined);
      const lines = async function* () {
        yield writeTable([COLUMNS.map(([name]) => name)]);
        let page = first;
        for (;;) {
          if (page.calls.length > 0) yield writeTable(page.calls.map(rowOf));
          if (page.cursor === null) return;
          page = await read(page.cursor);
        }
      };
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', 'attachment; filename="calls.csv"')
        .send(Readable.from(lines()));
    },
  );
}

/** Numbers that callers dial and names that phones send are text, whatever a spreadsheet would make of them. */
const rowOf = (call: DecisionReport): readonly string[] =>
  COLUMNS.map(([, read]) => {
    const value = read(call) ?? '';
    return value === '' ? '' : guard(String(value));
  });
