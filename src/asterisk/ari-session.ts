/**
 * One event socket from its opening to its end.
 *
 * Guarantees that it opens or fails within its time, that it ends exactly once with a reason, that a peer which has
 * fallen silent is found by pings, and that no frame can end it.
 * Refuses to know: what an event means, except that another program has taken the application's name.
 */
import type { WebSocket } from 'ws';
import { within } from '../deadline.ts';
import { TollgateError } from '../errors.ts';
import { type AriEvent, parseAriEvent } from './ari-event.ts';
import { AriRefused } from './ari-http.ts';

export interface AriSessionOptions {
  readonly app: string;
  readonly openWithinMs: number;
  /** Ends the opening. */
  readonly signal: AbortSignal;
  /** A socket that is silent for one to two of these, pings included, is given up. */
  readonly pingEveryMs: number;
  readonly onEvent: (event: AriEvent) => void;
  /** Called for a frame that is not an event, with its length in bytes. */
  readonly onBadFrame: (bytes: number) => void;
}

export interface AriSessionEnd {
  /** `replaced`: another program has opened an event socket for the same application and has all events since. */
  readonly kind: 'lost' | 'replaced' | 'closed';
  readonly problem: string;
}

export interface AriSession {
  /** Never rejects. */
  readonly ended: Promise<AriSessionEnd>;
  readonly close: () => Promise<void>;
}

/** How long the peer may take to say goodbye. */
const goodbyeWithinMs = 500;

/**
 * Waits until the socket is open; Asterisk has registered the application by then.
 *
 * @throws TollgateError ARI_UNAVAILABLE; AriRefused.
 */
export async function startAriSession(socket: WebSocket, options: AriSessionOptions): Promise<AriSession> {
  let end: AriSessionEnd | undefined;
  let isAlive = true;
  let ping: NodeJS.Timeout | undefined;

  const ended = new Promise<AriSessionEnd>((resolve) => {
    socket.on('close', (code) => {
      clearInterval(ping);
      resolve(end ?? { kind: 'lost', problem: `the event socket was closed (${code})` });
    });
  });
  socket.on('message', (data) => {
    isAlive = true;
    const frame = String(data);
    const event = parseAriEvent(frame);
    if (event === undefined) {
      options.onBadFrame(Buffer.byteLength(frame));
      return;
    }
    options.onEvent(event);
    if (event.type === 'ApplicationReplaced' && event.raw['application'] === options.app && end === undefined) {
      end = { kind: 'replaced', problem: `another program has taken over the application ${options.app}` };
      socket.close();
    }
  });
  socket.on('pong', () => {
    isAlive = true;
  });

  await opened(socket, options);
  ping = setInterval(() => {
    if (isAlive) {
      isAlive = false;
      socket.ping();
      return;
    }
    end ??= { kind: 'lost', problem: `the event socket was silent for ${options.pingEveryMs} ms` };
    socket.terminate();
  }, options.pingEveryMs);

  return {
    ended,
    close: async () => {
      end = { kind: 'closed', problem: 'the connection was closed on our side' };
      socket.close();
      await within(ended, goodbyeWithinMs);
      socket.terminate();
      await ended;
    },
  };
}

async function opened(
  socket: WebSocket,
  { openWithinMs, signal }: Pick<AriSessionOptions, 'openWithinMs' | 'signal'>,
): Promise<void> {
  let late: NodeJS.Timeout | undefined;
  const opening = new Promise<void>((resolve, reject) => {
    const fail = (why: string, cause?: unknown) => reject(new TollgateError('ARI_UNAVAILABLE', why, { cause }));
    late = setTimeout(() => fail(`the event socket did not open in ${openWithinMs} ms`), openWithinMs);
    socket.once('open', resolve);
    socket.once('error', (error) => fail(`the event socket did not open: ${error.message}`, error));
    // With a listener, ws leaves the answer and the socket to us.
    socket.once('unexpected-response', (_request, { statusCode = 0 }) =>
      reject(new AriRefused(statusCode, `the event socket was refused (${statusCode})`)),
    );
  });
  try {
    await unlessClosed(opening, signal);
  } catch (error) {
    socket.terminate();
    throw error;
  } finally {
    clearTimeout(late);
  }
}

/**
 * What `promise` comes to, unless the signal comes first. (`Promise.race` with a promise that lives as long as the
 * connection would keep the result of every attempt.)
 *
 * @throws TollgateError ARI_UNAVAILABLE at the signal.
 */
export async function unlessClosed<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  let onAbort: () => void = () => undefined;
  const closed = new Promise<never>((_, reject) => {
    onAbort = () => reject(new TollgateError('ARI_UNAVAILABLE', 'the connection was closed on our side'));
    signal.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([promise, closed]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
