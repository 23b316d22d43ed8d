/** Approvals: list them, follow them, decide one. Grants: list them, revoke one. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import { type KnownApproval, reportApproval } from '../approvals/approval.ts';
import type { ApprovalDesk, Settled } from '../approvals/approval-desk.ts';
import type { Decisions } from '../approvals/decisions.ts';
import {
  GRANTED_FOR,
  LONGEST_GRANT_MINUTES,
  MOST_GRANTED_CALLS,
  reportGrant,
  USUAL_GRANT_MINUTES,
} from '../approvals/grant.ts';
import type { Grants } from '../approvals/grants.ts';
import type { TollgateError } from '../errors.ts';
import { ConflictError, notFound, parse } from './problem.ts';
import { type WhoAsks, whereFrom } from './who-asks.ts';

const listQuery = z.strictObject({
  state: z.enum(['open', 'all']).default('open'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
/** One line, because it goes into logs and sentences. */
const reason = z
  .string()
  .max(200)
  .regex(/^[^\p{Cc}]*$/u, { error: 'holds a control character' });
const refusal = z.strictObject({ reason: reason.optional() }).default({});
const approval = z
  .strictObject({
    reason: reason.optional(),
    for: z.enum(GRANTED_FOR, { error: 'is not known; write call, number or limit' }).optional(),
    minutes: z.int().min(1).max(LONGEST_GRANT_MINUTES).optional(),
    calls: z.int().min(1).max(MOST_GRANTED_CALLS).optional(),
  })
  .superRefine((value, context) => {
    const say = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message });
    const what = value.for ?? 'call';
    if (what === 'call' && value.minutes !== undefined)
      say('minutes', `has no use for this call alone; add for: number or limit (${USUAL_GRANT_MINUTES} by default)`);
    if (what !== 'limit' && value.calls !== undefined) say('calls', 'has a use with for: limit only');
  })
  .default({});

export function approvalRoutes(
  app: FastifyInstance,
  deps: {
    readonly desk: ApprovalDesk;
    readonly decisions: Decisions;
    readonly grants: Grants;
    readonly whoAsks: WhoAsks;
  },
): void {
  const { desk, decisions } = deps;
  app.get('/api/v1/approvals', async (request) => {
    const { state, limit } = parse(listQuery, request.query);
    return (await desk.list(state, limit)).map(reportApproval);
  });
  app.get<{ Params: { readonly id: string } }>('/api/v1/approvals/:id', async (request) => {
    const found = await desk.find(request.params.id);
    if (found === undefined) throw noApproval(request.params.id);
    return reportApproval(found);
  });
  for (const [verb, schema] of [
    ['approve', approval],
    ['refuse', refusal],
  ] as const) {
    app.post<{ Params: { readonly id: string } }>(`/api/v1/approvals/:id/${verb}`, async (request) => {
      const { id } = request.params;
      const settled = await decisions.decide(id, {
        ...parse(schema, request.body ?? {}),
        approve: verb === 'approve',
        by: deps.whoAsks(request),
        from: whereFrom(request),
      });
      if (settled === undefined) throw noApproval(id);
      if (settled.outcome === 'late' || settled.outcome === 'again') {
        throw new ConflictError(lateSentence(settled), reportApproval(settled));
      }
      return reportApproval(settled);
    });
  }
  app.get('/api/v1/approvals/watch', (_request, reply) => watch(reply, desk));

  app.get('/api/v1/grants', async () => deps.grants.list().map(reportGrant));
  app.delete<{ Params: { readonly id: string } }>('/api/v1/grants/:id', async (request) => {
    const revoked = await decisions.revoke(request.params.id, deps.whoAsks(request), whereFrom(request));
    if (revoked === undefined) {
      throw notFound('grant', request.params.id, 'tollgate approvals grants lists those in force');
    }
    return reportGrant(revoked);
  });
}

const noApproval = (id: string): TollgateError =>
  notFound('approval', id, 'tollgate approvals list names those that are open; settled ones are kept for 30 days');

/** Why a word came too late, and whose was first. */
export function lateSentence({ settlement, approvers }: Settled): string {
  if (settlement === undefined) {
    const [first] = approvers;
    return `you approved it already${first === undefined ? '' : `, at ${new Date(first.at).toISOString()}`}; somebody else has to approve as well`;
  }
  const by = settlement.by === undefined ? '' : ` by ${settlement.by}`;
  return `the approval was ${settlement.state}${by} at ${new Date(settlement.at).toISOString()} already`;
}

const MOST_UNREAD_BYTES = 1_000_000;

/** One JSON object a line for each approval that is opened, approved by a first of two, or settled; on any node. */
function watch(reply: FastifyReply, desk: ApprovalDesk): void {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, { 'content-type': 'application/x-ndjson' });
  raw.flushHeaders();
  const send = (known: KnownApproval): void => {
    if (raw.writableLength > MOST_UNREAD_BYTES) raw.destroy();
    else raw.write(`${JSON.stringify(reportApproval(known))}\n`);
  };
  const stops = [
    desk.onOpened((opened) => send({ approval: opened, settlement: undefined, approvers: [], resumedAt: undefined })),
    desk.onSeconded(send),
    desk.onSettled(send),
  ];
  raw.on('close', () => {
    for (const stop of stops) stop();
  });
}
