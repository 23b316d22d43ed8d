/**
 * Talks to a daemon: HTTP over its unix socket, or over TCP with an API key. Knows paths of the API and nothing of what they
 * mean.
 */
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';
import { messageOf } from '../errors.ts';
import type { Problem } from '../policy/problem.ts';
import type { Login } from './login.ts';

/** The daemon is not there. */
export class DaemonUnreachable extends Error {}

/** The daemon said no; its problem document. */
export class DaemonProblem extends Error {
  readonly code: string;
  readonly problems: readonly Problem[];
  constructor(code: string, message: string, problems: readonly Problem[]) {
    super(message);
    this.code = code;
    this.problems = problems;
  }
}

export interface Client {
  /**
   * @param withinMs how long the daemon may take; default: 15 s
   * @param ifMatch the version that a change was made for; any other is a conflict
   * @throws {DaemonUnreachable} {@link DaemonProblem}
   */
  readonly ask: <T>(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    ifMatch?: number,
    withinMs?: number,
  ) => Promise<T>;
  /** One parsed object for each line of an endless answer; ends when the daemon goes or `signal` aborts. */
  readonly follow: <T>(path: string, onItem: (item: T) => void, signal: AbortSignal) => Promise<void>;
  /** A long answer as it comes. @throws {DaemonUnreachable} {@link DaemonProblem} */
  readonly receive: (path: string, signal: AbortSignal) => AsyncIterable<string>;
  /**
   * Sends lines of JSON, however many, or a file of another kind.
   * @throws {DaemonUnreachable} {@link DaemonProblem}
   */
  readonly send: <T>(path: string, content: Readable, signal: AbortSignal, type?: string) => Promise<T>;
}

const ANSWER_WITHIN_MS = 15_000;

/** Which daemon, and who asks. */
export type Where =
  | {
      readonly socketPath: string;
      readonly user: string;
      /** By which the user is logged in to this host, if he is. */
      readonly login?: Login | undefined;
    }
  /** On another machine. */
  | { readonly url: URL; readonly key: string };

export function createClient(where: Where): Client {
  const place = 'url' in where ? where.url.origin : where.socketPath;
  const send = 'url' in where && where.url.protocol === 'https:' ? httpsRequest : httpRequest;
  const open = (
    method: string,
    path: string,
    body: unknown,
    {
      ifMatch,
      signal,
      withinMs = ANSWER_WITHIN_MS,
      type = 'application/x-ndjson',
    }: {
      readonly type?: string | undefined;
      readonly ifMatch?: number | undefined;
      readonly signal?: AbortSignal;
      readonly withinMs?: number | undefined;
    } = {},
  ): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const lines = body instanceof Readable ? body : undefined;
      const payload = body === undefined || lines !== undefined ? undefined : JSON.stringify(body);
      const request = send(
        {
          ...to(where, path),
          method,
          ...(signal === undefined ? {} : { signal }),
          headers: {
            ...asker(where),
            ...(ifMatch === undefined ? {} : { 'if-match': `"${ifMatch}"` }),
            ...(lines === undefined ? {} : { 'content-type': type }),
            ...(payload === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
          },
        },
        resolve,
      );
      request.on('error', (error: NodeJS.ErrnoException) => reject(unreachable(error, where)));
      if (signal === undefined) {
        request.setTimeout(withinMs, () => request.destroy(new Error(`no answer within ${withinMs / 1000} s`)));
      }
      if (lines === undefined) request.end(payload);
      // The answer may come, and the connection go, before all is sent; the answer is what counts.
      else lines.on('error', (error) => request.destroy(error)).pipe(request);
    });

  return {
    ask: async <T>(method: string, path: string, body?: unknown, ifMatch?: number, withinMs?: number): Promise<T> => {
      const response = await open(method, path, body, { ifMatch, withinMs });
      const text = await readAll(response);
      if ((response.statusCode ?? 500) >= 400) throw problemOf(text);
      return JSON.parse(text) as T;
    },
    follow: async <T>(path: string, onItem: (item: T) => void, signal: AbortSignal): Promise<void> => {
      const response = await open('GET', path, undefined, { signal });
      if ((response.statusCode ?? 500) >= 400) throw problemOf(await readAll(response));
      let rest = '';
      try {
        for await (const chunk of response.setEncoding('utf8')) {
          const lines = (rest + String(chunk)).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) if (line !== '') onItem(JSON.parse(line) as T);
        }
      } catch (error) {
        if (!signal.aborted) throw unreachable(error, where);
      }
      if (!signal.aborted) throw new DaemonUnreachable(`the daemon on ${place} has gone`);
    },
    receive: async function* (path, signal) {
      const response = await open('GET', path, undefined, { signal });
      if ((response.statusCode ?? 500) >= 400) throw problemOf(await readAll(response));
      try {
        for await (const chunk of response.setEncoding('utf8')) yield String(chunk);
      } catch (error) {
        throw unreachable(error, where);
      }
    },
    send: async <T>(path: string, content: Readable, signal: AbortSignal, type?: string): Promise<T> => {
      const response = await open('POST', path, content, { signal, type });
      const text = await readAll(response);
      if ((response.statusCode ?? 500) >= 400) throw problemOf(text);
      return JSON.parse(text) as T;
    },
  };
}

function to(where: Where, path: string): RequestOptions {
  if ('socketPath' in where) return { socketPath: where.socketPath, path };
  const { hostname, port, pathname } = where.url;
  // Node wants an IPv6 address without its brackets.
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, ...(port === '' ? {} : { port: Number(port) }), path: `${pathname.replace(/\/+$/, '')}${path}` };
}

function asker(where: Where): Readonly<Record<string, string>> {
  if ('url' in where) return { authorization: `Bearer ${where.key}` };
  const { connection, openedAt } = where.login ?? {};
  return {
    host: 'localhost',
    'x-tollgate-user': where.user,
    ...(connection === undefined ? {} : { 'x-tollgate-login': connection }),
    ...(openedAt === undefined ? {} : { 'x-tollgate-login-opened': String(openedAt) }),
  };
}

async function readAll(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
  return text;
}

function problemOf(text: string): DaemonProblem {
  try {
    const body = JSON.parse(text) as {
      readonly code?: string;
      readonly detail?: string;
      readonly problems?: readonly Problem[];
    };
    return new DaemonProblem(body.code ?? 'UNKNOWN', body.detail ?? text, body.problems ?? []);
  } catch {
    return new DaemonProblem('UNKNOWN', text.slice(0, 500), []);
  }
}

function unreachable(error: unknown, where: Where): Error {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if ('url' in where)
    return new DaemonUnreachable(`the daemon at ${where.url.origin} cannot be reached: ${messageOf(error)}`);
  const { socketPath } = where;
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return new DaemonUnreachable(
      `no daemon is running (nothing listens on ${socketPath}). Start it with: tollgate serve. If it runs elsewhere, say where with --state DIR or --config FILE.`,
    );
  }
  if (code === 'EACCES')
    return new DaemonUnreachable(`not allowed to use ${socketPath}; run this as root or as the user of the daemon`);
  return new DaemonUnreachable(`the daemon on ${socketPath} does not answer: ${messageOf(error)}`);
}
