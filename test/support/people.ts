/** Users of a test daemon, and their log-ins over real HTTP, as a browser keeps them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Secret, TOTP } from 'otpauth';
import type { SessionReport } from '../../src/api/session-routes.ts';
import type { Role } from '../../src/people/roles.ts';
import type { TestDaemon } from './daemon.ts';

export interface Answer {
  readonly status: number;
  /** Parsed where it is JSON. */
  readonly body: unknown;
  readonly headers: Headers;
}

export type Send = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answer>;

export interface LoggedIn {
  readonly cookie: string;
  readonly report: SessionReport;
  /** With the cookie, and the CSRF token where something is changed. */
  readonly send: Send;
}

/** @param path below `/api/v1`, or from the root */
export async function request(
  port: number,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const url = `http://127.0.0.1:${port}${path.startsWith('/') ? path : `/api/v1/${path}`}`;
  const json = body === undefined ? {} : { 'content-type': 'application/json' };
  const answer = await fetch(url, {
    method,
    headers: { ...json, ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const isJson = answer.headers.get('content-type')?.includes('json') === true;
  return { status: answer.status, body: isJson && text !== '' ? JSON.parse(text) : text, headers: answer.headers };
}

/** What of a set-cookie header a browser sends back; empty if nothing was set. */
export const cookieIn = (headers: Headers): string => headers.get('set-cookie')?.split(';')[0] ?? '';

/** @throws {Error} if he was not let in */
export async function logIn(
  port: number,
  user: { readonly name: string; readonly password: string; readonly totp?: string | undefined },
  headers: Readonly<Record<string, string>> = {},
): Promise<LoggedIn> {
  const { name, password, totp } = user;
  const body = { user: name, password, ...(totp === undefined ? {} : { totp }) };
  const answer = await request(port, 'POST', 'session', body, headers);
  if (answer.status !== 200) throw new Error(`${name} was not let in: ${answer.status} ${JSON.stringify(answer.body)}`);
  return sessionOf(port, cookieIn(answer.headers), answer.body as SessionReport, headers);
}

export const sessionOf = (
  port: number,
  cookie: string,
  report: SessionReport,
  always: Readonly<Record<string, string>> = {},
): LoggedIn => ({
  cookie,
  report,
  send: (method, path, body, headers = {}) => {
    const token = method === 'GET' ? {} : { 'x-csrf-token': report.csrfToken };
    return request(port, method, path, body, { cookie, ...token, ...always, ...headers });
  },
});

/** The same log-in at another daemon, as soon as that has heard of its user: a user is a change that daemons follow. */
export async function sessionAt(port: number, { cookie, report }: LoggedIn): Promise<LoggedIn> {
  const there = sessionOf(port, cookie, report);
  for (let tries = 0; tries < 200; tries++) {
    if ((await there.send('GET', 'session')).status === 200) return there;
    await sleep(50);
  }
  throw new Error('the other daemon does not know the user');
}

export interface TestUser {
  readonly name: string;
  readonly password: string;
  /** Base32; undefined without a second factor. */
  readonly secret?: string;
  readonly backupCodes: readonly string[];
}

/** Made by the command line, an owner with a second factor. */
export async function addUser(tollgate: Pick<TestDaemon, 'run'>, name: string, role: Role): Promise<TestUser> {
  const { password } = await json<{ password: string }>(tollgate, ['users', 'add', name, '--role', role]);
  if (role !== 'owner') return { name, password, backupCodes: [] };
  return { name, password, ...(await addSecondFactor(tollgate, name)) };
}

export async function addSecondFactor(
  tollgate: Pick<TestDaemon, 'run'>,
  name: string,
): Promise<Pick<TestUser, 'backupCodes'> & { readonly secret: string }> {
  const { secret } = await json<{ secret: string }>(tollgate, ['users', 'totp', name]);
  // The step before this one, so that two are left for log-ins.
  const confirmed = ['users', 'totp', name, '--code', codeOf(secret, -1)];
  const { backupCodes } = await json<{ backupCodes: string[] }>(tollgate, confirmed);
  return { secret, backupCodes };
}

/** @param steps of 30 seconds from now */
export const codeOf = (secret: string, steps = 0): string =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: Date.now() + steps * 30_000 });

export async function json<T>(tollgate: Pick<TestDaemon, 'run'>, args: readonly string[]): Promise<T> {
  const { exitCode, out, error } = await tollgate.run([...args, '--json']);
  if (exitCode !== 0) throw new Error(`${args.join(' ')}: ${exitCode} ${error}${out}`);
  return JSON.parse(out) as T;
}
