/**
 * The audit log on a real Redis: whatever is recorded by however many nodes makes a chain that fits, and whatever
 * somebody with access to the store does to it but add to its end is found.
 * `SEED=… npx vitest run --project property` repeats a run.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AuditLog } from '../../src/people/audit-log.ts';
import { BEFORE_THE_FIRST, sha256 } from '../../src/people/audit-record.ts';
import { createKeys } from '../../src/redis/keys.ts';
import { allEntries, newStateDir, openTestAudit, removeStateDir, verdictOf } from '../support/audit.ts';
import { runSeed, startEmptyRedis } from '../support/property.ts';

const seed = runSeed('audit-log');
const { redis } = await startEmptyRedis();
let folders: readonly string[];
beforeAll(async () => {
  folders = await Promise.all([newStateDir(), newStateDir()]);
});
afterAll(() => Promise.all(folders.map(removeStateDir)));

let logs = 0;
/** Two nodes on a log of its own. */
async function nodes(): Promise<{
  readonly keys: ReturnType<typeof createKeys>;
  readonly both: readonly [AuditLog, AuditLog];
  readonly close: () => Promise<unknown>;
}> {
  const keys = createKeys({ prefix: `p${++logs}`, tenant: 'd' });
  const [one, other] = await Promise.all(
    folders.map((stateDir, at) => openTestAudit({ redis, keys, stateDir, node: `n${at}` })),
  );
  if (one === undefined || other === undefined) throw new Error('no nodes');
  return { keys, both: [one, other], close: () => Promise.all([one.close(), other.close()]) };
}

const anyText = fc.string({ unit: 'binary', maxLength: 30 });
const entry = fc.record({
  node: fc.nat(1),
  entry: fc.record(
    {
      by: anyText,
      from: anyText,
      action: anyText,
      subject: anyText,
      before: fc.jsonValue(),
      after: fc.jsonValue(),
      reason: anyText,
    },
    { requiredKeys: ['by', 'action', 'subject'] },
  ),
});

test('whatever is recorded through several nodes at once fits, and comes back as it was given', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 30 }), async (entries) => {
      const { both, close } = await nodes();
      await Promise.all(entries.map((each) => both[each.node === 0 ? 0 : 1].audit(each.entry)));
      const verdicts = await Promise.all(both.map(verdictOf));
      const kept = await allEntries(both[0]);
      await close();
      for (const verdict of verdicts) expect(verdict).toMatchObject({ intact: true, checked: entries.length });
      for (const [at, node] of ['n0', 'n1'].entries()) {
        const given = entries.filter((each) => each.node === at).map((each) => each.entry.subject);
        expect(kept.filter((each) => each.node === node).map(({ subject }) => subject)).toEqual(given);
      }
    }),
    { seed, numRuns: 40 },
  );
});

interface Raw {
  readonly id: string;
  readonly text: string;
  readonly hash: string;
}
type Tampering = (entries: readonly Raw[]) => readonly Raw[];
const SIZE = 8;
const place = fc.nat(SIZE - 1);

/** The ids that the store demands: rising. */
const inOrder = (entries: readonly Raw[], ids: readonly Raw[]): Raw[] =>
  entries.map((each, at) => ({ ...each, id: ids[at]?.id ?? each.id }));
/** Numbers, times, links and hashes that fit: what a knowing attacker writes. */
const chainedAnew: Tampering = (entries) => {
  let [previous, ms]: [string, number] = [BEFORE_THE_FIRST.hash, 0];
  return entries.map(({ id, text }, at) => {
    ms = Math.max(ms, Number(id.split('-')[0]));
    const written = { seq: at + 1, writtenAt: new Date(ms).toISOString(), previous };
    const changed = JSON.stringify({ ...(JSON.parse(text) as object), ...written });
    previous = sha256(changed);
    return { id: `${ms}-${at + 1}`, text: changed, hash: previous };
  });
};
const tampering: fc.Arbitrary<{ readonly what: string; readonly run: Tampering }> = fc.oneof(
  fc.tuple(place, fc.nat(400), fc.constantFrom('x', '0', '"', '}')).map(([at, letter, put]) => ({
    what: `letter ${letter} of entry ${at} becomes ${put}`,
    run: (all: readonly Raw[]) =>
      all.map((each, index) =>
        index === at ? { ...each, text: `${each.text.slice(0, letter)}${put}${each.text.slice(letter + 1)}` } : each,
      ),
  })),
  fc.tuple(place, fc.boolean()).map(([at, rehash]) => ({
    what: `entry ${at} is by another${rehash ? ', hash too' : ''}`,
    run: (all: readonly Raw[]) =>
      all.map((each, index) => {
        const text = each.text.replace('"by":"', '"by":"not ');
        return index === at ? { ...each, text, hash: rehash ? sha256(text) : each.hash } : each;
      }),
  })),
  fc.tuple(fc.uniqueArray(place, { minLength: 1 }), fc.boolean()).map(([gone, anew]) => ({
    what: `${gone.join()} are removed${anew ? ' and the rest is chained anew' : ''}`,
    run: (all: readonly Raw[]) => {
      const rest = all.filter((_, at) => !gone.includes(at));
      return anew ? chainedAnew(rest) : rest;
    },
  })),
  fc.shuffledSubarray([...Array(SIZE).keys()], { minLength: SIZE }).map((order) => ({
    what: `the order becomes ${order.join()}`,
    run: (all: readonly Raw[]) =>
      inOrder(
        order.flatMap((at) => all[at] ?? []),
        all,
      ),
  })),
  fc.tuple(place, place).map(([from, to]) => ({
    what: `a copy of ${from} is inserted at ${to} and all is chained anew`,
    run: (all: readonly Raw[]) => {
      const copy = all[from];
      return copy === undefined ? all : chainedAnew([...all.slice(0, to), copy, ...all.slice(to)]);
    },
  })),
);

test('whatever is done to what was recorded is found by every node that saw it', async () => {
  let [tampered, untouched] = [0, 0];
  await fc.assert(
    fc.asyncProperty(tampering, async ({ run }) => {
      const { keys, both, close } = await nodes();
      for (let at = 1; at < SIZE; at++) await both[0].audit({ by: 'anna', action: 'a', subject: `s${at}` });
      await both[1].audit({ by: 'ben', action: 'a', subject: 'last' });
      const found = await redis.xrange(keys.audit, '-', '+');
      const before = found.map(([id, [, text = '', , hash = '']]): Raw => ({ id, text, hash }));
      const after = run(before);
      await redis.del(keys.audit);
      for (const { id, text, hash } of after) await redis.xadd(keys.audit, id, 'e', text, 'h', hash);
      // An entry that fits after the last one is an addition: whoever may write to the store can make one.
      const isSame = JSON.stringify(after.slice(0, before.length)) === JSON.stringify(before);
      // A node vouches for what it saw: the second saw all.
      const { intact } = await verdictOf(both[1]);
      await close();
      expect(intact).toBe(isSame);
      if (isSame) untouched += 1;
      else tampered += 1;
    }),
    { seed, numRuns: 300 },
  );
  console.log(`audit-log: ${tampered} tampered, ${untouched} untouched`);
  expect(tampered).toBeGreaterThan(200);
});
