/**
 * The live stream of the daemon, and an honest word about how live it is.
 *
 * Read with `fetch` rather than with `EventSource`, which hides why it was refused and forgets where it was when it gives
 * up. Reconnects by itself with the id of the last event, so that nothing is missed; a daemon that no longer knows that id
 * says so, and everything is fetched anew.
 */
import { createEventReader, type StreamEvent } from './event-text.ts';
import { noteServerTime, serverNow } from './server-clock.ts';

/**
 * - `live`: heard from within the last seconds.
 * - `catching-up`: not connected, or silent for longer than a heartbeat.
 * - `cut`: nothing for 15 seconds; what is on the screen may be old.
 */
export type LiveWord = 'live' | 'catching-up' | 'cut';

export interface LiveState {
  readonly word: LiveWord;
  /** When it was last heard, by the daemon's clock; undefined before the first time. */
  readonly heardAt: number | undefined;
  /** When it is tried again, by the daemon's clock. */
  readonly triesAgainAt: number | undefined;
}

export interface LiveStream {
  readonly retryNow: () => void;
  readonly close: () => void;
}

/** Heartbeats come every five seconds; one may be late. */
const SILENT_AFTER_MS = 8000;
const CUT_AFTER_MS = 15_000;
const LONGEST_WAIT_MS = 5000;
const LOOK_EVERY_MS = 500;

export function openLiveStream(deps: {
  readonly url: string;
  readonly onEvent: (event: StreamEvent) => void;
  readonly onState: (state: LiveState) => void;
  /** The log-in is no longer good; the stream is closed. */
  readonly onSignedOut: () => void;
}): LiveStream {
  let lastEventId: string | undefined;
  let heardAt: number | undefined;
  let triesAgainAt: number | undefined;
  let isConnected = false;
  let failures = 0;
  let isClosed = false;
  let connection = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const startedAt = serverNow();
  let told = '';

  const tell = (): void => {
    if (isClosed) return;
    const silentMs = serverNow() - (heardAt ?? startedAt);
    const isHeard = isConnected && heardAt !== undefined && silentMs <= SILENT_AFTER_MS;
    const word: LiveWord = isHeard ? 'live' : silentMs > CUT_AFTER_MS ? 'cut' : 'catching-up';
    // Silence on a connection that looks open: it is dead, and only a new one can tell.
    if (isConnected && silentMs > SILENT_AFTER_MS) connection.abort();
    const seen = `${word} ${word === 'live' ? '' : heardAt} ${triesAgainAt}`;
    if (seen === told) return;
    told = seen;
    deps.onState({ word, heardAt, triesAgainAt });
  };

  const heard = (event: StreamEvent): void => {
    heardAt = serverNow();
    if (event.id !== undefined && event.id !== '') lastEventId = event.id;
    if (event.type === 'heartbeat') {
      const { serverTime } = readJson(event.data);
      if (typeof serverTime === 'string' || typeof serverTime === 'number') noteServerTime(serverTime);
      heardAt = serverNow();
    } else if (event.type !== 'comment') deps.onEvent(event);
    tell();
  };

  const follow = async (): Promise<void> => {
    connection = new AbortController();
    const { signal } = connection;
    const headers = new Headers({ accept: 'text/event-stream' });
    if (lastEventId !== undefined) headers.set('last-event-id', lastEventId);
    const answer = await fetch(deps.url, { headers, credentials: 'same-origin', cache: 'no-store', signal });
    if (answer.status === 401) {
      close();
      deps.onSignedOut();
      return;
    }
    if (!answer.ok || answer.body === null) throw new Error(`the stream was answered ${answer.status}`);
    isConnected = true;
    triesAgainAt = undefined;
    heardAt = serverNow();
    failures = 0;
    tell();
    const read = createEventReader();
    for (const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const event of read(value)) heard(event);
    }
  };

  const connect = async (): Promise<void> => {
    triesAgainAt = undefined;
    await follow().catch(() => undefined);
    isConnected = false;
    if (isClosed) return;
    failures += 1;
    const waitMs = Math.min(LONGEST_WAIT_MS, 250 * 2 ** failures) * (0.75 + Math.random() / 2);
    triesAgainAt = serverNow() + waitMs;
    timer = setTimeout(() => void connect(), waitMs);
    tell();
  };

  const looking = setInterval(tell, LOOK_EVERY_MS);
  const close = (): void => {
    isClosed = true;
    clearInterval(looking);
    clearTimeout(timer);
    connection.abort();
  };
  void connect();
  return {
    retryNow: () => {
      if (isConnected || isClosed) return;
      clearTimeout(timer);
      void connect();
    },
    close,
  };
}

/** Of what is no JSON object: nothing. */
export function readJson(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
