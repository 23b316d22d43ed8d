/** Every key that Tollgate writes, whatever is in it, belongs to its tenant and to no other. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createKeys } from '../../src/redis/keys.ts';

/** What a cluster hashes of a key: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags */
function hashedPart(key: string): string {
  const open = key.indexOf('{');
  const close = key.indexOf('}', open + 1);
  return open < 0 || close <= open + 1 ? key : key.slice(open + 1, close);
}

/** What the configuration lets through. */
const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,12}$/);
/** What may be in a key: numbers that are dialled, names from a phone, addresses; also what would lead a cluster astray. */
const anything = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '{', '}', '{}', '{other}', '}{', ':', '{a}:{b}', '~1'),
);

test('all keys of a tenant are on one shard, whatever a caller puts into them, and none is a key of another tenant', () => {
  fc.assert(
    fc.property(
      name,
      name,
      name,
      fc.array(anything, { minLength: 4, maxLength: 4 }),
      (prefix, tenant, other, parts) => {
        const keysOf = (of: string): string[] =>
          Object.entries(createKeys({ prefix, tenant: of })).map(([which, key]) => {
            if (typeof key === 'string') return key;
            // Each takes text, and numbers become text in a key.
            const made: unknown = Reflect.apply(key, undefined, parts);
            if (typeof made !== 'string') throw new Error(`${which} is no key`);
            return made;
          });
        const keys = keysOf(tenant);
        expect(keys.length).toBeGreaterThan(50);
        expect(new Set(keys.map(hashedPart))).toEqual(new Set([tenant]));
        if (other === tenant) return;
        const others = new Set(keysOf(other));
        expect(keys.filter((key) => others.has(key))).toEqual([]);
      },
    ),
    { numRuns: 300 },
  );
});
