/**
 * One call that we make to a person: it rings, says sounds, listens for keys, and is hung up.
 *
 * Requests go out one after another, so what was asked last is what holds. An event that Asterisk never sends is made up
 * for by a time limit, and the channel has one of its own, so it ends even if nobody is there to end it.
 * Refuses to know: what is said, what a key means, and whom else to call.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { type AriConnection, isGone } from './ari-connection.ts';
import type { AriEvent } from './ari-event.ts';

export type PersonCallEvent =
  | { readonly kind: 'answered' }
  | { readonly kind: 'key'; readonly key: string }
  /** The speech of this number is over, or cannot be played. */
  | { readonly kind: 'spoken'; readonly speech: number }
  /** No key came in the time to listen after the speech of this number. */
  | { readonly kind: 'silence'; readonly speech: number }
  /** There is no such channel any more. */
  | { readonly kind: 'hung-up' }
  /** Rang for too long, is not wanted any more, or the daemon ends. */
  | { readonly kind: 'give-up' };

export interface PersonCall {
  /** An event of its channel, or of what is played to it. */
  readonly onEvent: (event: AriEvent) => void;
  /** Instead of what is being said. Followed by `spoken`. @param speech counts from 1 */
  readonly say: (speech: number, media: () => Promise<readonly string[]>) => void;
  /** Stops what is being said. */
  readonly quiet: (speech: number) => void;
  /** Followed by `silence`, unless something else is said first. */
  readonly listen: (speech: number) => void;
  readonly hangUp: () => void;
  /** Asks something else of Asterisk, in its turn. */
  readonly request: (what: string, work: () => Promise<unknown>, onFailure?: (error: unknown) => void) => void;
  /** No event comes from time limits any more. Resolves, and never rejects, when Asterisk was told everything. */
  readonly end: () => Promise<void>;
  /** Resolves, and never rejects, when Asterisk was told everything so far. */
  readonly told: () => Promise<void>;
}

/** After the choices were said. */
const LISTEN_MS = 6_000;
/** Longer than any speech: Asterisk did not say that it is over. */
const LONGEST_SPEECH_MS = 60_000;
/** Asterisk ends the ringing itself; this is for when it does not say so. */
const RING_GRACE_MS = 5_000;
/** Two seconds: more than it takes to go through a number digit by digit. */
const MOST_STOPS = 40;
const STOP_PAUSE_MS = 50;

export function callPerson(deps: {
  readonly ari: AriConnection;
  /** Id of its channel. */
  readonly id: string;
  readonly endpoint: string;
  /** What the display says. */
  readonly callerId: string;
  readonly appArgs: readonly string[];
  readonly ringSeconds: number;
  /** From now to the end of the channel, whatever happens. */
  readonly longestSeconds: number;
  readonly onEvent: (event: PersonCallEvent) => void;
  /** Asterisk did not take the call; `hung-up` follows. */
  readonly onRefused?: (problem: string) => void;
  readonly log: Log;
}): PersonCall {
  const { ari, id, endpoint, log } = deps;
  let timer: NodeJS.Timeout | undefined;
  let requests = Promise.resolve();

  const playback = (speech: number): string => `${id}.${speech}`;
  const after = (ms: number, event: PersonCallEvent): void => {
    clearTimeout(timer);
    timer = setTimeout(() => deps.onEvent(event), ms).unref();
  };
  const request: PersonCall['request'] = (what, work, onFailure) => {
    requests = requests.then(work).then(
      () => undefined,
      (error: unknown) => {
        log.debug({ channel: id, what, problem: messageOf(error) }, 'a request for a call to a person failed');
        onFailure?.(error);
      },
    );
  };
  // Whatever is played into a bridge keeps a channel from leaving it, so speech is stopped before anything else is asked.
  // One stop ends a sound; from digits in a list Asterisk 22 goes on with what stands behind them, so it is asked until
  // there is nothing left to stop.
  const stopSpeech = async (speech: number): Promise<void> => {
    if (speech === 0) return;
    for (let tries = 0; tries < MOST_STOPS; tries++) {
      const isOver = await ari.stopPlayback(playback(speech)).then(
        () => false,
        () => true,
      );
      if (isOver) return;
      await sleep(STOP_PAUSE_MS);
    }
  };

  after(deps.ringSeconds * 1000 + RING_GRACE_MS, { kind: 'give-up' });
  request(
    'call',
    () =>
      ari.originate({
        channelId: id,
        endpoint,
        to: { app: ari.app, appArgs: deps.appArgs },
        callerId: deps.callerId,
        timeoutSeconds: deps.ringSeconds,
        variables: { 'TIMEOUT(absolute)': String(deps.longestSeconds) },
      }),
    (error) => {
      log.info({ endpoint, asterisk: ari.name, problem: messageOf(error) }, 'a person could not be called');
      deps.onRefused?.(messageOf(error));
      deps.onEvent({ kind: 'hung-up' });
    },
  );

  return {
    onEvent: (event) => {
      switch (event.type) {
        case 'StasisStart':
          return deps.onEvent({ kind: 'answered' });
        case 'ChannelDtmfReceived':
          return deps.onEvent({ kind: 'key', key: event.digit });
        case 'PlaybackFinished':
          return deps.onEvent({ kind: 'spoken', speech: Number(event.playbackId.slice(id.length + 1)) });
        case 'StasisEnd':
        case 'ChannelDestroyed':
          return deps.onEvent({ kind: 'hung-up' });
      }
    },
    say: (speech, media) => {
      after(LONGEST_SPEECH_MS, { kind: 'spoken', speech });
      request('stop', () => stopSpeech(speech - 1));
      request(
        'play',
        async () => ari.play(id, await media(), playback(speech)),
        (error) => deps.onEvent(isGone(error) ? { kind: 'hung-up' } : { kind: 'spoken', speech }),
      );
    },
    quiet: (speech) => {
      clearTimeout(timer);
      request('stop', () => stopSpeech(speech));
    },
    listen: (speech) => after(LISTEN_MS, { kind: 'silence', speech }),
    hangUp: () => request('hang up', () => ari.hangup(id, 'normal')),
    request,
    end: () => {
      clearTimeout(timer);
      return requests;
    },
    told: () => requests,
  };
}

/** `PJSIP/2001` → `2001`, `Local/2001@office` → `2001`. */
export const nameOfEndpoint = (endpoint: string): string => endpoint.replace(/^[^/]*\//, '').replace(/@.*$/, '');
