/**
 * A standing connection to the REST interface (ARI) of one Asterisk: events of one application in, requests out.
 *
 * Guarantees that it never gives up, whatever the Asterisk does, and never throws for what the Asterisk does except from a
 * request that was made; that a request is answered, refused or failed within its time and is never kept for later; that a
 * wrong password is told apart from an outage; that a listener which throws harms neither another listener nor the
 * connection.
 * Not guaranteed, because Asterisk replays nothing: events raised while the connection is down. The application's channels
 * stay where they are meanwhile, so that whoever holds calls asks for `applicationChannels` each time it comes up.
 * Refuses to know: why anybody is called, held or let go.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'ari-client';
import type { Clock } from '../clock.ts';
import { messageOf, TollgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import { createAriClientCopy } from './ari-client-copy.ts';
import { type AriChannel, type AriEvent, ariChannelOf } from './ari-event.ts';
import { AriRefused, createAriHttp } from './ari-http.ts';
import { type AriSession, type AriSessionEnd, startAriSession, unlessClosed } from './ari-session.ts';
import { type ConnectionState, createConnectionState, createListeners } from './connection-state.ts';

/**
 * Every request throws TollgateError ARI_UNAVAILABLE if the Asterisk is not connected or does not answer in time, and
 * AriRefused, with the HTTP status, if it answers with an error: 404 for what is gone (see {@link isGone}), 409 for a
 * channel that is not in the application.
 */
export interface AriConnection {
  /** The Asterisk's name from the configuration. */
  readonly name: string;
  /** The application, as in `Stasis(app)`. */
  readonly app: string;
  readonly state: () => AriState;
  /** Calls the listener at each change, not for the state at hand. Returns what ends it. */
  readonly onState: (listener: (up: boolean) => void) => () => void;
  /** Listens for all events, passed on as they come: twice or out of order if they come so. Returns what ends it. */
  readonly onEvent: (listener: (event: AriEvent) => void) => () => void;

  /**
   * Ids of the channels that are in the application, also of those that entered it before this connection. (Asterisk would
   * not list them if the connection asked for the events of all channels, which is why it cannot.)
   */
  readonly applicationChannels: () => Promise<readonly string[]>;
  /** Undefined if there is no such channel. */
  readonly channel: (id: string) => Promise<AriChannel | undefined>;
  readonly answer: (id: string) => Promise<void>;
  /** Tells the caller that it rings (180). */
  readonly ring: (id: string) => Promise<void>;
  /** Lets the channel leave the application; without a place, to the priority after the one it came from. */
  readonly continueInDialplan: (id: string, place?: DialplanPlace) => Promise<void>;
  readonly hangup: (id: string, reason: HangupReason) => Promise<void>;
  /**
   * Sets a variable or function of the channel. In force before what is asked of the channel next, such as to continue;
   * Asterisk 16 takes up to 200 ms until `getVariable`, which overtakes it, sees the value.
   */
  readonly setVariable: (id: string, name: string, value: string) => Promise<void>;
  /** A variable or function of the channel; `''` if it is not set. */
  readonly getVariable: (id: string, name: string) => Promise<string>;
  /** Plays one after another what `media` names, such as `sound:hello`; no name may hold a comma. */
  readonly play: (id: string, media: readonly string[], playbackId: string, language?: string) => Promise<void>;
  readonly stopPlayback: (playbackId: string) => Promise<void>;
  /** Whether there is a sound file of that name, in any language, as of Asterisk's start or `module reload sounds`. */
  readonly hasSound: (name: string) => Promise<boolean>;
  readonly startMusic: (id: string, musicClass?: string) => Promise<void>;
  readonly stopMusic: (id: string) => Promise<void>;
  /** Calls `endpoint`. Resolves once the channel exists, not when it is answered. */
  readonly originate: (call: AriOriginate) => Promise<AriChannel>;
  readonly createBridge: (type: BridgeType, id: string) => Promise<void>;
  readonly addToBridge: (bridgeId: string, channelId: string) => Promise<void>;
  readonly removeFromBridge: (bridgeId: string, channelId: string) => Promise<void>;
  readonly destroyBridge: (bridgeId: string) => Promise<void>;
  /**
   * Takes the registration of a phone away: a contact of chan_pjsip, by the id that the manager interface lists it with.
   * Neither the CLI nor the manager interface can. @returns false if there was none
   */
  readonly removeContact: (id: string) => Promise<boolean>;

  /** Ends the connection for good; what is in flight fails with ARI_UNAVAILABLE. */
  readonly close: () => Promise<void>;
}

export type AriState = ConnectionState;

/** What is left out is taken from where the channel is. A label wins over a priority. */
export interface DialplanPlace {
  readonly context?: string;
  readonly extension?: string;
  readonly priority?: number;
  readonly label?: string;
}

/**
 * What an unanswered SIP caller gets, measured on 16 and 22: 603, 486, 503, 480, 408, 403, 404, 480, 484, 488, 500, 500,
 * 603. There is `reason_code` too, but 16 ignores it without a word.
 */
export type HangupReason =
  | 'normal'
  | 'busy'
  | 'congestion'
  | 'no_answer'
  | 'timeout'
  | 'rejected'
  | 'unallocated'
  | 'normal_unspecified'
  | 'number_incomplete'
  | 'codec_mismatch'
  | 'interworking'
  | 'failure'
  | 'answered_elsewhere';

/** With `dtmf_events` keys are told as events; else Asterisk may pass them from phone to phone and not look at them. */
export type BridgeType = 'mixing' | 'mixing,dtmf_events' | 'holding';

export interface AriOriginate {
  readonly channelId: string;
  /** Such as `PJSIP/1001`. */
  readonly endpoint: string;
  /** Where the channel goes when it is answered: into an application, or to a place in the dialplan. */
  readonly to:
    | { readonly app: string; readonly appArgs?: readonly string[] }
    | { readonly context: string; readonly extension: string; readonly priority?: number };
  /** `Name <number>` or a number. */
  readonly callerId?: string;
  /** How long it may ring. Default: 30, Asterisk's own. */
  readonly timeoutSeconds?: number;
  readonly variables?: Readonly<Record<string, string>>;
  /** Id of the channel on whose behalf it is called. */
  readonly originator?: string;
}

export interface AriTimings {
  readonly requestWithinMs: number;
  readonly openWithinMs: number;
  readonly pingEveryMs: number;
  /** Bounds of the pause between attempts: a random part of a value that doubles from the first to the second. */
  readonly retryFirstMs: number;
  readonly retryMaxMs: number;
  /**
   * Bounds of the pause after Asterisk refused the user, which a retry does not mend, or after another program took over
   * the application: two that take it from each other at once would both lose most events.
   */
  readonly refusedFirstMs: number;
  readonly refusedMaxMs: number;
}

export interface AriOptions {
  readonly name: string;
  /** Scheme, host and port, such as `http://127.0.0.1:8088`. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
  /** The application, as in `Stasis(app)`. One connection at a time may have it. */
  readonly app: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly timings?: Partial<AriTimings>;
}

const defaultTimings: AriTimings = {
  requestWithinMs: 2_000,
  openWithinMs: 2_000,
  pingEveryMs: 5_000,
  retryFirstMs: 100,
  retryMaxMs: 5_000,
  refusedFirstMs: 15_000,
  refusedMaxMs: 30_000,
};

/** Whether a request failed because the channel, bridge or playback it was for is gone. */
export const isGone = (error: unknown): boolean => error instanceof AriRefused && error.status === 404;

/** Connects, and goes on trying until `close`. Never throws, whether the Asterisk is there or not. */
export function connectAri(options: AriOptions): AriConnection {
  const { name, app, log, clock } = options;
  const timings = { ...defaultTimings, ...options.timings };
  const access = { ...options, requestWithinMs: timings.requestWithinMs };
  const http = createAriHttp(access);
  const copy = createAriClientCopy(access, http);
  const closing = new AbortController();
  const isClosed = (): boolean => closing.signal.aborted;
  const { state, change, onState } = createConnectionState({ name, clock, log, isClosed });
  const events = createListeners<AriEvent>({ name, log });
  let upAtMs = 0;
  let client: Client | undefined;
  let session: AriSession | undefined;

  const openSession = async (): Promise<AriSession> => {
    const loaded = await unlessClosed(copy.load(), closing.signal);
    client = loaded;
    let badFrames = 0;
    return await startAriSession(copy.openEventSocket(loaded, app), {
      ...{ app, openWithinMs: timings.openWithinMs, pingEveryMs: timings.pingEveryMs, signal: closing.signal },
      onEvent: (event) => events.tell(event.type, event),
      onBadFrame: (bytes) => {
        badFrames += 1;
        // Once is enough to know of it, and a peer must not be able to fill the log.
        if (badFrames === 1) log.warn({ asterisk: name, bytes }, 'ignored a frame that is not an event');
      },
    });
  };

  /** One connection from the attempt to its end. Never rejects. */
  const live = async (): Promise<AriSessionEnd | { readonly kind: 'failed' | 'refused'; readonly problem: string }> => {
    try {
      session = await openSession();
    } catch (error) {
      const isRefused = error instanceof AriRefused && (error.status === 401 || error.status === 403);
      return { kind: isRefused ? 'refused' : 'failed', problem: messageOf(error) };
    }
    if (isClosed()) await session.close();
    else {
      log.info({ asterisk: name, app }, 'connected to the REST interface');
      upAtMs = clock.monotonicMs();
      change(true, '');
    }
    const end = await session.ended;
    session = undefined;
    http.dropIdle();
    return end;
  };

  const run = async (): Promise<void> => {
    let topMs = timings.retryFirstMs;
    while (!isClosed()) {
      const { kind, problem } = await live();
      // One that was up for long enough starts over; one that is thrown out at once does not become a tight loop.
      if (state().up && clock.monotonicMs() - upAtMs >= timings.retryMaxMs) topMs = timings.retryFirstMs;
      change(false, `Asterisk ${name} is not connected by ARI: ${problem}`);
      const { refusedFirstMs, refusedMaxMs } = timings;
      const pauseMs =
        kind === 'refused' || kind === 'replaced'
          ? refusedFirstMs + Math.random() * (refusedMaxMs - refusedFirstMs)
          : Math.random() * topMs;
      topMs = Math.min(timings.retryMaxMs, topMs * 2);
      await sleep(pauseMs, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  };

  /** One operation of the package. The client of a lost event socket goes on serving: REST may well be there. */
  const ask = async <Answer>(operation: (client: Client) => Promise<Answer>): Promise<Answer> => {
    if (client === undefined) throw new TollgateError('ARI_UNAVAILABLE', state().problem);
    try {
      return await operation(client);
    } catch (error) {
      if (error instanceof TollgateError) throw error;
      // The package refuses by itself what this Asterisk does not describe, and parameters that cannot stand in a path.
      throw new TollgateError('INVALID_REQUEST', `Asterisk ${name} cannot be asked this: ${messageOf(error)}`, {
        cause: error,
      });
    }
  };

  /** Nonsense must not pass for an application without channels, or for a channel that is gone. */
  const notUnderstood = (what: string) =>
    new TollgateError('ARI_UNAVAILABLE', `the answer of Asterisk ${name} holds no ${what}`);
  const channelIn = (answer: unknown, id: string): AriChannel => {
    const channel = ariChannelOf(answer);
    // The package gives an id of its own making to an answer that has none.
    if (channel?.id !== id) throw notUnderstood('channel');
    return channel;
  };

  const running = run();
  return {
    name,
    app,
    state,
    onState,
    onEvent: events.add,

    applicationChannels: async () => {
      const { channel_ids: ids } = await ask(({ applications }) => applications.get({ applicationName: app }));
      if (!Array.isArray(ids)) throw notUnderstood('application');
      return ids;
    },
    channel: async (channelId) => {
      try {
        return channelIn(await ask(({ channels }) => channels.get({ channelId })), channelId);
      } catch (error) {
        if (isGone(error)) return undefined;
        throw error;
      }
    },
    answer: (channelId) => ask(({ channels }) => channels.answer({ channelId })),
    ring: (channelId) => ask(({ channels }) => channels.ring({ channelId })),
    continueInDialplan: (channelId, place) =>
      ask(({ channels }) => channels.continueInDialplan({ channelId, ...place })),
    hangup: (channelId, reason) => ask(({ channels }) => channels.hangup({ channelId, reason })),
    setVariable: (channelId, variable, value) =>
      ask(({ channels }) => channels.setChannelVar({ channelId, variable, value })),
    getVariable: async (channelId, variable) => {
      try {
        const { value } = await ask(({ channels }) => channels.getChannelVar({ channelId, variable }));
        return value;
      } catch (error) {
        // The status is that of a channel that is gone; only the sentence tells them apart.
        if (isGone(error) && messageOf(error).includes('variable was not found')) return '';
        throw error;
      }
    },
    play: async (channelId, media, playbackId, lang) => {
      await ask(({ channels }) => channels.playWithId({ channelId, media: [...media], playbackId, lang }));
    },
    stopPlayback: (playbackId) => ask(({ playbacks }) => playbacks.stop({ playbackId })),
    hasSound: async (soundId) => {
      try {
        await ask(({ sounds }) => sounds.get({ soundId }));
        return true;
      } catch (error) {
        if (isGone(error)) return false;
        throw error;
      }
    },
    startMusic: (channelId, mohClass) => ask(({ channels }) => channels.startMoh({ channelId, mohClass })),
    stopMusic: (channelId) => ask(({ channels }) => channels.stopMoh({ channelId })),
    originate: async ({ channelId, endpoint, to, callerId, timeoutSeconds, variables, originator }) => {
      const place = 'app' in to ? { app: to.app, appArgs: to.appArgs?.join(',') } : { priority: 1, ...to };
      const made = await ask(({ channels }) =>
        channels.originateWithId({
          ...{ channelId, endpoint, ...place, callerId, timeout: timeoutSeconds, originator },
          // Wrapped already here, because the package takes a variable of the name `variables` for the wrapping.
          variables: variables === undefined ? undefined : { variables },
        }),
      );
      return channelIn(made, channelId);
    },
    createBridge: async (type, bridgeId) => {
      await ask(({ bridges }) => bridges.createWithId({ type, bridgeId }));
    },
    addToBridge: (bridgeId, channel) => ask(({ bridges }) => bridges.addChannel({ bridgeId, channel })),
    removeFromBridge: (bridgeId, channel) => ask(({ bridges }) => bridges.removeChannel({ bridgeId, channel })),
    destroyBridge: (bridgeId) => ask(({ bridges }) => bridges.destroy({ bridgeId })),
    removeContact: async (id) => {
      try {
        await ask(({ asterisk }) => asterisk.deleteObject({ configClass: 'res_pjsip', objectType: 'contact', id }));
        return true;
      } catch (error) {
        if (isGone(error)) return false;
        throw error;
      }
    },

    close: async () => {
      closing.abort();
      http.close();
      await session?.close();
      await running;
    },
  };
}
