/**
 * Locks as rules: what a call is held against so that no locked subject calls what it must not. Pure.
 *
 * Locks are asked about by rules of their own, in the same atomic step as everything that is counted: they concern calls
 * that the rule which made them may not apply to, and outlast its changes. The store's word counts. What is known of locks
 * here decides only where the store cannot be asked. Emergency calls are never asked about; national calls go on unless a
 * policy names them.
 */
import { ACTIONS } from './actions/registry.ts';
import { type CallAttempt, COUNT_PER, type RuleId, type Subject } from './call.ts';
import type { Limit } from './limit.ts';
import { type KnownLocks, type Lock, subjectText } from './lockout.ts';
import type { AppliedRule, Policy } from './policy.ts';
import { type Count, type Rule, subjectsOf } from './rule.ts';

const LOCK_LIMIT: Limit = { count: 1, periodSeconds: 0, text: 'lock' };

/**
 * The rules to ask about the locks that would stop this call; none where nothing could.
 *
 * @param isDecisive true of a lock that the store does not have (yet): it stops the call without being asked about
 */
export function lockMatches(
  policy: Policy,
  call: CallAttempt,
  known: KnownLocks,
  isDecisive: (lock: Lock) => boolean,
): readonly AppliedRule[] {
  if (policy.lockouts.length === 0 && known.size === 0) return [];
  const { classes } = call.destination;
  const stops = (destinations: Iterable<string>): boolean => [...destinations].some((each) => classes.has(each));
  const groups = policy.groupsOf(call.extension);
  const found: AppliedRule[] = [];
  const ask = (rule: Rule, subjects: readonly Subject[]): void => {
    if (subjects.length > 0) found.push({ rule, match: { applies: true, because: { why: 'every-call' }, subjects } });
  };
  for (const rule of policy.lockouts) {
    if (rule.lockout === undefined || !stops(rule.lockout.destinations)) continue;
    const subjects = subjectsOf(rule.countPer, call, groups);
    if ('why' in subjects) continue;
    const locks = subjects.map((subject) => lockBy(rule.id, subject, known));
    ask(
      unknownOf(rule),
      subjects.filter((_, at) => locks[at] === undefined),
    );
    for (const [at, subject] of subjects.entries()) {
      const lock = locks[at];
      if (lock !== undefined) ask(knownOf(rule, lock, isDecisive(lock)), [subject]);
    }
  }
  if (known.size === 0) return found;
  for (const per of COUNT_PER) {
    const subjects = subjectsOf(per, call, groups);
    if ('why' in subjects) continue;
    for (const subject of subjects) {
      for (const lock of known.get(subjectText(subject)) ?? []) {
        if (!stops(lock.destinations)) continue;
        const isAsked = found.some(
          ({ rule, match }) =>
            rule.id === lock.rule && match.subjects.some((asked) => subjectText(asked) === subjectText(subject)),
        );
        if (isAsked) continue;
        const rule = policy.rules.find(({ id }) => id === lock.rule) ?? goneRule(lock);
        ask(knownOf(rule, lock, isDecisive(lock)), [subject]);
      }
    }
  }
  return found;
}

const lockBy = (rule: RuleId, subject: Subject, known: KnownLocks): Lock | undefined =>
  known.size === 0 ? undefined : known.get(subjectText(subject))?.find((lock) => lock.rule === rule);

// The same rule for the same question: what the store's packer remembers hangs on it.
const unknownLocks = new WeakMap<Rule, Rule>();
const knownLocks = new WeakMap<Lock, { readonly of: Rule; readonly decisive: boolean; readonly rule: Rule }>();

function unknownOf(rule: Rule): Rule {
  const made = unknownLocks.get(rule) ?? lockRuleOf(rule, undefined, false);
  unknownLocks.set(rule, made);
  return made;
}

function knownOf(of: Rule, lock: Lock, decisive: boolean): Rule {
  const before = knownLocks.get(lock);
  if (before?.of === of && before.decisive === decisive) return before.rule;
  const rule = lockRuleOf(of, lock, decisive);
  knownLocks.set(lock, { of, decisive, rule });
  return rule;
}

function lockRuleOf(rule: Rule, lock: Lock | undefined, decisive: boolean): Rule {
  const count: Count = { kind: 'lock', limits: [LOCK_LIMIT] };
  return {
    ...rule,
    name: `Lock by ${rule.name}`,
    limits: [],
    counts: decisive ? [] : [count],
    isUnconditional: decisive,
    pace: undefined,
    maxDurationSeconds: undefined,
    firstCallTo: undefined,
    lockout: undefined,
    giveBackOn: [],
    action: ACTIONS.block,
    // What a refused caller hears is the rule's own, where it refuses.
    answer: rule.action.verdict === 'block' ? rule.answer : REFUSAL,
    mode: 'enforce',
    whenStoreFails: lock === undefined ? rule.whenStoreFails : 'block',
    enabled: true,
    lock: { because: lock?.because },
  };
}

const REFUSAL = { hangupCause: 21, prompt: 'tollgate-limit' };

/** Stands for a rule that is no longer in the policy. */
const goneRule = (lock: Lock): Rule => ({
  id: lock.rule,
  name: lock.rule,
  generation: 0,
  scope: [],
  meansInternal: false,
  during: undefined,
  countPer: lock.subject.kind,
  limits: [],
  counting: 'bucket',
  counts: [],
  isUnconditional: true,
  pace: undefined,
  maxDurationSeconds: undefined,
  firstCallTo: undefined,
  lockout: undefined,
  giveBackOn: [],
  action: ACTIONS.block,
  answer: REFUSAL,
  mode: 'enforce',
  whenStoreFails: 'block',
  enabled: true,
});
