/** `/api/v1/check` and `/explain` (what would happen) and `/api/v1/calls` (what did). */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Gate } from '../gate/gate.ts';
import type { Journal } from '../gate/journal.ts';
import { type DecisionReport, reportExplanation } from '../gate/report.ts';
import { wouldHaveActed } from '../gate/shadow-report.ts';
import type { LiveCalls } from '../live-calls/live-calls.ts';
import { VERDICTS } from '../policy/actions/action.ts';
import { CALL_KINDS, type CallKind, type EpochMs } from '../policy/call.ts';
import { notFound, parse } from './problem.ts';

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
  limit: z.coerce.number().int().min(1).max(1000).default(50),
  cursor: z
    .string()
    .regex(/^\d{1,20}-\d{1,20}$/, { error: 'is not a cursor of this list' })
    .optional(),
  verdict: z.enum(VERDICTS).optional(),
  extension: z.string().optional(),
  rule: z.string().optional(),
  trunk: z.string().optional(),
  destination: z.string().optional(),
  /** A rule: calls that it would have acted on while it was in shadow. */
  shadow: z.string().optional(),
  since: z.iso.datetime({ offset: true }).optional(),
});

const dialledAs = (kind: CallKind) => ({ kind, agent: undefined, lead: undefined, list: undefined });

export function callRoutes(
  app: FastifyInstance,
  deps: { readonly gate: Gate; readonly journal: Journal; readonly liveCalls: LiveCalls },
): void {
  const { gate, journal } = deps;
  const explain = async (body: unknown) => {
    const { destination, at, ...rest } = parse(question, body);
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
  app.post('/api/v1/explain', async (request) => explain(request.body));
  app.post('/api/v1/check', async (request) => explain(request.body));

  app.get('/api/v1/calls', (request) => {
    const { limit, cursor, since, ...filter } = parse(listQuery, request.query);
    const from = since === undefined ? undefined : (Date.parse(since) as EpochMs);
    return journal.list({ limit, cursor, since: from, matches: (call) => matches(call, filter) });
  });
  app.get<{ Params: { readonly id: string } }>('/api/v1/calls/:id', async (request) => {
    const { id } = request.params;
    const call = await journal.find(id);
    if (call !== undefined) return call;
    throw notFound(
      'decision',
      id,
      'plain allows are counted and not kept, and old decisions are dropped (journal.maxEntries, journal.maxAge)',
    );
  });
  app.get('/api/v1/calls/live', async () => deps.liveCalls.list());
  app.get('/api/v1/calls/tail', (_request, reply) => tail(reply, journal));
  app.get('/api/v1/outages', async () => journal.outages());
}

type Filter = Omit<z.infer<typeof listQuery>, 'limit' | 'cursor' | 'since'>;

const matches = (call: DecisionReport, filter: Filter): boolean =>
  (filter.verdict === undefined || call.verdict === filter.verdict) &&
  (filter.extension === undefined || call.extension === filter.extension) &&
  (filter.rule === undefined || call.rule === filter.rule) &&
  (filter.trunk === undefined || call.trunk === filter.trunk) &&
  (filter.shadow === undefined || wouldHaveActed(call, filter.shadow)) &&
  (filter.destination === undefined ||
    call.destination.includes(filter.destination) ||
    call.dialled.includes(filter.destination));

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
