/** `/api/v1/check` and `/explain` (what would happen) and `/api/v1/calls` (what did). */
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { createPatterns } from '../gate/call-patterns.ts';
import type { Gate } from '../gate/gate.ts';
import type { CallsPage, Journal } from '../gate/journal.ts';
import { reportExplanation } from '../gate/report.ts';
import { CALL_KINDS, type CallKind, type EpochMs } from '../policy/call.ts';
import { decision, explanation, outage, pattern } from './call-answers.ts';
import { callsFilter, mayPass, passes } from './calls-filter.ts';
import { notFound } from './problem.ts';
import { type Api, byId, jsonLines, limitOf, list, orNull, text as word } from './schema.ts';

const text = z.string().trim().max(128);
const optionalText = text.optional().transform((value) => (value === '' ? undefined : value));

const question = z.strictObject({
  destination: text.min(1, { error: 'is missing; say which number is called' }),
  extension: optionalText,
  trunk: optionalText,
  campaign: optionalText,
  /** How a dialler made the call. */
  kind: z.enum(CALL_KINDS).optional(),
  source: optionalText,
  /** Time zone of the called party. */
  zone: optionalText,
  at: z.iso.datetime({ offset: true, error: 'is not a time; write one like 2026-11-21T18:30:00Z' }).optional(),
});

const listQuery = z.strictObject({
  limit: limitOf(50),
  cursor: z
    .string()
    .regex(/^\d{1,20}-\d{1,20}$/, { error: 'is not a cursor of this list' })
    .optional(),
  ...callsFilter,
  /** Calls that are alike as one row: who, where to, what became of it. */
  groupBy: z.enum(['pattern'], { error: 'is not known; write pattern' }).optional(),
});

const patternsPage = z.strictObject({ patterns: list(pattern), complete: z.boolean() });

const dialledAs = (kind: CallKind) => ({ kind, agent: undefined, lead: undefined, list: undefined });

export function callRoutes(app: Api, deps: { readonly gate: Gate; readonly journal: Journal }): void {
  const { gate, journal } = deps;
  const explain = async ({ destination, at, ...rest }: z.output<typeof question>) => {
    const request = {
      dialled: destination,
      extension: rest.extension,
      trunk: rest.trunk,
      campaign: rest.campaign,
      source: rest.source,
      calledZone: rest.zone,
      dialler: rest.kind === undefined ? undefined : dialledAs(rest.kind),
    };
    return reportExplanation(await gate.explain(request, at === undefined ? undefined : (Date.parse(at) as EpochMs)));
  };
  for (const [verb, summary] of [
    ['explain', 'What each rule says of a call'],
    ['check', 'What would happen to a call'],
  ] as const)
    app.post(`/api/v1/${verb}`, { schema: { summary, body: question, response: { 200: explanation } } }, (request) =>
      explain(request.body),
    );

  app.get(
    '/api/v1/calls',
    {
      schema: {
        summary: 'What was decided, the newest first; or those that are alike as one',
        querystring: listQuery,
        response: {
          200: z.union([z.strictObject({ calls: list(decision), cursor: orNull(word) }), patternsPage]),
        },
      },
    },
    async (request): Promise<CallsPage | z.input<typeof patternsPage>> => {
      const { limit, cursor, since, groupBy, ...filter } = request.query;
      const from = since === undefined ? undefined : (Date.parse(since) as EpochMs);
      if (groupBy === undefined)
        return journal.list({
          ...{ limit, cursor, since: from },
          matches: (call) => passes(call, filter),
          mayMatch: mayPass(filter),
        });
      const patterns = createPatterns();
      const page = await journal.list({
        ...{ limit: 1, cursor, since: from, mayMatch: mayPass(filter) },
        matches: (call) => {
          if (passes(call, filter)) patterns.add(call);
          // Counted as it passes, and never collected.
          return false;
        },
      });
      return { patterns: patterns.list(limit), complete: page.cursor === null };
    },
  );
  app.get(
    '/api/v1/calls/:id',
    { schema: { summary: 'One decision, with all that led to it', params: byId, response: { 200: decision } } },
    async (request) => {
      const { id } = request.params;
      const call = await journal.find(id);
      if (call !== undefined) return call;
      throw notFound(
        'decision',
        id,
        'plain allows are counted and not kept, and old decisions are dropped (journal.maxEntries, journal.maxAge)',
      );
    },
  );
  app.get(
    '/api/v1/calls/tail',
    { schema: { summary: 'Decisions of this node as they are made', response: { 200: jsonLines } } },
    (_request, reply) => tail(reply, journal),
  );
  app.get(
    '/api/v1/outages',
    { schema: { summary: 'Times in which the store could not be asked', response: { 200: list(outage) } } },
    () => journal.outages(),
  );
}

/** A reader that does not keep up is cut off rather than buffered for ever. */
const MOST_UNREAD_BYTES = 1_000_000;

/** One JSON object a line, as decisions are made on this node, until the reader goes. */
function tail(reply: FastifyReply, journal: Journal): void {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, { 'content-type': 'application/x-ndjson' });
  raw.flushHeaders();
  const stop = journal.follow((call) => {
    if (raw.writableLength > MOST_UNREAD_BYTES) raw.destroy();
    else raw.write(`${JSON.stringify(call)}\n`);
  });
  raw.on('close', stop);
}
