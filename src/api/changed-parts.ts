/**
 * What differs between two states of a document, part by part: of ten thousand rules the one that changed, and of that
 * its changed fields.
 *
 * Knows no document: a mapping has its keys as parts, a list of things with an `id` these. Pure.
 */

export interface ChangedParts {
  /** By place: `rules.default`, `groups.sales`, `timezone`. What was added has no place here. */
  readonly before: Readonly<Record<string, unknown>>;
  /** What was removed has no place here. */
  readonly after: Readonly<Record<string, unknown>>;
}

/** Undefined where nothing differs. */
export function changedParts(before: object, after: object): ChangedParts | undefined {
  const [was, becomes] = [partsOf(before), partsOf(after)];
  const places = [...new Set([...was.keys(), ...becomes.keys()])];
  const changed = places
    .filter((place) => JSON.stringify(was.get(place)) !== JSON.stringify(becomes.get(place)))
    .map((place) => ({ place, ...fieldsOf(was.get(place), becomes.get(place)) }));
  changed.push(...changedOrders(before, after));
  if (changed.length === 0) return undefined;
  const side = (name: 'before' | 'after'): Record<string, unknown> =>
    Object.fromEntries(changed.flatMap((each) => (each[name] === undefined ? [] : [[each.place, each[name]]])));
  return { before: side('before'), after: side('after') };
}

function partsOf(document: object): ReadonlyMap<string, unknown> {
  const parts = Object.entries(document).flatMap(([key, value]): (readonly [string, unknown])[] => {
    const named = namedParts(value);
    return named === undefined ? [[key, value]] : named.map(([name, part]) => [`${key}.${name}`, part]);
  });
  return new Map(parts);
}

/** That things in a list have changed places is no change of any of them. */
function changedOrders(before: object, after: object) {
  const afterwards = new Map<string, unknown>(Object.entries(after));
  return Object.entries(before).flatMap(([key, value]) => {
    const lists = [value, afterwards.get(key)];
    if (!lists.every((list) => Array.isArray(list))) return [];
    const [was = [], becomes = []] = lists.map((list) => (namedParts(list) ?? []).map(([name]) => name));
    const [old, now] = [new Set(was), new Set(becomes)];
    const order = { before: was.filter((name) => now.has(name)), after: becomes.filter((name) => old.has(name)) };
    return order.before.join('\n') === order.after.join('\n') ? [] : [{ place: `order of ${key}`, ...order }];
  });
}

function namedParts(value: unknown): readonly (readonly [string, unknown])[] | undefined {
  if (!Array.isArray(value)) return isMapping(value) ? Object.entries(value) : undefined;
  const named = value.map((part: unknown) => [isMapping(part) ? part['id'] : undefined, part] as const);
  const isNamed = (each: readonly [unknown, unknown]): each is readonly [string, unknown] =>
    typeof each[0] === 'string';
  return named.every(isNamed) ? named : undefined;
}

/** Of a thing that was there and still is, the fields that differ. */
function fieldsOf(before: unknown, after: unknown): { readonly before: unknown; readonly after: unknown } {
  if (!isMapping(before) || !isMapping(after)) return { before, after };
  const differ = (one: Readonly<Record<string, unknown>>, other: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(
      Object.entries(one).filter(
        ([key, value]) => !Object.hasOwn(other, key) || JSON.stringify(value) !== JSON.stringify(other[key]),
      ),
    );
  return { before: differ(before, after), after: differ(after, before) };
}

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
