/**
 * What the doctor says of the calls that a rule is for: whether anybody is in its scope, whether its schedule ever lets it
 * be in force, and whether the numbers it names can be told apart.
 *
 * Looks at one rule, with the groups, lists, schedules and numbering plan that the policy has for it.
 */
import type { EpochMs } from './call.ts';
import { isBuiltInClass, isCountryClass } from './destination-classes.ts';
import type { PolicyDocument, RuleDocument } from './document.ts';
import { numberSet } from './number-set.ts';
import type { Policy } from './policy.ts';
import { numbersOf } from './rule-cover.ts';
import { type DoctorFinding, quoted } from './rule-finding.ts';

export const SCOPE_CHECKS = ['empty-scope', 'never-open', 'closed-now', 'needs-home-country'] as const;
type ScopeFinding = DoctorFinding<(typeof SCOPE_CHECKS)[number]>;

export const diagnoseScope = (rule: RuleDocument, policy: Policy, at: EpochMs): readonly ScopeFinding[] => [
  ...emptyScope(rule, policy),
  ...outOfHours(rule, policy, at),
  ...needsHomeCountry(rule, policy.document),
];

const NO_CALL = 'The rule applies to no call.';

function emptyScope(rule: RuleDocument, policy: Policy): ScopeFinding[] {
  const { document } = policy;
  const empty = (what: string, command: string): ScopeFinding => ({
    severity: 'error',
    rule: rule.id,
    check: 'empty-scope',
    what,
    why: NO_CALL,
    command,
  });
  const scope = rule.appliesTo === 'all' ? {} : rule.appliesTo;
  const found: ScopeFinding[] = [];
  const [group] = scope.groups ?? [];
  const memberless = (id: string): boolean => document.groups[id]?.members.length === 0;
  if (group !== undefined && scope.groups?.every(memberless)) {
    found.push(
      empty(`${nounOf('group', scope.groups)} no members.`, `tollgate groups set ${group} --members 2001-2050`),
    );
  } else if (rule.countPer === 'group' && Object.keys(document.groups).every(memberless)) {
    const command = 'tollgate groups set call-centre --members 2001-2050';
    found.push(empty('The rule counts per group, and there is no group with members.', command));
  }
  const [list] = scope.destinations ?? [];
  if (list !== undefined && scope.destinations?.every((id) => document.destinations[id]?.prefixes.length === 0)) {
    const what = `${nounOf('list', scope.destinations)} no prefixes.`;
    found.push(empty(what, `tollgate destinations set ${list} --prefixes +53,+252`));
  }
  if (found.length === 0 && hasNobody(rule, policy)) {
    const [permission] = scope.permissions ?? [];
    found.push(
      permission === undefined
        ? empty(
            'None of its extensions is a member of a group that it counts or names.',
            `tollgate groups set ${group ?? 'call-centre'} --add-members ${quoted(scope.extensions?.[0] ?? '')}`,
          )
        : empty(
            `No extension that it could apply to has the permission ${scope.permissions?.join(' or ')}.`,
            `tollgate extensions set 1001 --permissions ${permission}`,
          ),
    );
  }
  return found;
}

/** `Group a has`, `The groups a and b have`. */
function nounOf(one: 'group' | 'list', ids: readonly string[]): string {
  const [first = ''] = ids;
  const capital = `${one.charAt(0).toUpperCase()}${one.slice(1)}`;
  return ids.length === 1 ? `${capital} ${first} has` : `The ${one}s ${ids.slice(0, 5).join(', ')} have`;
}

/** True where the keys of the scope name nobody together although each names somebody. */
function hasNobody({ appliesTo, countPer }: RuleDocument, policy: Policy): boolean {
  if (appliesTo === 'all') return false;
  const { extensions, groups, permissions } = appliesTo;
  const holders = Object.entries(policy.document.extensions);
  const candidates =
    permissions === undefined
      ? extensions === undefined
        ? undefined
        : numbersOf(extensions)
      : holders.flatMap(([id, each]) => (each.permissions?.some((held) => permissions.includes(held)) ? [id] : []));
  if (candidates === undefined) return false;
  const set = extensions === undefined ? undefined : numberSet(extensions);
  return !candidates.some((extension) => {
    if (set?.has(extension) === false) return false;
    if (groups === undefined && countPer !== 'group') return true;
    const member = policy.groupsOf(extension);
    return groups === undefined ? member.length > 0 : member.some((id) => groups.includes(id));
  });
}

function outOfHours(rule: RuleDocument, policy: Policy, at: EpochMs): ScopeFinding[] {
  const id = rule.during ?? rule.not;
  const schedule = id === undefined ? undefined : policy.schedules.get(id);
  if (id === undefined || schedule === undefined) return [];
  const open = schedule.isOpen(at);
  if (open === (rule.during !== undefined)) return [];
  const state = open ? 'open' : 'closed';
  const change = schedule.nextChange(at);
  if (change !== undefined) {
    // It is another hour for every number.
    if (schedule.isCalled) return [];
    const until = `${new Date(change).toISOString().slice(0, 16)}Z`;
    return [
      {
        severity: 'info',
        rule: rule.id,
        check: 'closed-now',
        what: `Schedule ${id} is ${state}, so the rule is not in force until ${until}.`,
        why: 'Calls before that are not touched by it.',
        command: `tollgate schedules show ${id}`,
      },
    ];
  }
  const windows = open ? 'mon-fri 08:00-18:00' : 'mon-fri 18:00-08:00';
  return [
    {
      severity: 'error',
      rule: rule.id,
      check: 'never-open',
      what: `Schedule ${id} is ${state} for good, so the rule is never in force again.`,
      why: NO_CALL,
      command: `tollgate schedules set ${id} --window "${windows}"`,
    },
  ];
}

/** Classes of numbers that need no numbering plan. */
const WITHOUT_PLAN = ['emergency', 'internal', 'shortcode', 'unknown'];

function needsHomeCountry(rule: RuleDocument, document: PolicyDocument): ScopeFinding[] {
  if (document.homeCountry !== undefined) return [];
  const named = rule.appliesTo === 'all' ? [] : (rule.appliesTo.destinations ?? []);
  const lostOf = (names: readonly string[]): readonly string[] =>
    names.filter((name) =>
      isBuiltInClass(name) || isCountryClass(name)
        ? !WITHOUT_PLAN.includes(name)
        : document.destinations[name]?.prefixes.some((prefix) => prefix.startsWith('+')),
    );
  const lost = lostOf(named);
  if (lost.length === 0) return needsHomeForMore(rule, lostOf(rule.lockout?.destinations ?? []));
  const onlyNational = named.every((name) => name === 'national');
  const why = onlyNational
    ? 'Without it no number is national, so the rule applies to no call.'
    : `Without it only numbers dialled as +… ${document.dialling.international.length > 0 ? `or behind ${document.dialling.international.join(' or ')} ` : ''}are placed, and every one of them is international.`;
  return [
    {
      severity: onlyNational ? 'error' : 'warning',
      rule: rule.id,
      check: 'needs-home-country',
      what: `The rule names ${lost.slice(0, 5).join(', ')}, and the policy has no homeCountry.`,
      why,
      command: SET_HOME_COUNTRY,
    },
  ];
}

const SET_HOME_COUNTRY = '(echo "homeCountry: US"; tollgate policy show) | tollgate policy apply -';

/** @param locked destinations of its lockout that need a home country */
function needsHomeForMore(rule: RuleDocument, locked: readonly string[]): ScopeFinding[] {
  const { firstCallTo } = rule;
  if (firstCallTo === undefined && locked.length === 0) return [];
  const what =
    firstCallTo === undefined
      ? 'locks'
      : locked.length === 0
        ? 'asks about first calls'
        : 'locks and asks about first calls';
  const why =
    locked.length === 0
      ? 'Without it every number that can be placed is abroad: calls at home are first calls as well.'
      : 'Without it every number that can be placed is international: a lock stops calls at home as well.';
  return [
    {
      severity: 'warning',
      rule: rule.id,
      check: 'needs-home-country',
      what: `The rule ${what}, and the policy has no homeCountry.`,
      why,
      command: SET_HOME_COUNTRY,
    },
  ];
}
