/**
 * What no single field of a policy document shows: ids used twice, references to nothing, limits of one rule that
 * contradict each other.
 *
 * Reads the document as it was written, checked or not, so that these mistakes are reported together with those of the
 * schema: a person mends a file once.
 */
import { BUDGET_KINDS, parseBudget } from './budget.ts';
import { BUILT_IN_CLASSES, isCountryClass } from './destination-classes.ts';
import { parseLimit } from './limit.ts';
import { didYouMean, type Problem } from './problem.ts';
import { MOST_CALLS_IN_WINDOW } from './rolling-window.ts';

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** What a scope refers to, and where that is defined. */
const REFERENCES = { groups: 'group', trunks: 'trunk', destinations: 'destination' } as const;

/** Every name that a document defines, under the key that defines it; gathered once for all rules. */
type Defined = Readonly<Record<keyof typeof REFERENCES | 'schedules', ReadonlySet<string>>>;

export function inconsistencies(document: unknown): Problem[] {
  const { rules, ...definitions } = fieldsOf(document);
  const namesUnder = (key: keyof Defined): string[] => Object.keys(fieldsOf(definitions[key]));
  const defined: Defined = {
    groups: new Set(namesUnder('groups')),
    trunks: new Set(namesUnder('trunks')),
    destinations: new Set([...namesUnder('destinations'), ...BUILT_IN_CLASSES]),
    schedules: new Set(namesUnder('schedules')),
  };
  const problems: Problem[] = [];
  const seen = new Map<unknown, number>();
  listOf(rules).forEach((each, index) => {
    const rule = fieldsOf(each);
    const path = `rules[${index}]`;
    const first = seen.get(rule['id']);
    if (first !== undefined && rule['id'] !== undefined) {
      problems.push({ path: `${path}.id`, message: `"${String(rule['id'])}" is taken by rules[${first}]` });
    }
    seen.set(rule['id'], index);
    problems.push(
      ...unknownReferences(defined, rule, path),
      ...unknownSchedules(defined, rule, path),
      ...doubledPeriods(rule, path),
      ...tooManyToRemember(rule, path),
      ...pacedWithout(rule, path),
      ...givenBackOfNothing(rule, path),
      ...softAboveHard(rule, path),
    );
  });
  return problems;
}

function unknownReferences(defined: Defined, rule: Fields, path: string): Problem[] {
  const scope = fieldsOf(rule['appliesTo']);
  const problems: Problem[] = [];
  for (const key of ['groups', 'trunks', 'destinations'] as const) {
    const known = defined[key];
    listOf(scope[key]).forEach((reference, at) => {
      if (
        typeof reference !== 'string' ||
        known.has(reference) ||
        (key === 'destinations' && isCountryClass(reference))
      )
        return;
      problems.push({
        path: `${path}.appliesTo.${key}[${at}]`,
        message: `there is no ${REFERENCES[key]} "${reference}"; ${didYouMean(reference, [...known])}`,
      });
    });
  }
  return problems;
}

function unknownSchedules({ schedules: known }: Defined, rule: Fields, path: string): Problem[] {
  const problems = (['during', 'not'] as const).flatMap((key): Problem[] => {
    const reference = rule[key];
    if (typeof reference !== 'string' || known.has(reference)) return [];
    return [
      { path: `${path}.${key}`, message: `there is no schedule "${reference}"; ${didYouMean(reference, [...known])}` },
    ];
  });
  if (rule['during'] !== undefined && rule['not'] !== undefined) {
    problems.push({ path: `${path}.not`, message: 'cannot stand beside during; keep one of the two' });
  }
  return problems;
}

function doubledPeriods(rule: Fields, path: string): Problem[] {
  const periods = new Map<number, string>();
  return listOf(rule['limits']).flatMap((text, at) => {
    const parsed = typeof text === 'string' ? parseLimit(text) : { problem: '' };
    if (typeof text !== 'string' || 'problem' in parsed) return [];
    const other = periods.get(parsed.periodSeconds);
    periods.set(parsed.periodSeconds, text);
    if (other === undefined) return [];
    return [
      { path: `${path}.limits[${at}]`, message: `"${text}" has the same period as "${other}"; keep the lower one` },
    ];
  });
}

function tooManyToRemember(rule: Fields, path: string): Problem[] {
  if (rule['counting'] !== 'rolling') return [];
  return listOf(rule['limits']).flatMap((text, at) => {
    const parsed = typeof text === 'string' ? parseLimit(text) : { problem: '' };
    if ('problem' in parsed || parsed.count <= MOST_CALLS_IN_WINDOW) return [];
    const message = `"${parsed.text}" is more than a rolling window remembers, ${MOST_CALLS_IN_WINDOW} calls; use counting: bucket for more`;
    return [{ path: `${path}.limits[${at}]`, message }];
  });
}

/** What only means something of a rule that paces, and what a rule that paces cannot be without. */
function pacedWithout(rule: Fields, path: string): Problem[] {
  if (rule['action'] !== 'wait') return [];
  const problems: Problem[] = [];
  if (listOf(rule['limits']).length === 0) {
    problems.push({
      path: `${path}.limits`,
      message: 'is missing; calls wait for a limit to have room, such as 20/1s',
    });
  }
  if (rule['burst'] !== undefined && rule['counting'] === 'rolling') {
    const message = 'is for counting: bucket; a rolling window lets its whole count leave at once';
    problems.push({ path: `${path}.burst`, message });
  }
  return problems;
}

/** A call is taken out of a window whenever it is known; a bucket has paid for it by then, and would let one more go. */
function givenBackOfNothing(rule: Fields, path: string): Problem[] {
  if (rule['giveBackOn'] === undefined) return [];
  const problem = (message: string): Problem[] => [{ path: `${path}.giveBackOn`, message }];
  if (listOf(rule['limits']).length === 0) {
    return problem('has no use without limits; leave it out or add limits such as 7/7d');
  }
  return rule['counting'] === 'rolling' ? [] : problem('needs counting: rolling, which remembers single calls');
}

/** With the same period only: which of two different ones is reached first hangs on the calls. */
function softAboveHard(rule: Fields, path: string): Problem[] {
  return BUDGET_KINDS.flatMap((kind): Problem[] => {
    const { soft, hard } = fieldsOf(rule[kind]);
    if (typeof soft !== 'string' || typeof hard !== 'string') return [];
    const [low, high] = [parseBudget(soft, kind), parseBudget(hard, kind)];
    if ('problem' in low || 'problem' in high || low.periodSeconds !== high.periodSeconds || low.count < high.count)
      return [];
    const message = `"${soft}" is never reached before hard, "${hard}"; make it lower, or leave it out`;
    return [{ path: `${path}.${kind}.soft`, message }];
  });
}
