/**
 * Lets a request on the web port through to its route, or not: who makes it, by cookie or key, and whether he may.
 *
 * Guarantees
 * - No route is without a permission (permissions.ts), and nothing of a body is read before it was asked for.
 * - What came with a cookie changes nothing without the CSRF token of that log-in.
 * - A stream ends within seconds of the log-in or key that opened it.
 * - A wrong key is told to the defence. An old cookie is not: honest browsers have those.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../clock.ts';
import { TollgateError } from '../errors.ts';
import type { People } from '../people/people.ts';
import { createAttempts } from './attempts.ts';
import { needOf, routeName, STREAMS } from './permissions.ts';
import { type Asker, noteOpened, setAsker } from './who-asks.ts';

export const CSRF_HEADER = 'x-csrf-token';
/** `1`: a page asked by itself. Such a request, like a stream, does not keep a log-in alive. */
export const BACKGROUND_HEADER = 'x-tollgate-background';
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];
/** A person mistypes a key now and then; whoever guesses would need 2^256. */
const MOST_BAD_KEYS = 20;
const BAD_KEYS_MS = 60_000;
const LOOK_AGAIN_MS = 1000;
const MOST_STREAMS = 64;

/** Bound to the log-in, and known to none who cannot read its answers. */
export const csrfTokenOf = (cookie: string): string =>
  createHmac('sha256', cookie).update('tollgate csrf').digest('base64url');

/** @param app a scope of its own; routes are registered on it afterwards */
export function authorize(
  app: FastifyInstance,
  deps: {
    readonly people: Pick<People, 'logIns' | 'keys' | 'door' | 'keysSeen'>;
    readonly cookieOf: (request: FastifyRequest) => string | undefined;
    /** Whether page and API are for this address. */
    readonly mayCome: (address: string) => boolean;
    readonly clock: Clock;
  },
): void {
  const { people, cookieOf, clock } = deps;
  const badKeys = createAttempts({ most: MOST_BAD_KEYS, withinMs: BAD_KEYS_MS, clock });
  let streams = 0;

  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) needOf(each, url);
  });
  for (const event of ['connection', 'secureConnection'])
    app.server.on(event, (socket) => noteOpened(socket, clock.now()));

  const byKey = (text: string, from: string, isFirstLook: boolean): Asker => {
    const answer = people.keys.check(text, from);
    if ('key' in answer) {
      const { id, name, scopes } = answer.key;
      if (isFirstLook) people.keysSeen.note(id);
      return { kind: 'key', id, name, permissions: new Set(scopes), from };
    }
    const attempt = { service: 'api', address: from } as const;
    switch (answer.refused) {
      case 'expired':
        throw new TollgateError('UNAUTHENTICATED', `the key "${answer.name}" has expired; make another one`);
      case 'elsewhere':
        if (isFirstLook) people.door.failed({ ...attempt, account: answer.name, kind: 'acl' });
        throw new TollgateError('FORBIDDEN', `the key "${answer.name}" may not be used from ${from}`);
      case 'unknown':
        if (isFirstLook) people.door.failed({ ...attempt, account: undefined, kind: 'log-in' });
        if (badKeys.note(from) === 'too many')
          throw new TollgateError('TOO_MANY', 'too many wrong keys from this address; try again in a minute');
        throw new TollgateError('UNAUTHENTICATED', 'this key is none that counts');
      default:
        return answer satisfies never;
    }
  };

  /** @throws {TollgateError} `UNAUTHENTICATED`, `FORBIDDEN`, `TOO_MANY`; those of the store */
  const identify = async (request: FastifyRequest, from: string, look: 'used' | 'looked at'): Promise<Asker> => {
    const { authorization } = request.headers;
    if (authorization !== undefined) {
      const [, key] = /^Bearer +(\S{1,200})$/i.exec(authorization) ?? [];
      if (key === undefined)
        throw new TollgateError('UNAUTHENTICATED', 'write the API key as: Authorization: Bearer KEY');
      return byKey(key, from, look === 'used');
    }
    const cookie = cookieOf(request);
    const bySelf =
      request.headers[BACKGROUND_HEADER] === '1' ||
      STREAMS.has(routeName(request.method, request.routeOptions.url ?? ''));
    const found = cookie === undefined ? undefined : await people.logIns.whoIs(cookie, bySelf ? 'looked at' : look);
    if (cookie === undefined || found === undefined)
      throw new TollgateError('UNAUTHENTICATED', 'log in first, or send an API key: Authorization: Bearer KEY');
    return { kind: 'user', ...found, cookie, from };
  };

  /** Whether he may, now. @throws as `identify` */
  const admit = async (request: FastifyRequest, from: string, look: 'used' | 'looked at'): Promise<Asker> => {
    const need = needOf(request.method, request.routeOptions.url ?? '');
    if (need === 'nobody') return { kind: 'nobody', from };
    const asker = await identify(request, from, look);
    if (asker.kind === 'user' && !SAFE_METHODS.includes(request.method) && !hasToken(request, asker.cookie))
      throw new TollgateError(
        'FORBIDDEN',
        `send the CSRF token of this log-in as ${CSRF_HEADER}; GET /api/v1/session has it`,
      );
    if ('permissions' in asker && asker.permissions.has(need)) return asker;
    throw new TollgateError('FORBIDDEN', refusal(asker, need));
  };

  app.addHook('onRequest', async (request, reply) => {
    const from = request.ip;
    try {
      setAsker(request, await admit(request, from, 'used'));
    } catch (error) {
      if (error instanceof TollgateError && error.code === 'UNAUTHENTICATED')
        reply.header('www-authenticate', 'Bearer');
      if (error instanceof TollgateError && error.code === 'TOO_MANY') reply.header('retry-after', BAD_KEYS_MS / 1000);
      throw error;
    }
    if (STREAMS.has(routeName(request.method, request.routeOptions.url ?? ''))) follow(request, reply, from);
  });

  /** Sees to it that a stream does not outlive the right to it. */
  const follow = (request: FastifyRequest, reply: FastifyReply, from: string): void => {
    if (streams >= MOST_STREAMS) throw new TollgateError('TOO_MANY', 'too many are following already; try again later');
    streams += 1;
    // Nothing may happen for hours; a peer that is gone is found by the kernel.
    request.socket.setTimeout(0);
    request.socket.setKeepAlive(true, 30_000);
    let isLooking = false;
    const look = async (): Promise<void> => {
      if (isLooking) return;
      isLooking = true;
      try {
        if (!deps.mayCome(from)) throw new TollgateError('FORBIDDEN', 'access denied');
        await admit(request, from, 'looked at');
      } catch (error) {
        // While the store is away nobody is known to have lost anything.
        if (error instanceof TollgateError && (error.code === 'UNAUTHENTICATED' || error.code === 'FORBIDDEN'))
          reply.raw.destroy();
      } finally {
        isLooking = false;
      }
    };
    const timer = setInterval(() => void look(), LOOK_AGAIN_MS);
    reply.raw.once('close', () => {
      clearInterval(timer);
      streams -= 1;
    });
  };
}

function hasToken(request: FastifyRequest, cookie: string): boolean {
  const [given, wanted] = [Buffer.from(String(request.headers[CSRF_HEADER] ?? '')), Buffer.from(csrfTokenOf(cookie))];
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

const rolesOf = (roles: readonly string[]): string =>
  roles.length === 1 ? `the role ${roles[0]} does` : `the roles ${roles.join(' and ')} do`;

function refusal(asker: Asker, need: string): string {
  switch (asker.kind) {
    case 'user':
      // Every role has more than its own account, but for an owner who has to set up his second factor.
      return asker.permissions.size === 1
        ? 'an owner needs a second factor first: POST /api/v1/session/totp'
        : `${rolesOf(asker.user.roles)} not have the permission ${need}`;
    case 'key':
      return `the key "${asker.name}" does not have the scope ${need}`;
    default:
      return 'this needs a log-in';
  }
}
