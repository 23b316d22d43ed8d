/**
 * A standing connection to the manager interface (AMI) of one Asterisk: events out, actions in.
 *
 * Guarantees that it never gives up, whatever the Asterisk does, and never throws for what the Asterisk does; that an
 * action is answered, refused or failed within its time and is never kept for later; that a wrong password is told apart
 * from an outage; that a listener which throws harms neither another listener nor the connection.
 * Not guaranteed, because Asterisk replays nothing: events raised while the connection is down.
 * Refuses to know: what any event or action means.
 */
import type { Clock } from '../clock.ts';
import { TollgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { AmiMessage } from './ami-packet.ts';
import { AmiSession, type AmiSessionEnd, type AmiSessionTimings } from './ami-session.ts';
import { type ConnectionState, createConnectionState, createListeners, type Listeners } from './connection-state.ts';

export interface AmiConnection {
  /** The Asterisk's name from the configuration. */
  readonly name: string;
  readonly state: () => AmiState;
  /** Calls the listener at each change, not for the state at hand. Returns what ends it. */
  readonly onState: (listener: (up: boolean) => void) => () => void;
  /** Listens for events of these names, compared without regard to case. Returns what ends it. */
  readonly onEvent: (names: readonly string[], listener: (event: AmiMessage) => void) => () => void;
  /**
   * Sends one action and resolves with its answer. Asterisk takes no line beyond 1,000 bytes.
   *
   * @throws TollgateError AMI_UNAVAILABLE if it is not connected (then nothing was sent) or does not answer in time;
   * AMI_REFUSED if Asterisk answers with an error, with its sentence in ours; INVALID_REQUEST if a key or value cannot
   * stand in an action, such as one with a line end.
   */
  readonly action: (name: string, fields?: AmiFields, options?: AmiActionOptions) => Promise<AmiMessage>;
  /**
   * Sends a list action, such as `CoreShowChannels`, and resolves with its items: the events between the answer and the
   * completing one, at most 20,000. Some actions refuse instead of giving an empty list (`PJSIPShowContacts`).
   *
   * @throws TollgateError as {@link action} does.
   */
  readonly list: (name: string, fields?: AmiFields, options?: AmiActionOptions) => Promise<readonly AmiMessage[]>;
  /** Ends the connection for good; what is in flight fails with AMI_UNAVAILABLE. */
  readonly close: () => Promise<void>;
}

export type AmiState = ConnectionState;

export type AmiFields = Readonly<Record<string, string>>;

export interface AmiActionOptions {
  /** Default: 2,000 for an action, 5,000 for a list. */
  readonly withinMs?: number;
}

export interface AmiTimings extends AmiSessionTimings {
  /** Bounds of the pause between attempts: a random part of a value that grows from the first to the second. */
  readonly retryFirstMs: number;
  readonly retryMaxMs: number;
  /** Bounds of the pause after Asterisk refused the user. Each attempt leaves a security event over there. */
  readonly refusedFirstMs: number;
  readonly refusedMaxMs: number;
}

export interface AmiOptions {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly log: Log;
  readonly clock: Clock;
  /**
   * The event classes asked for, such as `system,call,security`: of those that `read=` in manager.conf allows. Default:
   * `on`, which is all of these. `dialplan` and `rtcp` are most of what a busy Asterisk would send.
   */
  readonly events?: string;
  readonly timings?: Partial<AmiTimings>;
}

const defaultTimings: AmiTimings = {
  loginWithinMs: 5_000,
  pingEveryMs: 10_000,
  pingWithinMs: 5_000,
  retryFirstMs: 100,
  retryMaxMs: 5_000,
  refusedFirstMs: 15_000,
  refusedMaxMs: 30_000,
};
/**
 * Small, because events are lost from the return of Asterisk to our next attempt, and an attempt costs next to nothing:
 * after an outage of 1.2 s that is 0.27 s on average (p95 0.7 s); doubling would make it 0.84 s (2.5 s).
 */
const RETRY_GROWTH = 1.3;
const actionWithinMs = 2_000;
const listWithinMs = 5_000;

/** Connects, and goes on trying until `close`. Never throws, whether the Asterisk is there or not. */
export function connectAmi(options: AmiOptions): AmiConnection {
  const { name, log, clock } = options;
  const timings = { ...defaultTimings, ...options.timings };
  const eventListeners = new Map<string, Listeners<AmiMessage>>();
  let upAtMs = 0;
  let attempts = 0;
  let retryTimer: NodeJS.Timeout | undefined;
  let isClosed = false;
  let session: AmiSession;
  const { state, change, onState } = createConnectionState({ name, clock, log, isClosed: () => isClosed });

  const onEnd = ({ kind, problem }: AmiSessionEnd): void => {
    // One that was up for long enough starts over; one that is thrown out at once does not become a tight loop.
    if (state().up && clock.monotonicMs() - upAtMs >= timings.retryMaxMs) attempts = 0;
    const topMs = Math.min(timings.retryMaxMs, timings.retryFirstMs * RETRY_GROWTH ** Math.min(attempts, 100));
    attempts += 1;
    const { refusedFirstMs, refusedMaxMs } = timings;
    const pauseMs =
      kind === 'refused' ? refusedFirstMs + Math.random() * (refusedMaxMs - refusedFirstMs) : Math.random() * topMs;
    if (!isClosed) retryTimer = setTimeout(open, pauseMs);
    change(false, `Asterisk ${name} ${problem}`);
  };

  const open = (): void => {
    session = new AmiSession({
      ...options,
      events: options.events ?? 'on',
      timings,
      onUp: () => {
        upAtMs = clock.monotonicMs();
        log.info({ asterisk: name }, 'connected to the manager interface');
        change(true, '');
      },
      onEvent: (event) => eventListeners.get(event.name.toLowerCase())?.tell(event.name, event),
      onEnd,
    });
  };

  /** The session to send by. @throws TollgateError AMI_UNAVAILABLE */
  const ready = (): AmiSession => {
    if (!state().up) throw new TollgateError('AMI_UNAVAILABLE', state().problem);
    return session;
  };

  open();
  return {
    name,
    state,
    onState,
    onEvent: (names, listener) => {
      const ends = [...new Set(names.map((each) => each.toLowerCase()))].map((key) => {
        const listeners = eventListeners.get(key) ?? createListeners<AmiMessage>({ name, log });
        eventListeners.set(key, listeners);
        return listeners.add(listener);
      });
      return () => {
        for (const end of ends) end();
      };
    },
    action: async (action, fields = {}, { withinMs = actionWithinMs } = {}) =>
      await ready().action(action, fields, withinMs),
    list: async (action, fields = {}, { withinMs = listWithinMs } = {}) => await ready().list(action, fields, withinMs),
    close: () => {
      isClosed = true;
      clearTimeout(retryTimer);
      session.end('is not connected any more: the connection was closed on our side');
      return Promise.resolve();
    },
  };
}
