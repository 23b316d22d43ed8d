/**
 * Signed links on the web port: GET shows, POST decides.
 *
 * The token is the only credential, so there is no cookie that another site could make use of. GET and HEAD decide
 * nothing: what chat programs and mail scanners open stays undecided.
 */
import formBody from '@fastify/formbody';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { ApprovalLinks, LinkAnswer, LinkState } from '../approvals/approval-links.ts';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Policy } from '../policy/policy.ts';
import { createAttempts } from './attempts.ts';
import { badFormPage, LINK_POLICY, linkPage, MOST_REASON, notNowPage, type Page, tooManyPage } from './link-page.ts';
import { refusalOf } from './problem.ts';
import type { WebRoutes } from './web-server.ts';

const form = z.strictObject({
  decision: z.enum(['approve', 'refuse']),
  // One line, because it goes into logs and sentences.
  reason: z
    .string()
    .trim()
    .max(MOST_REASON)
    .regex(/^[^\p{Cc}]*$/u)
    .optional(),
});
const LARGEST_FORM_BYTES = 4096;
/** A person mistypes a link once or twice; a machine that guesses would need 2^256. */
const MOST_BAD_TOKENS = 20;
const BAD_TOKENS_MS = 60_000;

export function linkPageRoutes(deps: {
  readonly path: string;
  readonly links: ApprovalLinks;
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly log: Log;
}): WebRoutes {
  const { links, clock, log } = deps;
  const badTokens = createAttempts({ most: MOST_BAD_TOKENS, withinMs: BAD_TOKENS_MS, clock });

  const send = (reply: FastifyReply, page: Page): FastifyReply =>
    reply
      .code(page.status)
      .headers({ 'content-security-policy': LINK_POLICY, 'x-robots-tag': 'noindex, nofollow' })
      .type('text/html; charset=utf-8')
      .send(page.body);

  const answer = (reply: FastifyReply, state: LinkState | LinkAnswer, from: string): FastifyReply => {
    // A good link is shown all the same: whoever shares an address with one that guesses is no suspect.
    if (state.state === 'unknown' && badTokens.note(from) === 'too many') {
      return send(reply.header('retry-after', BAD_TOKENS_MS / 1000), tooManyPage());
    }
    const { document } = deps.policy();
    const nameOf = (extension: string): string | undefined =>
      Object.hasOwn(document.extensions, extension) ? document.extensions[extension]?.name : undefined;
    return send(reply, linkPage(state, { now: clock.now(), zone: document.timezone, nameOf }));
  };

  return async (app) => {
    app.removeAllContentTypeParsers();
    await app.register(formBody, { bodyLimit: LARGEST_FORM_BYTES });
    app.setErrorHandler((error, _request, reply) => {
      if (refusalOf(error) !== undefined) return send(reply, badFormPage());
      log.error({ problem: messageOf(error) }, 'a link could not be followed');
      return send(reply, notNowPage());
    });
    app.get<{ Params: { readonly token: string } }>(`${deps.path}/:token`, async (request, reply) =>
      answer(reply, await links.open(request.params.token), request.ip),
    );
    app.post<{ Params: { readonly token: string } }>(`${deps.path}/:token`, async (request, reply) => {
      const read = form.safeParse(request.body);
      if (!read.success) return send(reply, badFormPage());
      const { decision, reason = '' } = read.data;
      const state = await links.decide(request.params.token, {
        approve: decision === 'approve',
        from: request.ip,
        ...(reason === '' ? {} : { reason }),
      });
      if (state.state === 'decided') {
        const { approval } = state.known;
        log.info({ approval: approval.id, person: state.person, from: request.ip, decision }, 'decided by a link');
      }
      return answer(reply, state, request.ip);
    });
  };
}
