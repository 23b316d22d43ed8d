/** Approvals: list them, follow them, decide one. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import { reportApproval } from '../approvals/approval.ts';
import type { ApprovalDesk } from '../approvals/approval-desk.ts';
import { TollgateError } from '../errors.ts';
import { notFound, parse } from './problem.ts';
import type { WhoAsks } from './who-asks.ts';

const listQuery = z.strictObject({
  state: z.enum(['open', 'all']).default('open'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
/** One line, because it goes into logs and sentences. */
const decision = z
  .strictObject({
    reason: z
      .string()
      .max(200)
      .regex(/^[^\p{Cc}]*$/u, { error: 'holds a control character' })
      .optional(),
  })
  .default({});

export function approvalRoutes(
  app: FastifyInstance,
  deps: { readonly desk: ApprovalDesk; readonly whoAsks: WhoAsks },
): void {
  const { desk } = deps;
  app.get('/api/v1/approvals', (request) => {
    const { state, limit } = parse(listQuery, request.query);
    return desk.list(state, limit);
  });
  app.get<{ Params: { readonly id: string } }>('/api/v1/approvals/:id', async (request) => {
    const found = await desk.find(request.params.id);
    if (found === undefined) throw noApproval(request.params.id);
    return reportApproval(found.approval, found.settlement);
  });
  for (const [verb, state] of [
    ['approve', 'approved'],
    ['refuse', 'refused'],
  ] as const) {
    app.post<{ Params: { readonly id: string } }>(`/api/v1/approvals/:id/${verb}`, async (request) => {
      const { id } = request.params;
      const { reason } = parse(decision, request.body ?? {});
      const by = deps.whoAsks(request);
      const settled = await desk.settle(id, { state, by, ...(reason === undefined ? {} : { reason }) });
      if (settled === undefined) throw noApproval(id);
      if (!settled.isFirst) throw new TollgateError('CONFLICT', lateSentence(settled.settlement));
      const found = await desk.find(id);
      if (found === undefined) throw noApproval(id);
      return reportApproval(found.approval, found.settlement);
    });
  }
  app.get('/api/v1/approvals/watch', (_request, reply) => watch(reply, desk));
}

const noApproval = (id: string): TollgateError =>
  notFound('approval', id, 'tollgate approvals list names those that are open; settled ones are kept for 30 days');

function lateSentence(first: {
  readonly state: string;
  readonly by?: string | undefined;
  readonly at: number;
}): string {
  const when = new Date(first.at).toISOString();
  return first.by === undefined
    ? `the approval was ${first.state} at ${when} already`
    : `the approval was ${first.state} by ${first.by} at ${when} already`;
}

const MOST_UNREAD_BYTES = 1_000_000;

/** One JSON object a line for each approval that is opened or settled through this node, until the reader goes. */
function watch(reply: FastifyReply, desk: ApprovalDesk): void {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, { 'content-type': 'application/x-ndjson' });
  raw.flushHeaders();
  const send = (value: object): void => {
    if (raw.writableLength > MOST_UNREAD_BYTES) raw.destroy();
    else raw.write(`${JSON.stringify(value)}\n`);
  };
  const stops = [
    desk.onOpened((approval) => send(reportApproval(approval, undefined))),
    desk.onSettled(({ approval, settlement }) => send(reportApproval(approval, settlement))),
  ];
  raw.on('close', () => {
    for (const stop of stops) stop();
  });
}
