/**
 * The fields of a rule as options of `rules add` and `rules set`. What is wrong with a value, the daemon says, in the
 * words that it has for every document; here is only told apart what is a number, a list and a mapping.
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ACTIONS } from '../policy/actions/registry.ts';
import { WHILE_WAITING } from '../policy/actions/wait.ts';
import { CALL_KINDS, COUNT_PER } from '../policy/call.ts';
import { COUNTING } from '../policy/limit.ts';
import { REACHED, UNREACHED } from '../policy/outcome.ts';
import { CommandFailed, collect, EXIT } from './context.ts';
import type { TemplateFlags } from './template-commands.ts';

/** Of an option that can be taken away again; false: with `--no-` before it. */
type Removable<T> = T | false;

export interface RuleOptions extends TemplateFlags {
  readonly name?: string;
  readonly all?: boolean;
  readonly extension?: readonly string[];
  readonly group?: readonly string[];
  readonly trunk?: readonly string[];
  readonly destination?: readonly string[];
  readonly campaign?: readonly string[];
  readonly kind?: readonly string[];
  readonly permission?: readonly string[];
  readonly during?: string;
  readonly not?: string;
  readonly countPer?: string;
  readonly limit?: readonly string[];
  /** False after `--no-limits`. */
  readonly limits?: boolean;
  readonly counting?: string;
  readonly action?: string;
  readonly hangupCause?: string;
  readonly prompt?: string;
  readonly maxWait?: Removable<string>;
  readonly maxQueue?: Removable<string>;
  readonly burst?: Removable<string>;
  readonly whileWaiting?: Removable<string>;
  readonly concurrent?: Removable<string>;
  readonly maxDuration?: Removable<string>;
  readonly spendSoft?: string;
  readonly spendHard?: string;
  readonly spend?: boolean;
  readonly minutesSoft?: string;
  readonly minutesHard?: string;
  readonly minutes?: boolean;
  readonly giveBackOn?: Removable<readonly string[]>;
  readonly holdAfter?: Removable<readonly string[]>;
  readonly firstCallWithin?: Removable<string>;
  readonly lockAfter?: Removable<Refusals>;
  readonly lockDestination?: readonly string[];
  readonly mode?: string;
  readonly whenStoreFails?: string;
  readonly disabled?: boolean;
  readonly file?: string;
}

export function ruleOptions(command: Command): Command {
  return command
    .option('--name <name>', 'name for people')
    .option('--all', 'applies to every call')
    .option('--extension <list>', 'applies to these extensions: 1001, 2001-2050, 21xx; may be repeated', collect)
    .option('--group <list>', 'applies to these groups; may be repeated', collect)
    .option('--trunk <list>', 'applies to these trunks; may be repeated', collect)
    .option('--destination <list>', 'applies to these destinations: international, country:CU, an own list', collect)
    .option('--campaign <list>', 'applies to these campaigns; may be repeated', collect)
    .option('--kind <list>', `applies to calls that a dialler made: ${CALL_KINDS.join(', ')}`, collect)
    .option('--permission <list>', 'applies to extensions with these permissions', collect)
    .option('--during <schedule>', 'in force while this schedule is open')
    .option('--not <schedule>', 'in force while this schedule is closed')
    .addOption(new Option('--count-per <what>', 'counted separately for each').choices([...COUNT_PER]))
    .option(
      '--limit <limit>',
      'calls/period such as 5/1s, 30/1m, 2/1h, 100/1d; may be repeated, all must hold',
      collect,
    )
    .option('--no-limits', 'without limits: act on every call, or only where a ceiling is reached')
    .addOption(
      new Option(
        '--counting <method>',
        'rolling: never more than the limit in any period; bucket: at most twice',
      ).choices([...COUNTING]),
    )
    .addOption(
      new Option('--action <action>', 'what happens then; wait: the call takes its turn').choices(Object.keys(ACTIONS)),
    )
    .option('--hangup-cause <cause>', 'block, wait: Q.850 cause, 21 is call rejected')
    .option('--prompt <file>', 'block, wait: sound file, or none')
    .option('--max-wait <time>', 'wait: the longest that a call waits, such as 5s; otherwise 2s')
    .option('--max-queue <calls>', 'wait: the most calls that wait; otherwise 100')
    .option('--burst <calls>', 'wait: calls that may leave at once; 1 for an even pace')
    .addOption(new Option('--while-waiting <sound>', 'wait: what the caller hears').choices([...WHILE_WAITING]))
    .option('--concurrent <calls>', 'the most calls at once')
    .option('--max-duration <time>', 'the longest call, such as 60m')
    .option('--spend-soft <budget>', 'money/period such as 30/1d: the action meets the next call')
    .option('--spend-hard <budget>', 'money/period such as 60/1d: no call goes, and those under way are ended')
    .option('--minutes-soft <budget>', 'minutes/period such as 120/1d, where there is no rate sheet')
    .option('--minutes-hard <budget>', 'minutes/period such as 240/1d; of soft and hard, set keeps the other')
    .option('--give-back-on <outcomes>', `does not count calls that end so: ${UNREACHED.join(', ')}`, collect)
    .option(
      '--hold-after <outcome=time>',
      `acts on every further call after one that was ${REACHED.join(' or a ')}, such as answered=7d`,
      collect,
    )
    .option('--first-call-within <time>', 'only for calls to a country not reached for that time, such as 90d')
    .option('--lock-after <refusals/time>', 'lock the caller after so many refusals, such as 5/24h', refusalsWithin)
    .option('--lock-destination <list>', 'what a lock stops; otherwise what goes abroad or is dear', collect)
    .addOption(new Option('--mode <mode>', 'shadow counts and reports, and never acts').choices(['enforce', 'shadow']))
    .addOption(new Option('--when-store-fails <direction>', 'when counts cannot be read').choices(['allow', 'block']))
    .option('--disabled', 'add it switched off');
}

/** Options of `rules set` that take a field away, so that the rule has none, or its usual value. */
export function removalOptions(command: Command): Command {
  return command
    .option('--no-max-wait', 'the usual 2s')
    .option('--no-max-queue', 'the usual 100')
    .option('--no-burst', 'as many at once as the limit has calls')
    .option('--no-while-waiting', 'silence')
    .option('--no-concurrent', 'any number of calls at once')
    .option('--no-max-duration', 'calls of any length')
    .option('--no-spend', 'any amount of money')
    .option('--no-minutes', 'any amount of talk')
    .option('--no-first-call-within', 'for every call, and not for first ones only')
    .option('--no-lock-after', 'locks nobody; locks in force stay')
    .option('--no-give-back-on', 'every call counts')
    .option('--no-hold-after', 'no outcome holds further calls');
}

/** The fields that were named. Null takes a field away. */
export function fieldsOf(options: RuleOptions): Record<string, unknown> {
  const scope = Object.fromEntries(
    (
      [
        ['extensions', options.extension],
        ['groups', options.group],
        ['trunks', options.trunk],
        ['destinations', options.destination],
        ['campaigns', options.campaign],
        ['kinds', options.kind],
        ['permissions', options.permission],
      ] as const
    ).filter(([, list]) => list !== undefined),
  );
  const fields: Record<string, unknown> = {
    name: options.name,
    appliesTo: options.all ? 'all' : Object.keys(scope).length > 0 ? scope : undefined,
    countPer: options.countPer,
    during: options.during,
    not: options.not,
    limits: options.limits === false ? [] : options.limit,
    counting: options.counting,
    action: options.action,
    hangupCause: wholeNumber(options.hangupCause),
    prompt: options.prompt,
    maxWait: orNull(options.maxWait),
    maxQueue: wholeNumber(orNull(options.maxQueue)),
    burst: wholeNumber(orNull(options.burst)),
    whileWaiting: orNull(options.whileWaiting),
    concurrent: wholeNumber(orNull(options.concurrent)),
    maxDuration: orNull(options.maxDuration),
    spend: budgetOf(options.spend, options.spendSoft, options.spendHard),
    minutes: budgetOf(options.minutes, options.minutesSoft, options.minutesHard),
    giveBackOn: orNull(options.giveBackOn),
    holdAfter: options.holdAfter === false ? null : options.holdAfter && timesByOutcome(options.holdAfter),
    firstCallTo:
      options.firstCallWithin === false
        ? null
        : options.firstCallWithin && { what: 'country', within: options.firstCallWithin },
    lockout: lockoutOf(options),
    mode: options.shadow === true ? 'shadow' : options.mode,
    whenStoreFails: options.whenStoreFails,
    enabled: options.disabled ? false : undefined,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

interface Refusals {
  readonly after: number;
  readonly within: string;
}

function refusalsWithin(text: string): Refusals {
  const [, after, within] = /^(\d{1,6})\/(\d{1,9}[smhd])$/.exec(text.trim()) ?? [];
  if (after === undefined || within === undefined) throw new InvalidArgumentError('Write refusals/time such as 5/24h.');
  return { after: Number(after), within };
}

function lockoutOf({ lockAfter, lockDestination }: RuleOptions) {
  if (lockAfter === false) return null;
  if (lockAfter === undefined) return lockDestination && { destinations: lockDestination };
  return lockDestination === undefined ? lockAfter : { ...lockAfter, destinations: lockDestination };
}

/** The levels that are named. */
const budgetOf = (wanted: boolean | undefined, soft: string | undefined, hard: string | undefined) => {
  if (wanted === false) return null;
  if (soft === undefined && hard === undefined) return undefined;
  return { ...(soft === undefined ? {} : { soft }), ...(hard === undefined ? {} : { hard }) };
};

const orNull = <T>(value: Removable<T> | undefined): T | null | undefined => (value === false ? null : value);

/** Anything else stays text: as a number it would be none, travel as null, and take the field away. */
const wholeNumber = (text: string | null | undefined): number | string | null | undefined =>
  typeof text === 'string' && /^\s*-?\d+\s*$/.test(text) ? Number(text) : text;

/** `answered=7d` → `{ answered: '7d' }` */
function timesByOutcome(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, outcome, time] = /^([^=]+)=(.+)$/.exec(pair) ?? [];
      if (outcome !== undefined && time !== undefined) return [outcome.trim(), time.trim()];
      throw new CommandFailed(`"${pair}" is no hold; write an outcome and a time such as answered=7d`, EXIT.usage);
    }),
  );
}
