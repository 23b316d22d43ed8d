/** Approvals: list them, follow them, decide one. Grants: list them, revoke one. */
import type { FastifyReply, FastifyRequest } from 'fastify';
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
import { COUNT_PER } from '../policy/call.ts';
import { approvalAnswer, grantAnswer } from './approval-answers.ts';
import { pageOf, paging } from './paging.ts';
import { ConflictError, notFound } from './problem.ts';
import { type Api, byId, jsonLines, list, yesOrNo } from './schema.ts';
import { type WhoAsks, whereFrom } from './who-asks.ts';

const listQuery = z.strictObject({ state: z.enum(['open', 'all']).default('open'), ...paging });
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
const raise = z
  .strictObject({
    rule: z.string().max(128),
    subject: z.strictObject({ kind: z.enum(COUNT_PER), id: z.string().max(256).default('') }),
    minutes: z.int().min(1).max(LONGEST_GRANT_MINUTES).optional(),
    /** Of the policy's time zone, in place of `minutes`. */
    untilEndOfDay: z.boolean().optional(),
    calls: z.int().min(1).max(MOST_GRANTED_CALLS).optional(),
    reason: reason.optional(),
  })
  .refine(({ minutes, untilEndOfDay }) => minutes === undefined || untilEndOfDay !== true, {
    path: ['minutes'],
    error: 'has no use beside untilEndOfDay',
  });

export function approvalRoutes(
  app: Api,
  deps: {
    readonly desk: ApprovalDesk;
    readonly decisions: Decisions;
    readonly grants: Grants;
    readonly whoAsks: WhoAsks;
  },
): void {
  const { desk, decisions } = deps;
  app.get(
    '/api/v1/approvals',
    {
      schema: {
        summary: 'Held calls: those that wait, or the latest',
        querystring: listQuery,
        response: { 200: list(approvalAnswer) },
      },
    },
    async (request, reply) => {
      const { state, limit = USUAL_PAGE, cursor } = request.query;
      const all = (await desk.list(state, MOST_LISTED)).map(reportApproval);
      return pageOf(all, ({ id }) => id, { limit, cursor }, request, reply);
    },
  );
  app.get(
    '/api/v1/approvals/:id',
    { schema: { summary: 'One approval', params: byId, response: { 200: approvalAnswer } } },
    async ({ params }) => {
      const found = await desk.find(params.id);
      if (found === undefined) throw noApproval(params.id);
      return reportApproval(found);
    },
  );
  const decide = async (request: FastifyRequest, id: string, word: Pick<Word, 'approve'> & Partial<Word>) => {
    const by = deps.whoAsks(request);
    const settled = await decisions.decide(id, { ...word, by, from: whereFrom(request) });
    if (settled === undefined) throw noApproval(id);
    // The answer to the first may have been lost: to say the same again is no conflict.
    if (settled.outcome === 'late' && isRepeated(settled, word.approve, by)) return reportApproval(settled);
    if (settled.outcome === 'late' || settled.outcome === 'again')
      throw new ConflictError(lateSentence(settled), reportApproval(settled));
    return reportApproval(settled);
  };
  app.post(
    '/api/v1/approvals/:id/approve',
    {
      schema: { summary: 'Let a held call go', params: byId, body: approval, response: { 200: approvalAnswer } },
    },
    (request) => decide(request, request.params.id, { ...request.body, approve: true }),
  );
  app.post(
    '/api/v1/approvals/:id/refuse',
    {
      schema: { summary: 'Refuse a held call', params: byId, body: refusal, response: { 200: approvalAnswer } },
    },
    (request) => decide(request, request.params.id, { ...request.body, approve: false }),
  );
  app.get(
    '/api/v1/approvals/watch',
    { schema: { summary: 'What becomes of approvals, on any node', response: { 200: jsonLines } } },
    (_request, reply) => watch(reply, desk),
  );

  app.get(
    '/api/v1/grants',
    {
      schema: {
        summary: 'What was granted beyond one call and is in force',
        querystring: z.strictObject(paging),
        response: { 200: list(grantAnswer) },
      },
    },
    (request, reply) => pageOf(deps.grants.list().map(reportGrant), ({ id }) => id, request.query, request, reply),
  );
  app.post(
    '/api/v1/grants',
    {
      schema: {
        summary: 'Let a subject make more calls of a rule until a time',
        querystring: z.strictObject({ dryRun: yesOrNo }),
        body: raise,
        response: { 200: grantAnswer },
      },
    },
    async (request) => {
      const { minutes, untilEndOfDay, ...wanted } = request.body;
      const lasts = untilEndOfDay === true ? 'day' : { minutes: minutes ?? USUAL_GRANT_MINUTES };
      const by = { by: deps.whoAsks(request), from: whereFrom(request) };
      return reportGrant(await decisions.raise({ ...wanted, ...by, lasts }, request.query.dryRun === 'true'));
    },
  );
  app.delete(
    '/api/v1/grants/:id',
    { schema: { summary: 'Revoke a grant', params: byId, response: { 200: grantAnswer } } },
    async (request) => {
      const { id } = request.params;
      const revoked = await decisions.revoke(id, deps.whoAsks(request), whereFrom(request));
      if (revoked === undefined) throw notFound('grant', id, 'tollgate approvals grants lists those in force');
      return reportGrant(revoked);
    },
  );
}

type Word = Parameters<Decisions['decide']>[1];
const USUAL_PAGE = 100;
/** Settled ones are kept for 30 days; older ones are in the audit log. */
const MOST_LISTED = 10_000;

const isRepeated = ({ settlement }: Settled, approve: boolean, by: string): boolean =>
  settlement?.by === by && settlement.state === (approve ? 'approved' : 'refused');

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
