/**
 * One call to one supervisor: what phone-menu.ts decides, carried out on a real channel.
 *
 * Refuses to know: whom else to call, and when; how Asterisk is asked is in asterisk/person-call.ts.
 */
import { callPerson } from '../asterisk/person-call.ts';
import type { FollowedCall } from '../asterisk/person-calls.ts';
import { ruleSound } from '../asterisk/spoken-text.ts';
import type { Log } from '../log.ts';
import type { SettledState } from './approval.ts';
import type { HeldCall } from './held-call.ts';
import { type DecideOutcome, type MenuCommand, type MenuEvent, newMenu, step } from './phone-menu.ts';
import { mediaOf } from './phone-words.ts';

export interface PhoneCall extends FollowedCall {
  readonly settled: (state: SettledState) => void;
  /** Hangs up. Resolves, and never rejects, when Asterisk was told. */
  readonly giveUp: () => Promise<void>;
  readonly isRinging: () => boolean;
}

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
  const hasRuleSound = ari.hasSound(ruleSound(approval.rule)).catch(() => false);

  const run = (command: MenuCommand): void => {
    switch (command.do) {
      case 'say': {
        const { speech, phrases } = command;
        call.say(speech, async () => mediaOf(phrases, approval, await hasRuleSound));
        return;
      }
      case 'quiet':
        call.quiet(menu.speech);
        return;
      case 'listen':
        call.listen(command.speech);
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
        call.request(
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
        call.hangUp();
        return;
      default:
        command satisfies never;
    }
  };
  const endTalk = (): void => {
    // Once: the talk may be another one's by now.
    if (!ownsTalk) return;
    ownsTalk = false;
    call.request('end of talk', async () => {
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
    void call.end().then(() => deps.onOver(wasAnswered));
  };

  const call = callPerson({
    ...{ ari, id, endpoint, log },
    callerId: callerIdFor(approval.extension),
    appArgs: ['approve', approval.id, approval.callId],
    ringSeconds: deps.ringSeconds,
    longestSeconds: deps.leftSeconds + LAST_WORDS_SECONDS,
    onEvent: on,
  });

  return {
    onEvent: call.onEvent,
    settled: (state) => on({ kind: 'settled', state }),
    gone: () => on({ kind: 'hung-up' }),
    giveUp: () => {
      on({ kind: 'give-up' });
      return call.told();
    },
    isRinging: () => menu.at === 'ringing',
  };
}

/** The supervisor's display says who asks. */
const callerIdFor = (extension: string | undefined): string =>
  extension !== undefined && /^[\w.+-]{1,40}$/.test(extension) ? `Tollgate <${extension}>` : 'Tollgate';
