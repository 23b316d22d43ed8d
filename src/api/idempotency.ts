/**
 * `Idempotency-Key`: a request that is sent again because its answer was lost is carried out once, and answered alike.
 *
 * Guarantees
 * - On all daemons together, for an hour, for the one who sent it and nobody else.
 * - The same key with another request is refused, and so is one whose first request is still under way.
 * - What failed on our side may be tried again.
 * - The store holds neither the key nor the answer in clear, which may have a password or an API key in it: the answer is
 *   encrypted by the key, which the client drew.
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { TollgateError } from '../errors.ts';
import type { Keys } from '../redis/keys.ts';
import { storeError } from '../redis/store-error.ts';
import { NEEDS, routeName } from './permissions.ts';
import { ProblemError } from './problem.ts';
import { whoAsks } from './who-asks.ts';

export const IDEMPOTENCY_HEADER = 'idempotency-key';
const KEPT_SECONDS = 3600;
/** Longer than any request takes. */
const UNDER_WAY_SECONDS = 60;
const LARGEST_ANSWER = 256 * 1024;
const GOOD_KEY = /^[\x21-\x7e]{16,128}$/;
const CIPHER = 'aes-256-gcm';

const keptSchema = z.object({ request: z.string(), status: z.number(), type: z.string(), body: z.string() });

interface Running {
  readonly key: string;
  readonly secret: Buffer;
  /** Of what was asked. */
  readonly request: string;
}

/** For routes that are registered on the app, but those of a log-in itself. */
export function answerOnce(
  app: FastifyInstance,
  deps: { readonly redis: Redis; readonly keys: Pick<Keys, 'answered'> },
): void {
  const { redis, keys } = deps;
  const running = new WeakMap<FastifyRequest, Running>();

  app.addHook('preHandler', async (request, reply) => {
    const header = request.headers[IDEMPOTENCY_HEADER];
    const need = NEEDS.get(routeName(request.method, request.routeOptions.url ?? ''));
    if (header === undefined || request.method === 'GET' || request.method === 'HEAD') return;
    if (need === undefined || need === 'own' || need === 'nobody') return;
    if (typeof header !== 'string' || !GOOD_KEY.test(header)) {
      const message = 'is no key; draw 16 to 128 letters and digits for each thing that you do';
      throw new ProblemError('INVALID_REQUEST', [{ path: 'Idempotency-Key', message }]);
    }
    const mine: Running = {
      key: keys.answered(digest(`${whoAsks(request)}\n${header}`)),
      secret: Buffer.from(hkdfSync('sha256', header, whoAsks(request), 'tollgate answer', 32)),
      request: digest(JSON.stringify([request.method, request.url, request.body ?? null])),
    };
    const first = await redis.set(mine.key, mine.request, 'EX', UNDER_WAY_SECONDS, 'NX').catch(fail);
    if (first === 'OK') {
      running.set(request, mine);
      return;
    }
    const kept = (await redis.get(mine.key).catch(fail)) ?? '';
    const answer = open(kept, mine.secret);
    if ((answer?.request ?? kept) !== mine.request)
      throw new TollgateError('CONFLICT', 'this Idempotency-Key was used for another request; draw another one');
    if (answer === undefined)
      throw new TollgateError('CONFLICT', 'the first request with this Idempotency-Key is under way; ask again');
    return reply
      .code(answer.status)
      .headers({ 'content-type': answer.type, 'idempotency-replayed': 'true' })
      .serializer(String)
      .send(answer.body);
  });

  app.addHook('onSend', async (request, reply, payload) => {
    const mine = running.get(request);
    if (mine === undefined) return;
    running.delete(request);
    const { statusCode: status } = reply;
    const isKept = status < 500 && status !== 429 && typeof payload === 'string' && payload.length <= LARGEST_ANSWER;
    const type = String(reply.getHeader('content-type') ?? 'application/json');
    const keeping = isKept
      ? redis.set(
          mine.key,
          seal({ request: mine.request, status, type, body: payload }, mine.secret),
          'EX',
          KEPT_SECONDS,
        )
      : redis.del(mine.key);
    // It is done, and the answer is true, whether or not it can be given again.
    await keeping.catch(() => undefined);
  });
}

const digest = (text: string): string => createHash('sha256').update(text).digest('base64url');

const fail = (error: unknown): never => {
  throw storeError(error);
};

function seal(answer: z.infer<typeof keptSchema>, secret: Buffer): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv(CIPHER, secret, nonce);
  const sealed = Buffer.concat([cipher.update(JSON.stringify(answer)), cipher.final()]);
  return `:${Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64')}`;
}

/** Undefined: the request is still under way, or it was not sealed with this secret. */
function open(kept: string, secret: Buffer): z.infer<typeof keptSchema> | undefined {
  if (!kept.startsWith(':')) return undefined;
  const bytes = Buffer.from(kept.slice(1), 'base64');
  try {
    const decipher = createDecipheriv(CIPHER, secret, bytes.subarray(0, 12));
    decipher.setAuthTag(bytes.subarray(12, 28));
    const text = Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString();
    return keptSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
