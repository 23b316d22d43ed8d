/**
 * What the doctor says of rules that pace and of rules that hold: settings that can never matter, or that do something
 * else than was most likely meant.
 *
 * Looks at one rule by itself. Every figure is exact; what was meant is a guess, and so these are warnings at most.
 */
import { paceOf } from './actions/wait.ts';
import type { RuleDocument } from './document.ts';
import { durationText, parseDuration } from './duration.ts';
import { describePeriod } from './limit.ts';
import { REACHED } from './outcome.ts';
import { limitsOf } from './rule-cover.ts';
import type { DoctorFinding } from './rule-finding.ts';
import { describeMs, mostPerPeriod, mostWaiting, stepMs } from './rule-words.ts';

export const PACE_CHECKS = ['unpaced', 'short-wait', 'idle-queue', 'uneven-pace', 'broad-hold'] as const;
type PaceFinding = DoctorFinding<(typeof PACE_CHECKS)[number]>;

export const diagnosePace = (rule: RuleDocument): readonly PaceFinding[] => [
  ...(rule.action === 'wait' ? [...shortWait(rule), ...unevenPace(rule)] : unpaced(rule)),
  ...broadHold(rule),
];

const PACE_FIELDS = ['maxWait', 'maxQueue', 'burst', 'whileWaiting'] as const;

function unpaced(rule: RuleDocument): PaceFinding[] {
  const given = PACE_FIELDS.filter((field) => rule[field] !== undefined);
  if (given.length === 0) return [];
  return [
    {
      severity: 'warning',
      rule: rule.id,
      check: 'unpaced',
      what: `The rule has ${given.join(' and ')}, and its action is ${rule.action}.`,
      why: 'Only rules with action: wait pace calls, so this has no effect.',
      command: `tollgate rules set ${rule.id} --action wait`,
    },
  ];
}

/** No limit of it lets a call wait for a whole step; otherwise whether the queue can ever be as long as it may be. */
function shortWait(rule: RuleDocument): PaceFinding[] {
  const { maxWaitMs } = paceOf(rule);
  const limits = limitsOf(rule);
  const [quickest] = limits.toSorted((a, b) => stepMs(a) - stepMs(b));
  if (quickest === undefined) return [];
  const step = Math.ceil(stepMs(quickest));
  if (step <= maxWaitMs) return idleQueue(rule, mostWaiting(limits, maxWaitMs));
  return [
    {
      severity: 'warning',
      rule: rule.id,
      check: 'short-wait',
      what: `A call waits ${describeMs(maxWaitMs)} at most, and ${quickest.text} has room for one more every ${describeMs(stepMs(quickest))}.`,
      why: 'Whoever comes too early is refused, but for the few who come just before there is room.',
      command:
        step <= LONGEST_WAIT_MS
          ? `tollgate rules set ${rule.id} --max-wait ${durationText(step)}`
          : `tollgate rules set ${rule.id} --action block`,
    },
  ];
}

/** As actions/wait.ts has it. */
const LONGEST_WAIT_MS = 600_000;

function idleQueue({ id, maxQueue, maxWait }: RuleDocument, most: number): PaceFinding[] {
  // The usual length stands for "long enough".
  if (maxQueue === undefined || maxQueue <= most) return [];
  return [
    {
      severity: 'warning',
      rule: id,
      check: 'idle-queue',
      what: `The queue of ${maxQueue} is never full: ${most} ${most === 1 ? 'call has its' : 'calls have their'} place within ${maxWait ?? 'the usual 2s'}.`,
      why: 'Calls beyond that are refused by maxWait; one of the two is not what was meant.',
      command: `tollgate rules set ${id} --max-queue ${most}`,
    },
  ];
}

function unevenPace(rule: RuleDocument): PaceFinding[] {
  const [first] = limitsOf(rule);
  const isCarrier = rule.countPer === 'trunk' || (rule.appliesTo !== 'all' && rule.appliesTo.trunks !== undefined);
  if (first === undefined || !isCarrier || rule.burst !== undefined) return [];
  if (rule.counting === 'rolling' || first.count === 1) return [];
  return [
    {
      severity: 'info',
      rule: rule.id,
      check: 'uneven-pace',
      what: `After a quiet time ${first.count} calls leave at once, and up to ${mostPerPeriod(first)} within ${describePeriod(first.periodSeconds)}.`,
      why: 'A carrier that counts may refuse some; with burst 1 they leave evenly, with counting: rolling never more than the limit in any period.',
      command: `tollgate rules set ${rule.id} --burst 1`,
    },
  ];
}

/** As long as one may want an extension to rest after a call. */
const LONGEST_REST_MS = 3_600_000;

function broadHold({ id, countPer, holdAfter }: RuleDocument): PaceFinding[] {
  if (countPer === 'number' || countPer === 'extension-number') return [];
  const longest = REACHED.map((outcome) => ({ outcome, ms: parseDuration(holdAfter?.[outcome] ?? '0s') ?? 0 })).sort(
    (a, b) => b.ms - a.ms,
  )[0];
  if (longest === undefined || longest.ms <= (countPer === 'extension' ? LONGEST_REST_MS : 0)) return [];
  const whole = {
    extension: 'extension that placed it',
    group: 'whole group',
    trunk: 'whole trunk',
    system: 'whole system',
  };
  return [
    {
      severity: 'warning',
      rule: id,
      check: 'broad-hold',
      what: `After ${longest.outcome === 'answered' ? 'an answered call' : 'a conversation'} the rule holds the ${whole[countPer]} for ${describeMs(longest.ms)}.`,
      why: 'Every call is held then, to any number; a hold is mostly meant for the number that was reached.',
      command: `tollgate rules set ${id} --count-per number`,
    },
  ];
}
