/**
 * The cookie of a log-in: not for scripts, sent to no other site's requests, and over TLS alone where there is TLS.
 *
 * There the name begins with `__Host-`, which makes browsers take it from this host alone, for every path, and only with
 * `Secure`. It has no age: it goes with the browser, and the store ends it earlier.
 */
import fastifyCookie from '@fastify/cookie';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

export interface SessionCookie {
  /** To be called once, before anything that looks for cookies. */
  readonly register: (app: FastifyInstance) => Promise<void>;
  readonly of: (request: FastifyRequest) => string | undefined;
  readonly set: (reply: FastifyReply, value: string) => void;
  readonly clear: (reply: FastifyReply) => void;
}

/** @param http the configuration: whether browsers reach this port by TLS, here or at a proxy */
export function createSessionCookie(http: {
  readonly tls?: object | undefined;
  readonly publicUrl?: string | undefined;
}): SessionCookie {
  const secure = http.tls !== undefined || http.publicUrl?.startsWith('https://') === true;
  const name = secure ? '__Host-tollgate' : 'tollgate';
  const options = { httpOnly: true, sameSite: 'strict', secure, path: '/' } as const;
  return {
    register: async (app) => {
      await app.register(fastifyCookie);
    },
    of: (request) => request.cookies[name],
    set: (reply, value) => void reply.setCookie(name, value, options),
    clear: (reply) => void reply.clearCookie(name, options),
  };
}
