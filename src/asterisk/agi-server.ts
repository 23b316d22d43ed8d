/**
 * The FastAGI server: listens, lets in whom it may, bounds how many and for how long, and counts how each one ended.
 *
 * Guarantees that no client can crash it, hold memory, or stay beyond its time limit; that clients that say nothing or
 * nonsense do not keep the others from being served; and that every accepted connection is counted under exactly one
 * end. Refuses to know: what is asked and what is answered (the handler's business), and what a verdict is.
 *
 * Time limits are kept by one timer for all connections, which looks at each of them a few times per limit and stops
 * when there are none. A timer per connection would be two more allocations and a heap operation on every call, to
 * notice a rare event a few milliseconds sooner.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { type Clock, systemClock } from '../clock.ts';
import { AgiConnection, type AgiHandler, type ConnectionEnd } from './agi-connection.ts';
import { DEFAULT_ENVIRONMENT_LIMITS, type EnvironmentLimits } from './agi-protocol.ts';
import { createAllowedPeers } from './allowed-peers.ts';

/** Where to listen. Port 0 takes a free one. A path is a unix socket, which its directory's permissions protect. */
export type AgiListen = { readonly host: string; readonly port: number } | { readonly path: string };

/** The part of a logger that this server needs; pino's fits. */
export interface AgiServerLog {
  readonly debug: (fields: object, message: string) => void;
  readonly warn: (fields: object, message: string) => void;
  readonly error: (fields: object, message: string) => void;
}

export interface AgiServerOptions {
  readonly listen: AgiListen;
  /** CIDRs or addresses that may connect. Not asked on a unix socket. */
  readonly allowFrom: readonly string[];
  /** Connections above this many are closed at once. Default 1000. */
  readonly maxConnections?: number;
  /** From accept to the end of the environment. Default 2000. */
  readonly requestTimeoutMs?: number;
  /** From accept to the client's close. Default 10000. */
  readonly sessionTimeoutMs?: number;
  readonly environmentLimits?: EnvironmentLimits;
  readonly handle: AgiHandler;
  readonly log: AgiServerLog;
  readonly clock?: Pick<Clock, 'monotonicMs'>;
}

/** Since the start. `accepted` equals the sum of `ended` plus the connections that have not ended yet. */
export interface AgiCounters {
  readonly accepted: number;
  /** `gone`: reset by the client before it was accepted, so that not even its address is known. */
  readonly refused: { readonly notAllowed: number; readonly tooMany: number; readonly gone: number };
  readonly ended: Readonly<Record<ConnectionEnd, number>>;
}

export interface AgiServer {
  /** Where it listens, with the real port. */
  readonly address: AgiListen;
  /** Sockets that are open now. */
  readonly connections: () => number;
  readonly counters: () => AgiCounters;
  /**
   * Stops listening at once, lets running connections finish for `graceMs` (default 1000), then destroys what is left.
   * Resolves when no socket is open. Calling it again waits for the same end.
   */
  readonly close: (graceMs?: number) => Promise<void>;
}

const DEFAULT_MAX_CONNECTIONS = 1000;
const DEFAULT_REQUEST_TIMEOUT_MS = 2000;
const DEFAULT_SESSION_TIMEOUT_MS = 10_000;
const DEFAULT_CLOSE_GRACE_MS = 1000;

/** A connect that finds the backlog full costs the call two seconds, so it is roomier than Node's 511. */
const BACKLOG = 2048;

/** Strangers and broken clients come in floods; one warning in this time carries the counters, the rest is debug. */
const WARN_EVERY_MS = 10_000;

/**
 * Starts a FastAGI server and resolves when it listens.
 *
 * @throws Error if `allowFrom` has an entry that is no network, or if the address cannot be listened on.
 */
export async function createAgiServer(options: AgiServerOptions): Promise<AgiServer> {
  const { log, listen } = options;
  const monotonicMs = (options.clock ?? systemClock).monotonicMs;
  const isAllowed = createAllowedPeers(options.allowFrom);
  const hasAddresses = !('path' in listen);
  const maxConnections = options.maxConnections ?? DEFAULT_MAX_CONNECTIONS;
  const requestTimeoutMs = options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
  const sessionTimeoutMs = options.sessionTimeoutMs ?? DEFAULT_SESSION_TIMEOUT_MS;
  const sweepEveryMs = Math.min(Math.max(Math.min(requestTimeoutMs, sessionTimeoutMs) / 8, 5), 250);

  const open = new Set<AgiConnection>();
  const ended: Record<ConnectionEnd, number> = {
    served: 0,
    hungUp: 0,
    abandoned: 0,
    malformed: 0,
    timedOut: 0,
    handlerFailed: 0,
    unconfirmed: 0,
    refusedByAsterisk: 0,
    cutOff: 0,
  };
  const refused = { notAllowed: 0, tooMany: 0, gone: 0 };
  let accepted = 0;
  let sweeper: NodeJS.Timeout | undefined;
  let warnedAtMs = Number.NEGATIVE_INFINITY;

  const counters = (): AgiCounters => ({ accepted, refused: { ...refused }, ended: { ...ended } });

  const report = (fields: object, message: string): void => {
    const nowMs = monotonicMs();
    if (nowMs - warnedAtMs < WARN_EVERY_MS) {
      log.debug(fields, message);
      return;
    }
    warnedAtMs = nowMs;
    log.warn({ ...fields, counters: counters() }, message);
  };

  const onEnd = (end: ConnectionEnd, detail: string, cause?: unknown): void => {
    ended[end] += 1;
    switch (end) {
      case 'served':
      case 'hungUp':
        return;
      case 'handlerFailed':
        log.error({ err: cause, path: detail }, 'AGI handler failed; closed without a verdict');
        return;
      case 'refusedByAsterisk':
        log.error({ reply: detail.slice(0, 200) }, 'Asterisk refused the command that sets the verdict');
        return;
      case 'abandoned':
      case 'malformed':
      case 'timedOut':
      case 'unconfirmed':
      case 'cutOff':
        report({ end, detail }, 'AGI connection ended without a confirmed verdict');
        return;
      default:
        end satisfies never;
    }
  };

  const context = {
    handle: options.handle,
    environmentLimits: options.environmentLimits ?? DEFAULT_ENVIRONMENT_LIMITS,
    requestTimeoutMs,
    sessionTimeoutMs,
    onEnd,
    onHandlerFault: (cause: unknown, path: string): void => {
      log.error({ err: cause, path }, 'AGI handler failed after its connection had ended');
    },
  };

  const sweep = (): void => {
    if (open.size === 0) {
      clearInterval(sweeper);
      sweeper = undefined;
      return;
    }
    const nowMs = monotonicMs();
    for (const connection of open) connection.sweep(nowMs);
  };

  const refuse = (socket: Socket, reason: keyof typeof refused): void => {
    refused[reason] += 1;
    const remoteAddress = socket.remoteAddress;
    socket.on('error', () => {});
    socket.destroy();
    report({ reason, remoteAddress }, 'AGI connection refused');
  };

  let onLastClose: (() => void) | undefined;
  const server = createServer({ noDelay: true }, (socket) => {
    if (hasAddresses) {
      const remoteAddress = socket.remoteAddress;
      if (remoteAddress === undefined) return refuse(socket, 'gone');
      if (!isAllowed(remoteAddress)) return refuse(socket, 'notAllowed');
    }
    if (open.size >= maxConnections) return refuse(socket, 'tooMany');
    accepted += 1;
    const connection = new AgiConnection(socket, context, monotonicMs());
    open.add(connection);
    socket.on('close', () => {
      connection.onClose();
      open.delete(connection);
      if (open.size === 0) onLastClose?.();
    });
    sweeper ??= setInterval(sweep, sweepEveryMs).unref();
  });

  await startListening(server, listen);
  // Afterwards, an 'error' is a failed accept (no file descriptors left, say): that client is lost, the server is not.
  server.on('error', (err) => log.error({ err }, 'AGI server could not accept a connection'));

  const drained = (withinMs?: number): Promise<void> =>
    new Promise((resolve) => {
      if (open.size === 0) return resolve();
      const timer = withinMs === undefined ? undefined : setTimeout(resolve, withinMs);
      onLastClose = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const stop = async (graceMs: number): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    await drained(graceMs);
    for (const connection of open) connection.cutOff();
    // The server's own 'close' can come before that of its last socket, with which the connection is counted.
    await Promise.all([closed, drained()]);
    clearInterval(sweeper);
  };
  let stopped: Promise<void> | undefined;

  return {
    address: addressOf(server, listen),
    connections: () => open.size,
    counters,
    close: (graceMs = DEFAULT_CLOSE_GRACE_MS) => {
      stopped ??= stop(graceMs);
      return stopped;
    },
  };
}

function startListening(server: Server, listen: AgiListen): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...listen, backlog: BACKLOG }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function addressOf(server: Server, listen: AgiListen): AgiListen {
  const address = server.address();
  return typeof address === 'object' && address !== null ? { host: address.address, port: address.port } : listen;
}
