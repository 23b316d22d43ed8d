/** Talks to the daemon: HTTP over its unix socket. Knows paths of the API and nothing of what they mean. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
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
   * @param ifMatch the version that a change was made for; any other is a conflict
   * @throws {DaemonUnreachable} {@link DaemonProblem}
   */
  readonly ask: <T>(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    ifMatch?: number,
  ) => Promise<T>;
  /** One parsed object for each line of an endless answer; ends when the daemon goes or `signal` aborts. */
  readonly follow: <T>(path: string, onItem: (item: T) => void, signal: AbortSignal) => Promise<void>;
}

const ANSWER_WITHIN_MS = 15_000;

export function createClient(options: {
  readonly socketPath: string;
  readonly user: string;
  /** By which the user is logged in to this host, if he is. */
  readonly login?: Login | undefined;
}): Client {
  const { connection, openedAt } = options.login ?? {};
  const open = (
    method: string,
    path: string,
    body: unknown,
    { ifMatch, signal }: { readonly ifMatch?: number | undefined; readonly signal?: AbortSignal } = {},
  ): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const payload = body === undefined ? undefined : JSON.stringify(body);
      const request = httpRequest(
        {
          socketPath: options.socketPath,
          method,
          path,
          ...(signal === undefined ? {} : { signal }),
          headers: {
            host: 'localhost',
            'x-tollgate-user': options.user,
            ...(connection === undefined ? {} : { 'x-tollgate-login': connection }),
            ...(openedAt === undefined ? {} : { 'x-tollgate-login-opened': String(openedAt) }),
            ...(ifMatch === undefined ? {} : { 'if-match': `"${ifMatch}"` }),
            ...(payload === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
          },
        },
        resolve,
      );
      request.on('error', (error: NodeJS.ErrnoException) => reject(unreachable(error, options.socketPath)));
      if (signal === undefined) {
        request.setTimeout(ANSWER_WITHIN_MS, () =>
          request.destroy(new Error(`no answer within ${ANSWER_WITHIN_MS / 1000} s`)),
        );
      }
      request.end(payload);
    });

  return {
    ask: async <T>(method: string, path: string, body?: unknown, ifMatch?: number): Promise<T> => {
      const response = await open(method, path, body, { ifMatch });
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
        if (!signal.aborted) throw unreachable(error, options.socketPath);
      }
      if (!signal.aborted) throw new DaemonUnreachable('the daemon has gone');
    },
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

function unreachable(error: unknown, socketPath: string): Error {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return new DaemonUnreachable(
      `no daemon is running (nothing listens on ${socketPath}). Start it with: tollgate serve. If it runs elsewhere, say where with --state DIR or --config FILE.`,
    );
  }
  if (code === 'EACCES')
    return new DaemonUnreachable(`not allowed to use ${socketPath}; run this as root or as the user of the daemon`);
  return new DaemonUnreachable(
    `the daemon on ${socketPath} does not answer: ${error instanceof Error ? error.message : String(error)}`,
  );
}
