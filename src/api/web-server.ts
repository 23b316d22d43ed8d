/**
 * HTTP on TCP: listens, bounds what strangers may cost, says who they are, and protects what is shown.
 *
 * Serves health and whatever routes are hung on it, each in a scope of its own; it knows none of them. This port may be
 * open to the internet, so what is hung on it has to guard itself; what is guarded by address is so as a whole, with every
 * path that leads nowhere. In every request
 * `request.ip` is the client behind trusted proxies; `Host`, `X-Forwarded-Host` and `-Proto` are believed by nothing.
 */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import Fastify, { type FastifyInstance, type FastifyPluginAsync, type FastifyReply } from 'fastify';
import { messageOf, TollgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import { readAddress } from '../policy/addresses.ts';
import { type Certificate, readCertificate, watchCertificate } from './certificate.ts';
import { createClientAddress } from './client-address.ts';
import { methodsOf } from './permissions.ts';
import { notFound, notThisMethod, refusalOf, sendProblem } from './problem.ts';

export interface WebSettings {
  readonly listen: { readonly host: string; readonly port: number };
  /** Where people reach it, without a slash at the end. */
  readonly publicUrl?: string | undefined;
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  readonly trustedProxies: readonly string[];
}

/** A person on a slow line needs less, the page of a whole policy is far below. */
const LIMITS = {
  connections: 512,
  bodyBytes: 64 * 1024,
  headerBytes: 16 * 1024,
  headers: 100,
  /** From the first byte of a request. */
  headersMs: 10_000,
  requestMs: 15_000,
  /** Without a byte in either direction; also of a TLS handshake. */
  idleMs: 30_000,
  keepAliveMs: 5000,
  /** How often time limits are looked at. */
  checkEveryMs: 1000,
  requestsPerConnection: 1000,
  closeMs: 1000,
  certificateEveryMs: 60_000,
};
export type WebLimits = Readonly<typeof LIMITS>;

export interface WebServer {
  /** Where it listens, with the real port. */
  readonly address: { readonly host: string; readonly port: number };
  readonly connections: () => number;
  /** Where people reach it, without a slash at the end, and why they may not. */
  readonly baseUrl: () => { readonly url: string; readonly warning: string | undefined };
  /** Stops listening at once, lets answers that are under way finish for a second, and ends the same way if asked again. */
  readonly close: () => Promise<void>;
}

/** Each is registered in a scope of its own, with its own hooks, parsers and error handler where it sets some. */
export type WebRoutes = FastifyPluginAsync;

/**
 * Starts the server and resolves when it listens.
 *
 * @param deps.missing what keeps the daemon from deciding calls, one sentence each; empty when nothing does
 * @param routes answer whoever asks
 * @param guarded answer those alone who may come; others see "access denied", wherever they look
 * @throws {TollgateError} `CONFIG_INVALID` naming the key: the port is taken, the certificate cannot be used
 */
export async function startWebServer(
  deps: {
    readonly settings: WebSettings;
    readonly missing: () => readonly string[];
    readonly log: Log;
    readonly limits?: Partial<WebLimits>;
  },
  routes: readonly WebRoutes[],
  guarded?: { readonly mayCome: (address: string) => boolean; readonly routes: readonly WebRoutes[] },
): Promise<WebServer> {
  const { settings, log } = deps;
  const { tls, listen, publicUrl } = settings;
  const limits: WebLimits = { ...LIMITS, ...deps.limits };
  const certificate = tls === undefined ? undefined : await readCertificate(tls);
  const app = Fastify({
    serverFactory: (handler) => serverFor(handler, limits, certificate),
    bodyLimit: limits.bodyBytes,
    clientErrorHandler: refuseBroken,
    frameworkErrors: (error, _request, reply) => void sendProblem(reply, error),
    // The longest name in a path: a signed link of an approval.
    routerOptions: { maxParamLength: 1024 },
  });
  const clientAddress = createClientAddress(settings.trustedProxies);
  app.addHook('onRequest', (request, _reply, done) => {
    const forwardedFor = request.headers['x-forwarded-for'];
    const value = clientAddress(request.socket.remoteAddress, String(forwardedFor ?? ''));
    Object.defineProperty(request, 'ip', { value });
    done();
  });
  app.setErrorHandler((thrown, _request, reply) => {
    if (thrown instanceof TollgateError || refusalOf(thrown) !== undefined) return sendProblem(reply, thrown);
    // Its own sentence may say more of this machine than a stranger should know.
    log.error({ problem: messageOf(thrown) }, 'a request on the web port failed');
    return sendProblem(reply, thrown, 'that cannot be answered now; the log of the daemon says why');
  });
  app.setNotFoundHandler(({ method, url, ip }, reply) => {
    if (guarded?.mayCome(ip) === false) return deny(reply);
    const [path = ''] = url.split('?', 1);
    const allowed = methodsOf(path);
    if (allowed.length > 0)
      return sendProblem(reply.header('allow', allowed.join(', ')), notThisMethod(method, allowed));
    const hint = 'nothing on this port answers to that method and path';
    return sendProblem(reply, notFound('resource', url.slice(0, 200), hint));
  });
  health(app, deps.missing);
  for (const each of routes) await app.register(each);
  if (guarded !== undefined) {
    const scope: WebRoutes = async (inner) => {
      inner.addHook('onRequest', async (request, reply) => (guarded.mayCome(request.ip) ? undefined : deny(reply)));
      for (const each of guarded.routes) await inner.register(each);
    };
    await app.register(scope);
  }
  await app.ready();

  const { server } = app;
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  await startListening(server, listen);
  server.on('error', (error) => log.error({ problem: messageOf(error) }, 'the web port failed'));
  const stopWatching =
    tls === undefined || certificate === undefined
      ? undefined
      : watchCertificate(tls, certificate, {
          everyMs: limits.certificateEveryMs,
          log,
          onChange: (changed) => {
            if (server instanceof TlsServer) server.setSecureContext({ ...changed, minVersion: OLDEST_TLS });
          },
        });
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : listen.port;
  const { host } = listen;
  const own = `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const end = async (): Promise<void> => {
    stopWatching?.();
    const closed = once(server, 'close');
    server.close();
    server.closeIdleConnections();
    const rest = setTimeout(() => {
      for (const socket of open) socket.destroy();
    }, limits.closeMs);
    await closed;
    clearTimeout(rest);
    await app.close();
  };
  let ended: Promise<void> | undefined;
  return {
    address: { host, port },
    connections: () => open.size,
    baseUrl: () =>
      publicUrl === undefined ? { url: own, warning: warningOf(host) } : { url: publicUrl, warning: undefined },
    close: () => {
      ended ??= end();
      return ended;
    },
  };
}

const deny = (reply: FastifyReply): FastifyReply => reply.code(403).type('text/plain').send('access denied\n');

/** HTTP, or HTTPS where there is a certificate, within the limits. */
function serverFor(handler: RequestListener, limits: WebLimits, certificate: Certificate | undefined): Server {
  const withHeaders: RequestListener = (request, response) => {
    // On the bare response: an answer that Fastify never sees, and a stream that takes it over, have them too.
    for (const [name, value] of SECURITY_HEADERS) response.setHeader(name, value);
    if (certificate !== undefined) response.setHeader('strict-transport-security', 'max-age=31536000');
    handler(request, response);
  };
  const options = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: limits.checkEveryMs,
  };
  const server =
    certificate === undefined
      ? createServer(options, withHeaders)
      : createTlsServer(
          { ...options, ...certificate, minVersion: OLDEST_TLS, handshakeTimeout: limits.headersMs },
          withHeaders,
        );
  server.maxConnections = limits.connections;
  server.maxHeadersCount = limits.headers;
  server.maxRequestsPerSocket = limits.requestsPerConnection;
  server.setTimeout(limits.idleMs);
  return server;
}

const OLDEST_TLS = 'TLSv1.2';

const SECURITY_HEADERS: readonly (readonly [string, string])[] = [
  ['content-security-policy', "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"],
  ['referrer-policy', 'no-referrer'],
  ['x-content-type-options', 'nosniff'],
  ['x-frame-options', 'DENY'],
  ['cross-origin-opener-policy', 'same-origin'],
  ['cross-origin-resource-policy', 'same-origin'],
  ['cache-control', 'no-store'],
];

/** For load balancers and container platforms. The port opens when FastAGI listens, and closes before it does. */
function health(app: FastifyInstance, missing: () => readonly string[]): void {
  app.get('/healthz', async () => ({ alive: true }));
  app.get('/readyz', (_request, reply) => {
    const parts = missing();
    return reply.code(parts.length === 0 ? 200 : 503).send({ ready: parts.length === 0, missing: parts });
  });
}

function startListening(server: Server, listen: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException): void => {
      const where = `${listen.host}:${listen.port}`;
      const why = WHY_NOT[cause.code ?? ''] ?? messageOf(cause);
      reject(new TollgateError('CONFIG_INVALID', `http.listen: cannot listen on ${where}: ${why}`, { cause }));
    };
    server.once('error', failed);
    server.listen(listen, () => {
      server.off('error', failed);
      resolve();
    });
  });
}

const WHY_NOT: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program has that port; end it or write another port',
  EACCES: 'this user may not have that port; write one above 1023',
  EADDRNOTAVAIL: 'no interface of this machine has that address',
  ENOTFOUND: 'there is no machine of that name',
};

const BROKEN: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** A request that is no HTTP, or not within the limits, has no response that could be used. */
function refuseBroken(error: NodeJS.ErrnoException, socket: Socket): void {
  const status = BROKEN[error.code ?? ''] ?? '400 Bad Request';
  if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  // One that does not read the answer must not stay.
  socket.destroySoon();
}

function warningOf(host: string): string | undefined {
  const address = readAddress(host);
  const isLoopback =
    host === 'localhost' || (address?.family === 4 ? address.value >> 24n === 127n : address?.value === 1n);
  if (isLoopback)
    return `${host} is reached from this machine alone; set http.publicUrl, or http.listen to another address`;
  if (address?.value === 0n) return `${host} is no address that anybody can open; set http.publicUrl`;
  return undefined;
}
