/** Errors of the API as RFC 9457 problems: a stable code, the field's path, a sentence that says what to do. */
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { messageOf, TollgateError, type TollgateErrorCode } from '../errors.ts';
import { formatProblem, type Problem, problemsOf } from '../policy/problem.ts';
import { storeError } from '../redis/store-error.ts';

const STATUS: Readonly<Partial<Record<TollgateErrorCode, number>>> = {
  INVALID_REQUEST: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  TOO_MANY: 429,
  POLICY_INVALID: 422,
  NOT_FOUND: 404,
  CONFLICT: 409,
  STORE_UNAVAILABLE: 503,
  STORE_TIMEOUT: 503,
  AMI_UNAVAILABLE: 503,
  ARI_UNAVAILABLE: 503,
  AMI_REFUSED: 502,
  ARI_REFUSED: 502,
  FIREWALL_FAILED: 503,
};

/** A request that cannot be carried out for reasons in the request itself. */
export class ProblemError extends TollgateError {
  readonly problems: readonly Problem[];
  constructor(code: TollgateErrorCode, problems: readonly Problem[]) {
    super(code, problems.map(formatProblem).join('; '));
    this.problems = problems;
  }
}

/** A log-in was wrong, and more of them will keep the address out. */
export class LogInRefused extends TollgateError {
  readonly left: { readonly triesLeft: number; readonly address: string; readonly blockedFor: string } | undefined;
  constructor(left: LogInRefused['left']) {
    super('UNAUTHENTICATED', 'the name, password or code is wrong');
    this.left = left;
  }
}

/** Somebody was faster. */
export class ConflictError extends TollgateError {
  /** What there is now. */
  readonly current: unknown;
  constructor(message: string, current: unknown) {
    super('CONFLICT', message);
    this.current = current;
  }
}

/** @param said instead of the error's own sentence, for strangers */
export function sendProblem(reply: FastifyReply, thrown: unknown, said?: string): FastifyReply {
  // A request that Fastify refused is no failure of the store; everything else that is no error of ours may be one.
  const error = fastifyCode(thrown) === 'INVALID_REQUEST' ? thrown : storeError(thrown);
  const code = error instanceof TollgateError ? error.code : fastifyCode(error);
  const status = refusalOf(error) ?? STATUS[code as TollgateErrorCode] ?? 500;
  const body = {
    type: 'about:blank',
    title: TITLES[status] ?? 'Error',
    status,
    code,
    detail: said ?? messageOf(error),
    ...(error instanceof ProblemError ? { problems: error.problems } : {}),
    ...(error instanceof LogInRefused ? error.left : {}),
    ...(error instanceof ConflictError ? { current: error.current } : {}),
  };
  return reply.code(status).type('application/problem+json').send(JSON.stringify(body));
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Not logged in',
  403: 'Not allowed',
  404: 'Not found',
  409: 'Conflict',
  405: 'Not this method',
  413: 'Too large',
  414: 'Too long an address',
  415: 'Not this kind of content',
  422: 'The document has mistakes',
  429: 'Too many attempts',
  500: 'Internal error',
  502: 'Asterisk refused',
  503: 'A part is not answering',
};

/** Fastify's own refusals (a body that is no JSON, one that is too large) are mistakes of the request. */
const fastifyCode = (error: unknown): string => (refusalOf(error) === undefined ? 'INTERNAL' : 'INVALID_REQUEST');

/** The status with which Fastify itself refused a request; undefined for every other error. */
export function refusalOf(error: unknown): number | undefined {
  const status = typeof error === 'object' && error !== null && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' && status < 500 ? status : undefined;
}

/** @throws {ProblemError} with every mistake */
export function parse<T extends z.ZodType>(schema: T, value: unknown): z.infer<T> {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (!parsed.success) throw new ProblemError('INVALID_REQUEST', problemsOf(schema, parsed.error));
  return parsed.data;
}

/** There is such a path, and not by this method (RFC 9110, section 15.5.6). */
export const notThisMethod = (method: string, allowed: readonly string[]): Error =>
  Object.assign(new Error(`${method} is not possible here; ${allowed.join(', ')} is`), { statusCode: 405 });

export const notFound = (kind: string, id: string, hint: string): TollgateError =>
  new TollgateError('NOT_FOUND', `there is no ${kind} "${id}"; ${hint}`);
