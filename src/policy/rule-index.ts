/**
 * Which rules a call could meet, without a look at the others.
 *
 * A rule stands under the names of one key of its scope: the key whose names it shares with the fewest other rules. A call
 * that has none of these names is outside that key, whatever the other keys say. Guarantees that every rule whose scope
 * has the call in it is among its candidates; not that each candidate has.
 */
import type { Scope, ScopeKeyName, ScopePart } from './scope.ts';

interface Scoped {
  readonly scope: Scope;
}

export interface RuleIndex<Rule extends Scoped> {
  /**
   * In the order in which the rules were given, each once.
   *
   * @param namesOf what the call has under a key; undefined where nobody knows
   */
  readonly candidates: (namesOf: (key: ScopeKeyName) => readonly string[] | undefined) => readonly Rule[];
}

/** Places in the list of rules, in order. */
type Places = number[];

interface Shelf {
  readonly key: ScopeKeyName;
  readonly places: Map<string, Places>;
  /** Length of the longest name. */
  longest: number;
}

export function indexRules<Rule extends Scoped>(rules: readonly Rule[]): RuleIndex<Rule> {
  const sharedBy = countNames(rules);
  const crowd = (part: ScopePart): number => {
    let most = 0;
    for (const name of part.foundUnder) most = Math.max(most, sharedBy.get(nameIn(part.key, name)) ?? 0);
    return most;
  };
  const shelves = new Map<ScopeKeyName, Shelf>();
  const everywhere: Places = [];
  rules.forEach((rule, place) => {
    const [first, ...rest] = rule.scope.map((part) => ({ part, crowd: crowd(part) }));
    if (first === undefined) everywhere.push(place);
    else shelve(shelves, rest.reduce((best, each) => (each.crowd < best.crowd ? each : best), first).part, place);
  });
  const everywhereRules = rulesAt(rules, everywhere);
  const inUse = [...shelves.values()];

  return {
    candidates: (namesOf) => {
      const found: Places = [];
      for (const shelf of inUse) collect(shelf, namesOf(shelf.key) ?? [], found);
      if (found.length === 0) return everywhereRules;
      return rulesAt(rules, [...everywhere, ...found]);
    },
  };
}

const nameIn = (key: ScopeKeyName, name: string): string => `${key} ${name}`;

/** How many rules name a name under a key. */
function countNames(rules: readonly Scoped[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const rule of rules) {
    for (const part of rule.scope) {
      for (const name of part.foundUnder) {
        const known = nameIn(part.key, name);
        counts.set(known, (counts.get(known) ?? 0) + 1);
      }
    }
  }
  return counts;
}

function shelve(shelves: Map<ScopeKeyName, Shelf>, { key, foundUnder }: ScopePart, place: number): void {
  const shelf = shelves.get(key) ?? { key, places: new Map<string, Places>(), longest: 0 };
  shelves.set(key, shelf);
  for (const name of foundUnder) {
    const there = shelf.places.get(name);
    if (there === undefined) shelf.places.set(name, [place]);
    else there.push(place);
    shelf.longest = Math.max(shelf.longest, name.length);
  }
}

function collect({ key, places, longest }: Shelf, names: readonly string[], found: Places): void {
  for (const name of names) {
    // An extension is looked for under each of its beginnings, for ranges and patterns.
    const shortest = key === 'extensions' ? 0 : name.length;
    for (let length = shortest; length <= Math.min(longest, name.length); length++) {
      const there = places.get(name.slice(0, length));
      if (there !== undefined) for (const place of there) found.push(place);
    }
  }
}

/** Brings places into order, and a rule that was found under several names to one. */
function rulesAt<Rule>(rules: readonly Rule[], places: Places): readonly Rule[] {
  const sorted = places.sort((a, b) => a - b);
  const found: Rule[] = [];
  let last = -1;
  for (const place of sorted) {
    const rule = rules[place];
    if (place !== last && rule !== undefined) found.push(rule);
    last = place;
  }
  return found;
}
