/**
 * One call to one supervisor: what phone-menu.ts decides, carried out on a real channel.
 *
 * Requests go out one after another, so what was asked last is what holds. An event that Asterisk never sends is made up
 * for by a time limit, and the channel has one of its own, so it ends even if nobody is there to end it.
 * Refuses to know: whom else to call, and when.
 */
import { isGone } from '../asterisk/ari-connection.ts';
import type { AriEvent } from '../asterisk/ari-event.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { SettledState } from './approval.ts';
import type { HeldCall } from './held-call.ts';
import { type DecideOutcome, type MenuCommand, type MenuEvent, newMenu, step } from './phone-menu.ts';
import { mediaOf, ruleSound } from './phone-words.ts';

export interface PhoneCall {
  readonly onEvent: (event: AriEvent) => void;
  readonly settled: (state: SettledState) => void;
  /** The channel is not there any more. */
  readonly gone: () => void;
  /** Hangs up. Resolves, and never rejects, when Asterisk was told. */
  readonly giveUp: () => Promise<void>;
  readonly isRinging: () => boolean;
}

/** After the choices were said. */
const LISTEN_MS = 6_000;
/** Longer than any speech: Asterisk did not say that it is over. */
const LONGEST_SPEECH_MS = 60_000;
/** Asterisk ends the ringing itself; this is for when it does not say so. */
const RING_GRACE_MS = 5_000;
/** From the end of the approval to the end of the channel: for last words. */
const LAST_WORDS_SECONDS = 60;

export function startPhoneCall(deps: {
  /** Id of its channel. */
  readonly id: string;
  readonly held: HeldCall;
  readonly endpoint: string;
  readonly ringSeconds: number;
  /** Until the approval ends. */
  readonly leftSeconds: number;
  /** Never rejects. */
  readonly decide: (as: 'approved' | 'refused') => Promise<DecideOutcome>;
  /** Only one call at a time talks with the caller. @returns false while another one does */
  readonly claimTalk: () => boolean;
  readonly freeTalk: () => void;
  /** It is over, and Asterisk was told. */
  readonly onOver: (wasAnswered: boolean) => void;
  readonly log: Log;
}): PhoneCall {
  const { id, held, endpoint, log } = deps;
  const { ari, approval } = held;
  let menu = newMenu;
  let wasAnswered = false;
  let ownsTalk = false;
  let timer: NodeJS.Timeout | undefined;
  let requests = Promise.resolve();
  const hasRuleSound = ari.hasSound(ruleSound(approval.rule)).catch(() => false);

  const playback = (speech: number): string => `${id}.${speech}`;
  const after = (ms: number, event: MenuEvent): void => {
    clearTimeout(timer);
    timer = setTimeout(() => on(event), ms).unref();
  };
  const request = (what: string, work: () => Promise<unknown>, onFailure?: (error: unknown) => void): void => {
    requests = requests.then(work).then(
      () => undefined,
      (error: unknown) => {
        log.debug({ channel: id, what, problem: messageOf(error) }, 'a request for the call to a supervisor failed');
        onFailure?.(error);
      },
    );
  };

  const run = (command: MenuCommand): void => {
    switch (command.do) {
      case 'say': {
        const { speech, phrases } = command;
        after(LONGEST_SPEECH_MS, { kind: 'spoken', speech });
        request('stop', () => stopSpeech(speech - 1));
        request(
          'play',
          async () => ari.play(id, mediaOf(phrases, approval, await hasRuleSound), playback(speech)),
          (error) => on(isGone(error) ? { kind: 'hung-up' } : { kind: 'spoken', speech }),
        );
        return;
      }
      case 'quiet': {
        clearTimeout(timer);
        const { speech } = menu;
        request('stop', () => stopSpeech(speech));
        return;
      }
      case 'listen':
        after(LISTEN_MS, { kind: 'silence', speech: command.speech });
        return;
      case 'decide':
        void deps.decide(command.as).then((outcome) => on({ kind: 'decided', outcome }));
        return;
      case 'talk':
        if (!deps.claimTalk()) {
          on({ kind: 'talk-failed', because: 'taken' });
          return;
        }
        ownsTalk = true;
        request(
          'talk',
          async () => {
            await held.talkWith(id);
            on({ kind: 'talk-began' });
          },
          () => {
            endTalk();
            on({ kind: 'talk-failed', because: 'no-talk' });
          },
        );
        return;
      case 'end-talk':
        endTalk();
        return;
      case 'hang-up':
        request('hang up', () => ari.hangup(id, 'normal'));
        return;
      default:
        command satisfies never;
    }
  };
  // Whatever is played into a bridge keeps a channel from leaving it, so speech is stopped before anything else is asked.
  const stopSpeech = (speech: number): Promise<void> =>
    speech === 0 ? Promise.resolve() : ari.stopPlayback(playback(speech)).catch(() => undefined);
  const endTalk = (): void => {
    // Once: the talk may be another one's by now.
    if (!ownsTalk) return;
    ownsTalk = false;
    request('end of talk', async () => {
      await held.endTalk(id);
      deps.freeTalk();
    });
  };

  const on = (event: MenuEvent): void => {
    if (menu.at === 'over') return;
    if (event.kind === 'answered') wasAnswered = true;
    const next = step(menu, event);
    menu = next.menu;
    for (const command of next.commands) run(command);
    if (next.menu.at !== 'over') return;
    clearTimeout(timer);
    void requests.then(() => deps.onOver(wasAnswered));
  };

  after(deps.ringSeconds * 1000 + RING_GRACE_MS, { kind: 'give-up' });
  request(
    'call',
    () =>
      ari.originate({
        channelId: id,
        endpoint,
        to: { app: ari.app, appArgs: ['approve', approval.id, approval.callId] },
        callerId: callerIdFor(approval.extension),
        timeoutSeconds: deps.ringSeconds,
        variables: { 'TIMEOUT(absolute)': String(deps.leftSeconds + LAST_WORDS_SECONDS) },
      }),
    (error) => {
      log.info({ endpoint, asterisk: ari.name, problem: messageOf(error) }, 'a supervisor could not be called');
      on({ kind: 'hung-up' });
    },
  );

  return {
    onEvent: (event) => {
      switch (event.type) {
        case 'StasisStart':
          return on({ kind: 'answered' });
        case 'ChannelDtmfReceived':
          return on({ kind: 'key', key: event.digit });
        case 'PlaybackFinished':
          return on({ kind: 'spoken', speech: Number(event.playbackId.slice(id.length + 1)) });
        case 'StasisEnd':
        case 'ChannelDestroyed':
          return on({ kind: 'hung-up' });
      }
    },
    settled: (state) => on({ kind: 'settled', state }),
    gone: () => on({ kind: 'hung-up' }),
    giveUp: () => {
      on({ kind: 'give-up' });
      return requests;
    },
    isRinging: () => menu.at === 'ringing',
  };
}

/** The supervisor's display says who asks. */
const callerIdFor = (extension: string | undefined): string =>
  extension !== undefined && /^[\w.+-]{1,40}$/.test(extension) ? `Tollgate <${extension}>` : 'Tollgate';
