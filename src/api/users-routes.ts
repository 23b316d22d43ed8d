/** `/api/v1/users`: who may log in, and as what. One's own account is in session-routes.ts. */
import { z } from 'zod';
import type { Audit } from '../people/audit-log.ts';
import type { People } from '../people/people.ts';
import { ROLES } from '../people/roles.ts';
import { EXTENSION, NAME, passwordProblem, reportUser, type User, type UserReport } from '../people/user.ts';
import type { EpochMs } from '../policy/call.ts';
import { etagOf, requireMatch } from './etag.ts';
import { pageOf, paging } from './paging.ts';
import {
  changedUser,
  backupCodes as codesAnswer,
  listedSession,
  listedUser,
  newFactor,
  user as userAnswer,
} from './people-answers.ts';
import { notFound, ProblemError } from './problem.ts';
import { qrRows } from './qr-code.ts';
import type { ActOf } from './recorded-changes.ts';
import { type Api, list as listOf } from './schema.ts';
import { codeBody, type ListedSession, listed, type NewFactorReport, wrongCode } from './session-routes.ts';

/** A user in a list. */
export interface ListedUser extends UserReport {
  /** Null: never, or not known while the store is away. */
  readonly lastSeenAt: string | null;
  /** How many log-ins he has. */
  readonly sessions: number;
}

/** What a change answers. */
export interface ChangedUser extends UserReport {
  /** A password that was made by chance: shown here and never again. */
  readonly password?: string;
}

const password = z.string().max(256);
const byName = z.strictObject({ name: z.string().max(64) });
const ended = z.strictObject({ ended: z.number() });
const roles = z
  .array(z.enum(ROLES))
  .min(1, { error: 'are missing; name at least one' })
  .max(ROLES.length)
  .refine((all) => new Set(all).size === all.length, { error: 'name one twice' });
const addBody = z.strictObject({
  name: z.string().regex(NAME, {
    error: 'is no name for a user; write 1 to 32 small letters, digits, dots, underscores and dashes',
  }),
  roles,
  password: password.optional(),
});
const changeBody = z
  .strictObject({
    /** All that he has then. */
    roles: roles.optional(),
    enabled: z.boolean().optional(),
    /** `null`: he has none. */
    extension: z.string().regex(EXTENSION, { error: 'is no extension; write its digits' }).nullable().optional(),
    password: password.optional(),
    /** One is made by chance. */
    newPassword: z.literal(true, { error: 'is not known; write true, or leave it out' }).optional(),
    /** A second factor can be taken away by others; only who has it sets it up. */
    secondFactor: z.literal(false, { error: 'is not known; write false to take it away' }).optional(),
  })
  .refine((body) => body.password === undefined || body.newPassword === undefined, {
    error: 'contradicts newPassword; give one of them',
    path: ['password'],
  });

export function userRoutes(
  app: Api,
  deps: {
    readonly people: Pick<People, 'users' | 'sessions' | 'secondFactor' | 'usersSeen'>;
    readonly audit: Audit;
    readonly act: ActOf;
  },
): void {
  const { audit, act } = deps;
  const { users, sessions, secondFactor, usersSeen } = deps.people;
  const find = (name: string): User => {
    const user = users.find(name);
    if (user === undefined) throw noUser(name);
    return user;
  };
  const list = async (wanted: readonly User[]): Promise<ListedUser[]> => {
    const [seen, counts] = await Promise.all([
      usersSeen.of(wanted.map(({ name }) => name)).catch(() => new Map<string, EpochMs>()),
      sessions.counts().catch(() => new Map<string, number>()),
    ]);
    return wanted.map((user) => {
      const at = seen.get(user.name);
      const lastSeenAt = at === undefined ? null : new Date(at).toISOString();
      return { ...reportUser(user), lastSeenAt, sessions: counts.get(user.name) ?? 0 };
    });
  };
  /** @throws {ProblemError} */
  const requireGood = (password: string | undefined, name: string): void => {
    const problem = password === undefined ? undefined : passwordProblem(password, name);
    if (problem !== undefined) throw new ProblemError('INVALID_REQUEST', [{ path: 'password', message: problem }]);
  };

  app.get(
    '/api/v1/users',
    {
      schema: { summary: 'Who may log in', querystring: z.strictObject(paging), response: { 200: listOf(listedUser) } },
    },
    async (request, reply) => list(pageOf(users.list(), ({ name }) => name, request.query, request, reply)),
  );
  app.get(
    '/api/v1/users/:name',
    { schema: { summary: 'One user', params: byName, response: { 200: listedUser } } },
    async (request, reply): Promise<ListedUser> => {
      const [found] = await list([find(request.params.name)]);
      if (found !== undefined) reply.header('etag', etagOf(reportUser(find(found.name))));
      if (found === undefined) throw noUser(request.params.name);
      return found;
    },
  );

  app.post(
    '/api/v1/users',
    { schema: { summary: 'Add a user', body: addBody, response: { 201: changedUser } } },
    async (request, reply) => {
      const { body } = request;
      requireGood(body.password, body.name);
      const what = act(request, 'users.add', `user ${body.name}`);
      const { user, password } = await users.add(body, what.by);
      await audit({ ...what, after: recorded(user) });
      const added: ChangedUser = { ...reportUser(user), ...(password === undefined ? {} : { password }) };
      return reply.code(201).send(added);
    },
  );

  app.patch(
    '/api/v1/users/:name',
    { schema: { summary: 'Change a user', params: byName, body: changeBody, response: { 200: changedUser } } },
    async (request, reply): Promise<ChangedUser> => {
      const { name } = request.params;
      const { body } = request;
      requireMatch(request, reportUser(find(name)), `user ${name}`);
      requireGood(body.password, name);
      const what = act(request, 'users.set', `user ${name}`);
      const given = body.password === undefined ? undefined : { text: body.password };
      const { before, after, password } = await users.change(
        name,
        {
          roles: body.roles,
          enabled: body.enabled,
          extension: body.extension,
          password: body.newPassword === true ? 'chance' : given,
          totp: body.secondFactor === false ? null : undefined,
        },
        what.by,
      );
      if (before !== after) await audit({ ...what, before: recorded(before), after: recorded(after) });
      reply.header('etag', etagOf(reportUser(after)));
      return { ...reportUser(after), ...(password === undefined ? {} : { password }) };
    },
  );

  app.delete(
    '/api/v1/users/:name',
    { schema: { summary: 'Remove a user; his log-ins end', params: byName, response: { 200: userAnswer } } },
    async (request): Promise<UserReport> => {
      const { name } = request.params;
      const what = act(request, 'users.remove', `user ${name}`);
      const removed = await users.remove(name, what.by);
      await usersSeen.forget([name]);
      await audit({ ...what, before: recorded(removed) });
      return reportUser(removed);
    },
  );

  app.get(
    '/api/v1/users/:name/sessions',
    { schema: { summary: 'Log-ins of a user', params: byName, response: { 200: listOf(listedSession) } } },
    async (request): Promise<ListedSession[]> => {
      return (await sessions.of(find(request.params.name).name)).map(listed);
    },
  );
  app.delete(
    '/api/v1/users/:name/sessions',
    { schema: { summary: 'End them all', params: byName, response: { 200: ended } } },
    async (request) => {
      const { name } = find(request.params.name);
      const count = await sessions.endAll(name);
      if (count > 0) await audit({ ...act(request, 'users.log-out', `user ${name}`), after: { ended: count } });
      return { ended: count };
    },
  );

  app.delete(
    '/api/v1/users/:name/sessions/:id',
    {
      schema: {
        summary: 'End one of them',
        params: byName.extend({ id: z.string().max(100) }),
        response: { 200: ended },
      },
    },
    async (request) => {
      const { name } = find(request.params.name);
      const { id } = request.params;
      if (!(await sessions.end(name, id)))
        throw notFound('log-in', id, `GET /api/v1/users/${name}/sessions lists them`);
      await audit({ ...act(request, 'users.log-out', `user ${name}`), after: { ended: 1 } });
      return { ended: 1 };
    },
  );

  app.post(
    '/api/v1/users/:name/totp',
    { schema: { summary: 'Begin a second factor', params: byName, response: { 200: newFactor } } },
    async (request): Promise<NewFactorReport> => {
      const { secret, uri } = await secondFactor.begin(find(request.params.name).name);
      return { secret, uri, qr: qrRows(uri) };
    },
  );
  app.post(
    '/api/v1/users/:name/totp/confirm',
    {
      schema: {
        summary: 'Put it in force by its first code',
        params: byName,
        body: codeBody,
        response: { 200: codesAnswer },
      },
    },
    async (request) => {
      const { name } = find(request.params.name);
      const secret = await secondFactor.prove(name, request.body.code);
      if (secret === undefined) throw wrongCode();
      const what = act(request, 'users.set', `user ${name}`);
      const backupCodes = await users.setTotp(name, secret, what.by);
      await audit({ ...what, after: { secondFactor: 'set up' } });
      return { backupCodes };
    },
  );
}

const noUser = (name: string) => notFound('user', name, 'tollgate users list names them all');

/** What the audit log is told of a user: that and when his password changed, and nothing of it. */
const recorded = ({ roles, enabled, extension, totp, passwordChangedAt }: User) => ({
  roles,
  enabled,
  ...(extension === undefined ? {} : { extension }),
  secondFactor: totp === null ? 'none' : `since ${totp.since}`,
  logInChangedAt: passwordChangedAt,
});
