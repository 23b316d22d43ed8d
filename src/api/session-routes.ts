/**
 * `/api/v1/session`: log in, log out, and one's own account: password, second factor, backup codes, log-ins.
 *
 * Whatever opens an account (password, second factor) is changed only by who gives the password again. Each such change
 * ends all his log-ins, and gives the one that asks a new cookie: one that leaked before is worth nothing after.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { TollgateError } from '../errors.ts';
import type { Audit } from '../people/audit-log.ts';
import type { People } from '../people/people.ts';
import type { Permission, Role } from '../people/roles.ts';
import type { Session } from '../people/sessions.ts';
import { needsSecondFactor, passwordProblem } from '../people/user.ts';
import { csrfTokenOf } from './authorize.ts';
import { session as answer, closed, backupCodes as codesAnswer, listedSession, newFactor } from './people-answers.ts';
import { LogInRefused, notFound, ProblemError } from './problem.ts';
import { qrRows } from './qr-code.ts';
import type { ActOf } from './recorded-changes.ts';
import { type Api, byId, list } from './schema.ts';
import type { SessionCookie } from './session-cookie.ts';
import { type Asker, askerOf } from './who-asks.ts';

/** A log-in, to who has it. Times are ISO 8601, UTC. */
export interface SessionReport {
  readonly user: string;
  readonly roles: readonly Role[];
  readonly permissions: readonly Permission[];
  /** To be sent as `x-csrf-token` with whatever changes something. */
  readonly csrfToken: string;
  /** Nothing but his own account is open to him until he has a second factor. */
  readonly secondFactorNeeded: boolean;
  readonly secondFactor: boolean;
  readonly backupCodesLeft: number;
  readonly passwordChangedAt: string;
  /** At the latest. */
  readonly endsAt: string;
  /** And so long after the last request that a person made. */
  readonly idleSeconds: number;
}

/** A log-in in a list. */
export interface ListedSession {
  readonly id: string;
  readonly address: string;
  readonly agent: string;
  readonly openedAt: string;
  readonly seenAt: string;
  readonly endsAt: string;
}

/** What is shown once, to set up a second factor. */
export interface NewFactorReport {
  readonly secret: string;
  readonly uri: string;
  /** Rows of `1` (dark) and `0`. */
  readonly qr: readonly string[];
}

const text = (most: number) => z.string().max(most, { error: `is longer than ${most} characters` });
const password = text(256);
const logInBody = z.strictObject({ user: text(64), password, totp: text(64).default('') });
const passwordBody = z.strictObject({ password, newPassword: password });
const proofBody = z.strictObject({ password, totp: text(64).optional() });
export const codeBody = z.strictObject({
  code: z.string().regex(/^\d{6}$/, { error: 'is no code; write the six digits that the app shows' }),
});

const LARGEST_BODY_BYTES = 4096;

type User = Extract<Asker, { readonly kind: 'user' }>;

export function sessionRoutes(
  app: Api,
  deps: {
    readonly people: Pick<People, 'users' | 'sessions' | 'secondFactor' | 'logIns'>;
    readonly cookie: SessionCookie;
    readonly audit: Audit;
    readonly act: ActOf;
  },
): void {
  const { cookie, audit, act } = deps;
  const { users, sessions, secondFactor, logIns } = deps.people;
  const bodyLimit = LARGEST_BODY_BYTES;

  const visitOf = (request: FastifyRequest) => ({
    address: request.ip,
    agent: String(request.headers['user-agent'] ?? ''),
    cookie: cookie.of(request),
  });
  const report = (name: string, value: string, permissions: readonly Permission[], session: Session): SessionReport => {
    const user = users.find(name);
    if (user === undefined) throw new TollgateError('UNAUTHENTICATED', 'log in again');
    return {
      user: name,
      roles: user.roles,
      permissions,
      csrfToken: csrfTokenOf(value),
      secondFactorNeeded: needsSecondFactor(user),
      secondFactor: user.totp !== null,
      backupCodesLeft: user.backupCodes.length,
      passwordChangedAt: user.passwordChangedAt,
      endsAt: new Date(session.endsAt).toISOString(),
      idleSeconds: Math.round(session.idleMs / 1000),
    };
  };
  const opened = async (reply: FastifyReply, name: string, value: string): Promise<SessionReport> => {
    cookie.set(reply, value);
    const found = await logIns.whoIs(value, 'looked at');
    if (found === undefined) throw new TollgateError('UNAUTHENTICATED', 'this log-in was ended; log in again');
    return report(name, value, [...found.permissions], found.session);
  };
  const renew = async (request: FastifyRequest, reply: FastifyReply, name: string): Promise<SessionReport> =>
    opened(reply, name, (await logIns.renew(name, visitOf(request))).cookie);

  const wait = (reply: FastifyReply, seconds: number): TollgateError => {
    reply.header('retry-after', seconds);
    return new TollgateError('TOO_MANY', `too many log-ins failed; try again in ${Math.ceil(seconds / 60)} minutes`);
  };
  /** @throws {TollgateError} unless he gives his password, and a code where he has a second factor and `code` is given */
  const require = async (
    request: FastifyRequest,
    reply: FastifyReply,
    proof: { readonly password: string; readonly code?: string | undefined },
  ): Promise<void> => {
    const answer = await logIns.isHim(userOf(request).user, proof, visitOf(request));
    if (typeof answer === 'object') throw wait(reply, answer.retryAfterSeconds);
    if (answer === 'no') throw new TollgateError('FORBIDDEN', 'the password or the code is wrong');
  };

  app.post(
    '/api/v1/session',
    { bodyLimit, schema: { summary: 'Log in', body: logInBody, response: { 200: answer } } },
    async (request, reply): Promise<SessionReport> => {
      const { user: name, password, totp } = request.body;
      const answer = await logIns.logIn({ name, password, code: totp }, visitOf(request));
      if (answer.outcome === 'wait') throw wait(reply, answer.retryAfterSeconds);
      if (answer.outcome === 'refused') {
        const { left } = answer;
        throw new LogInRefused(left && { triesLeft: left.tries, address: request.ip, blockedFor: left.bannedFor });
      }
      const { user } = answer;
      await audit({ ...act(request, 'session.open', `user ${user.name}`), by: `web ${user.name}` });
      return opened(reply, user.name, answer.cookie);
    },
  );

  app.get(
    '/api/v1/session',
    { schema: { summary: 'My log-in', response: { 200: answer } } },
    (request): SessionReport => {
      const { user, cookie: value, permissions, session } = userOf(request);
      return report(user.name, value, [...permissions], session);
    },
  );

  app.delete(
    '/api/v1/session',
    { bodyLimit, schema: { summary: 'Log out', response: { 200: closed } } },
    async (request, reply) => {
      const { user, cookie: value } = userOf(request);
      await sessions.close(value);
      cookie.clear(reply);
      await audit(act(request, 'session.close', `user ${user.name}`));
      return { closed: true };
    },
  );

  app.put(
    '/api/v1/session/password',
    {
      bodyLimit,
      schema: { summary: 'Change my password; other log-ins end', body: passwordBody, response: { 200: answer } },
    },
    async (request, reply): Promise<SessionReport> => {
      const { name } = userOf(request).user;
      const { body } = request;
      const problem =
        body.newPassword === body.password ? 'is the password that you have' : passwordProblem(body.newPassword, name);
      if (problem !== undefined) throw new ProblemError('INVALID_REQUEST', [{ path: 'newPassword', message: problem }]);
      await require(request, reply, { password: body.password });
      const what = act(request, 'session.password', `user ${name}`);
      await users.change(name, { password: { text: body.newPassword } }, what.by);
      await audit(what);
      return renew(request, reply, name);
    },
  );

  app.post(
    '/api/v1/session/totp',
    { bodyLimit, schema: { summary: 'Begin a second factor', body: proofBody, response: { 200: newFactor } } },
    async (request, reply): Promise<NewFactorReport> => {
      const { user } = userOf(request);
      const { password, totp = '' } = request.body;
      await require(request, reply, { password, code: totp });
      const { secret, uri } = await secondFactor.begin(user.name);
      return { secret, uri, qr: qrRows(uri) };
    },
  );
  app.post(
    '/api/v1/session/totp/confirm',
    {
      bodyLimit,
      schema: {
        summary: 'Put it in force by its first code',
        body: codeBody,
        response: { 200: codesAnswer.extend({ session: answer }) },
      },
    },
    async (request, reply) => {
      const { name } = userOf(request).user;
      const secret = await secondFactor.prove(name, request.body.code);
      if (secret === undefined) throw wrongCode();
      const what = act(request, 'session.totp', `user ${name}`);
      const backupCodes = await users.setTotp(name, secret, what.by);
      await audit({ ...what, after: { secondFactor: 'set up' } });
      return { backupCodes, session: await renew(request, reply, name) };
    },
  );
  app.delete(
    '/api/v1/session/totp',
    { bodyLimit, schema: { summary: 'Take my second factor away', body: proofBody, response: { 200: answer } } },
    async (request, reply): Promise<SessionReport> => {
      const { name, roles } = userOf(request).user;
      const { password, totp = '' } = request.body;
      if (roles.includes('owner'))
        throw new TollgateError('CONFLICT', 'an owner cannot be without a second factor; set up another one instead');
      await require(request, reply, { password, code: totp });
      const what = act(request, 'session.totp', `user ${name}`);
      await users.change(name, { totp: null }, what.by);
      await audit({ ...what, after: { secondFactor: 'none' } });
      return renew(request, reply, name);
    },
  );
  app.post(
    '/api/v1/session/backup-codes',
    {
      bodyLimit,
      schema: {
        summary: 'Ten new backup codes; the old ones count no more',
        body: proofBody,
        response: { 200: codesAnswer },
      },
    },
    async (request, reply) => {
      const { user } = userOf(request);
      const { password, totp = '' } = request.body;
      if (user.totp === null) throw new TollgateError('CONFLICT', 'there is no second factor; set one up first');
      await require(request, reply, { password, code: totp });
      const what = act(request, 'session.backup-codes', `user ${user.name}`);
      const backupCodes = await users.newBackupCodes(user.name, what.by);
      await audit(what);
      return { backupCodes };
    },
  );

  app.get(
    '/api/v1/sessions',
    { schema: { summary: 'My log-ins', response: { 200: list(listedSession.extend({ current: z.boolean() })) } } },
    async (request) => {
      const { user, session } = userOf(request);
      return (await sessions.of(user.name)).map((each) => ({ ...listed(each), current: each.id === session.id }));
    },
  );
  app.delete(
    '/api/v1/sessions/:id',
    { bodyLimit, schema: { summary: 'End one of my log-ins', params: byId, response: { 200: closed } } },
    async (request, reply) => {
      const { user, session } = userOf(request);
      const { id } = request.params;
      // Of somebody else: as if it were not there.
      if (!(await sessions.end(user.name, id))) throw notFound('log-in', id, 'GET /api/v1/sessions lists yours');
      if (id === session.id) cookie.clear(reply);
      await audit(act(request, 'session.close', `user ${user.name}`));
      return { closed: true };
    },
  );
}

export const listed = ({ id, address, agent, openedAt, seenAt, endsAt }: Session): ListedSession => ({
  id,
  address,
  agent,
  openedAt: new Date(openedAt).toISOString(),
  seenAt: new Date(seenAt).toISOString(),
  endsAt: new Date(endsAt).toISOString(),
});

export const wrongCode = (): TollgateError =>
  new TollgateError(
    'CONFLICT',
    'this is not the code of now, or nothing was begun; look at the app again, or begin anew',
  );

/** @throws {TollgateError} `FORBIDDEN`: a key has no account */
function userOf(request: FastifyRequest): User {
  const asker = askerOf(request);
  if (asker.kind !== 'user') throw new TollgateError('FORBIDDEN', 'this is for those who are logged in by name');
  return asker;
}
