/**
 * The one way to the API. Every request carries the log-in's CSRF token, every refusal arrives as an {@link ApiError} with
 * the stable code and the sentence of the daemon, and a log-in that has ended is told to whoever listens.
 */

export interface FieldProblem {
  readonly path: string;
  readonly message: string;
}

/** What was refused, or did not come. `UNREACHABLE`: no answer at all, and nothing is known of what was asked. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  /** Of a form: what is wrong with which field. */
  readonly problems: readonly FieldProblem[];
  /** Of a conflict: what there is now. */
  readonly current: unknown;
  readonly retryAfterSeconds: number | undefined;
  /** What else the problem said: members of its own. */
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(
    status: number,
    problem: {
      readonly code?: string;
      readonly detail?: string;
      readonly problems?: readonly FieldProblem[];
      readonly current?: unknown;
      readonly [member: string]: unknown;
    },
    retryAfterSeconds?: number,
  ) {
    super(problem.detail ?? 'that was refused');
    this.name = 'ApiError';
    this.status = status;
    this.code = problem.code ?? 'INTERNAL';
    this.problems = problem.problems ?? [];
    this.current = problem.current;
    this.retryAfterSeconds = retryAfterSeconds;
    this.extra = problem;
  }
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface Sent {
  readonly body?: unknown;
  /** A file in place of a body. */
  readonly csv?: string;
  /** The same, of call records. */
  readonly records?: Blob;
  readonly signal?: AbortSignal | undefined;
  /** ETag of what is being changed: refused with 412 or 409 if somebody changed it since. */
  readonly ifMatch?: string | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly timeoutMs?: number;
}

export interface Received<T> {
  readonly body: T;
  /** For `ifMatch` of a change. */
  readonly etag: string | undefined;
  /** Of a list that is answered in pieces: where the next one begins. */
  readonly cursor: string | undefined;
  /** Of a change: on how many daemons it is in force, `2 of 2`. */
  readonly inForce: string | undefined;
}

const TIMEOUT_MS = 20_000;

/** For so long after a touch or a key what is asked counts as asked by a person. */
const TOUCH_COUNTS_MS = 60_000;
let touchedAt = Date.now();
for (const type of ['pointerdown', 'keydown'])
  globalThis.addEventListener?.(type, () => (touchedAt = Date.now()), { capture: true, passive: true });

const usedListeners = new Set<() => void>();
/** Told when a request of a person was answered: from then on the log-in lasts its idle time again. */
export function onUsed(listener: () => void): () => void {
  usedListeners.add(listener);
  return () => usedListeners.delete(listener);
}

let csrfToken = '';
export const setCsrfToken = (token: string): void => {
  csrfToken = token;
};

const signedOutListeners = new Set<() => void>();
/** Told when a request was refused because nobody is logged in, or no longer. */
export function onSignedOut(listener: () => void): () => void {
  signedOutListeners.add(listener);
  return () => signedOutListeners.delete(listener);
}
export const tellSignedOut = (): void => {
  for (const listener of signedOutListeners) listener();
};

/** @param path below `/api/v1/` @throws {ApiError} */
export async function receive<T>(method: Method, path: string, sent: Sent = {}): Promise<Received<T>> {
  const answer = await send(method, path, sent);
  const text = await answer.text().catch(() => '');
  const isJson = answer.headers.get('content-type')?.includes('json') === true;
  const body: unknown = isJson && text !== '' ? JSON.parse(text) : text;
  if (answer.ok)
    return {
      body: body as T,
      etag: answer.headers.get('etag') ?? undefined,
      cursor: cursorIn(answer.headers.get('link') ?? ''),
      inForce: answer.headers.get('tollgate-in-force') ?? undefined,
    };
  if (answer.status === 401 && !(method === 'POST' && path === 'session')) tellSignedOut();
  const retryAfter = Number(answer.headers.get('retry-after') ?? Number.NaN);
  const problem = isJson
    ? (body as Readonly<Record<string, unknown>>)
    : { detail: `the answer was ${answer.status} ${text.slice(0, 200)}` };
  throw new ApiError(answer.status, problem, Number.isFinite(retryAfter) ? retryAfter : undefined);
}

/** `</api/v1/bans?cursor=abc>; rel="next"`, RFC 8288. */
function cursorIn(link: string): string | undefined {
  const [, url] = /<([^>]+)>\s*;\s*rel="next"/.exec(link) ?? [];
  return url === undefined ? undefined : (new URL(url, location.origin).searchParams.get('cursor') ?? undefined);
}

/** A key by which the daemon knows a request that is sent again, so that it is carried out once. */
export const newIdempotencyKey = (): string =>
  // Not randomUUID, which plain HTTP does not have.
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** As {@link receive}, for those who need the body alone. */
export const api = async <T>(method: Method, path: string, sent?: Sent): Promise<T> =>
  (await receive<T>(method, path, sent)).body;

async function send(method: Method, path: string, sent: Sent): Promise<Response> {
  const { body, csv, records, signal, ifMatch, idempotencyKey } = sent;
  const headers = new Headers();
  if (body !== undefined) headers.set('content-type', 'application/json');
  if (csv !== undefined) headers.set('content-type', 'text/csv');
  if (records !== undefined) headers.set('content-type', 'application/x-cdr');
  if (method !== 'GET' && csrfToken !== '') headers.set('x-csrf-token', csrfToken);
  if (ifMatch !== undefined) headers.set('if-match', ifMatch);
  // What the page asks by itself, for an event or by the clock, must not keep the log-in of an empty chair alive.
  const isBySelf = method === 'GET' && Date.now() - touchedAt > TOUCH_COUNTS_MS;
  if (isBySelf) headers.set('x-tollgate-background', '1');
  if (idempotencyKey !== undefined) headers.set('idempotency-key', idempotencyKey);
  const timeout = AbortSignal.timeout(sent.timeoutMs ?? TIMEOUT_MS);
  try {
    const answer = await fetch(`/api/v1/${path}`, {
      method,
      headers,
      credentials: 'same-origin',
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(csv === undefined ? {} : { body: csv }),
      ...(records === undefined ? {} : { body: records }),
    });
    if (answer.ok && !isBySelf) for (const listener of usedListeners) listener();
    return answer;
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new ApiError(0, {
      code: 'UNREACHABLE',
      detail: 'Tollgate does not answer; whether it took what was asked is not known. This page tries again by itself',
    });
  }
}

/** `calls?verdict=block&limit=100`, without what is undefined or empty. */
export function withQuery(
  path: string,
  query: Readonly<Record<string, string | number | boolean | undefined>>,
): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, String(value)]],
  );
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}
