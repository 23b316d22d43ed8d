/**
 * Calls people about alerts, by ARI: says what it is about in their language, and 1 acknowledges.
 *
 * Guarantees: one phone has one such call at a time; a call is made only where Asterisk has the sounds for it; when
 * somebody else has all of it, or it is over, the phone stops ringing, and who listens is told; calls of a daemon that is
 * gone are hung up by the next one. Who has answered counts as told, whatever he did then: escalation sees to the rest.
 */
import { randomBytes } from 'node:crypto';
import type { AriConnection } from '../asterisk/ari-connection.ts';
import { callPerson, nameOfEndpoint, type PersonCall } from '../asterisk/person-call.ts';
import { followPersonCalls, type PersonCalls } from '../asterisk/person-calls.ts';
import { ruleSound } from '../asterisk/spoken-text.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { DeliveryFailed } from './delivery-failed.ts';
import type { Message } from './message.ts';
import { newPhoneMenu, type PhoneMenuCommand, type PhoneMenuEvent, stepPhoneMenu } from './phone-menu.ts';
import { alertMedia, LEAST_SOUND } from './phone-words.ts';

export interface AlertCall {
  /** Such as `PJSIP/2001`. */
  readonly endpoint: string;
  /** Its name in the configuration; undefined: any that is connected. */
  readonly asterisk: string | undefined;
  readonly ringSeconds: number;
  /** At least one; all of them in this call. */
  readonly messages: readonly Message[];
}

/**
 * Resolves when it is over and was answered.
 *
 * @throws {DeliveryFailed} where nobody answered or nobody can be called
 */
export type TellByPhone = (call: AlertCall, signal: AbortSignal) => Promise<void>;

export interface AlertPhones {
  readonly tell: TellByPhone;
  /** From now on people can be called. */
  readonly connect: (connections: readonly AriConnection[]) => void;
  /** Hangs up. */
  readonly stop: () => Promise<void>;
}

/** After ringing: longer than it takes to say everything twice. */
const LONGEST_TALK_SECONDS = 90;
const LOOK_EVERY_MS = 2000;

/** Causes of Q.850 with which a call ends that nobody has answered. */
const CAUSES: Readonly<Record<number, string>> = {
  17: 'was busy',
  18: 'did not answer',
  19: 'did not answer',
  21: 'rejected the call',
};

export function createAlertPhones(deps: {
  /** @returns whether it was for this person to take. @throws {TollgateError} of the store */
  readonly acknowledge: (incident: string, by: string, from: string) => Promise<boolean>;
  /** Whether nobody has it and it is not over. @throws {TollgateError} of the store */
  readonly isOpen: (incident: string) => Promise<boolean>;
  readonly log: Log;
}): AlertPhones {
  const { log } = deps;
  let connections: readonly AriConnection[] = [];
  let followed: PersonCalls | undefined;
  const onThePhone = new Set<string>();
  const underWay = new Map<string, () => Promise<void>>();

  const asteriskFor = (name: string | undefined): { readonly ari: AriConnection; readonly calls: PersonCalls } => {
    const meant = connections.filter((each) => name === undefined || each.name === name);
    const ari = meant.find((each) => followed?.isReady(each));
    if (ari !== undefined && followed !== undefined) return { ari, calls: followed };
    const which = name === undefined ? 'no Asterisk' : `Asterisk ${name} not`;
    const hint = meant.length === 0 ? 'this daemon has none with ari in the configuration' : 'see tollgate status';
    throw new DeliveryFailed(`${which} connected by ARI; ${hint}`);
  };

  const soundsOf = async (ari: AriConnection, messages: readonly Message[]): Promise<(rule: string) => boolean> => {
    const rules = [...new Set(messages.flatMap(({ rule }) => rule ?? []))];
    const [isThere, ...ofRules] = await Promise.all([LEAST_SOUND, ...rules.map(ruleSound)].map(ari.hasSound));
    if (isThere !== true) {
      const hint = 'copy dialplan/sounds into its sounds, and module reload sounds';
      throw new DeliveryFailed(`Asterisk ${ari.name} has no sound ${LEAST_SOUND}; ${hint}`);
    }
    return (rule) => ofRules[rules.indexOf(rule)] ?? false;
  };

  const acknowledgeAll = async (messages: readonly Message[], by: string, from: string): Promise<PhoneMenuEvent> => {
    try {
      let isFirst = false;
      for (const { incident } of messages) isFirst = (await deps.acknowledge(incident, by, from)) || isFirst;
      return { kind: 'acknowledged', outcome: isFirst ? 'first' : 'late' };
    } catch (error) {
      log.warn({ by, problem: messageOf(error) }, 'an acknowledgement by phone could not be saved');
      return { kind: 'acknowledged', outcome: 'failed' };
    }
  };
  const isSettled = async (messages: readonly Message[]): Promise<boolean> => {
    for (const { incident } of messages) if (await deps.isOpen(incident)) return false;
    return true;
  };

  const talk = (
    { endpoint, ringSeconds, messages }: AlertCall,
    { ari, calls }: { readonly ari: AriConnection; readonly calls: PersonCalls },
    hasRuleSound: (rule: string) => boolean,
    signal: AbortSignal,
  ): Promise<void> =>
    new Promise((resolve, reject) => {
      const id = calls.idFor(randomBytes(8).toString('hex'));
      const isTest = messages.every(({ kind }) => kind === 'test');
      let menu = newPhoneMenu(isTest);
      let wasAnswered = false;
      let wasSettled = false;
      let problem = 'did not answer';

      const run = (command: PhoneMenuCommand): void => {
        switch (command.do) {
          case 'say': {
            const media = alertMedia(command.phrases, messages, hasRuleSound);
            call.say(command.speech, () => Promise.resolve(media));
            return;
          }
          case 'quiet':
            call.quiet(menu.speech);
            return;
          case 'listen':
            call.listen(command.speech);
            return;
          case 'acknowledge':
            void acknowledgeAll(messages, `phone ${nameOfEndpoint(endpoint)}`, `Asterisk ${ari.name}`).then(on);
            return;
          case 'hang-up':
            call.hangUp();
            return;
          default:
            command satisfies never;
        }
      };
      const on = (event: PhoneMenuEvent): void => {
        if (menu.at === 'over') return;
        if (event.kind === 'answered') wasAnswered = true;
        if (event.kind === 'settled') wasSettled = true;
        const next = stepPhoneMenu(menu, event);
        menu = next.menu;
        for (const command of next.commands) run(command);
        if (next.menu.at === 'over') void call.end().then(over);
      };
      const giveUp = (): void => on({ kind: 'give-up' });
      const over = (): void => {
        clearInterval(looking);
        signal.removeEventListener('abort', giveUp);
        calls.remove(id);
        underWay.delete(id);
        if (wasAnswered || wasSettled) resolve();
        else reject(new DeliveryFailed(`${endpoint} ${problem}`));
      };

      const call: PersonCall = callPerson({
        ...{ ari, id, endpoint, ringSeconds, log },
        callerId: 'Tollgate',
        appArgs: ['tell'],
        longestSeconds: ringSeconds + LONGEST_TALK_SECONDS,
        onEvent: on,
        onRefused: (why) => {
          problem = `cannot be called: ${why}`;
        },
      });
      const looking = setInterval(() => {
        if (isTest || (menu.at !== 'ringing' && menu.at !== 'telling')) return;
        // The store may be what the call is about.
        isSettled(messages).then(
          (settled) => (settled ? on({ kind: 'settled' }) : undefined),
          () => undefined,
        );
      }, LOOK_EVERY_MS).unref();
      calls.add(ari, id, {
        onEvent: (event) => {
          if (event.type === 'ChannelDestroyed')
            problem = CAUSES[event.cause ?? 0] ?? `cannot be reached (${event.cause})`;
          call.onEvent(event);
        },
        gone: () => on({ kind: 'hung-up' }),
      });
      underWay.set(id, () => {
        giveUp();
        return call.told();
      });
      signal.addEventListener('abort', giveUp);
      if (signal.aborted) giveUp();
    });

  return {
    tell: async (wanted, signal) => {
      const place = asteriskFor(wanted.asterisk);
      const line = `${place.ari.name} ${wanted.endpoint}`;
      if (onThePhone.has(line)) throw new DeliveryFailed(`${wanted.endpoint} is being told of another alert`);
      onThePhone.add(line);
      try {
        await talk(wanted, place, await soundsOf(place.ari, wanted.messages), signal);
      } finally {
        onThePhone.delete(line);
      }
    },
    connect: (opened) => {
      connections = opened;
      followed = followPersonCalls(opened, { purpose: 'tell', log });
    },
    stop: async () => {
      followed?.stop();
      followed = undefined;
      await Promise.all([...underWay.values()].map((giveUp) => giveUp()));
    },
  };
}
