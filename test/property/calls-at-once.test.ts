/**
 * Ceilings of calls at once, and holds, on a real Redis: never more calls than the rule says, none that counts for ever,
 * and a hold that ends when it should. That every number equals the reference model's is shown in take-limits.test.ts.
 * `SEED=… npx vitest run --project property` repeats a run.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  beginHold,
  keepLeases,
  type PackedCharge,
  packHold,
  packLeases,
  packLimits,
  type TakeReply,
  takeLimits,
} from '../../src/redis/limit-scripts.ts';
import { createScript } from '../../src/redis/scripts.ts';
import { giveBackTaken } from '../support/give-back.ts';
import { runSeed, startEmptyRedis } from '../support/property.ts';

const seed = runSeed('calls-at-once');
const { redis } = await startEmptyRedis();

const NOW_MS = 1_795_000_000_123;
const KEY = '{t}l';
const HOLD = '{t}h';
const LEASE_SECONDS = 60;
const three = packLeases('required', KEY, 3, LEASE_SECONDS);

type Answer = Extract<TakeReply, { status: 'taken' | 'refused' }>;
async function ask(
  charges: readonly PackedCharge[],
  call: string,
  nowMs: number | undefined,
  recordSeconds: number,
): Promise<Answer> {
  const reply = await takeLimits(redis, { callKey: `{t}c${call}`, charges, nowMs, deadlineMs: 0, recordSeconds });
  if (reply.status === 'late') throw new Error('no deadline was given');
  return reply;
}
const take = (charges: readonly PackedCharge[], call: string, nowMs?: number): Promise<Answer> =>
  ask(charges, call, nowMs, 20);
const peek = (charges: readonly PackedCharge[], nowMs?: number): Promise<Answer> => ask(charges, 'peek', nowMs, 0);
/** As keepLeases, at a given time. */
const keepScript = createScript('keep-leases');
const keep = (call: string, seconds: number, nowMs: number): Promise<unknown> =>
  keepScript(redis, [`{t}c${call}`, KEY], [seconds, nowMs]);
const calls = async (nowMs?: number): Promise<number | undefined> => (await peek([three], nowMs)).charges[0]?.before[0];

test('never more calls at once than the ceiling, whoever ends, lapses, hangs up or is refused', async () => {
  const step = fc.record({
    kind: fc.constantFrom('take', 'take', 'take', 'take with another', 'renew', 'end', 'give back'),
    call: fc.nat(9),
    afterMs: fc.oneof(
      { weight: 9, arbitrary: fc.nat(4000) },
      { weight: 1, arbitrary: fc.constant(LEASE_SECONDS * 1000) },
    ),
  });
  const other = packLimits('required', '{t}other', [{ count: 2, periodSeconds: 60 }]);
  const tally = { taken: 0, refused: 0, ended: 0, lapsed: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 40, maxLength: 80, size: 'max' }), async (steps) => {
      await redis.flushall();
      const untilMs = new Map<string, number>();
      const given = new Map<string, Answer>();
      let nowMs = NOW_MS;
      for (const [index, { kind, call, afterMs }] of steps.entries()) {
        nowMs += afterMs;
        for (const [id, until] of untilMs) if (until <= nowMs && untilMs.delete(id)) tally.lapsed += 1;
        const under = [...untilMs.keys()];
        const one = under[call % Math.max(1, under.length)];
        if (kind === 'take' || kind === 'take with another') {
          const reply = await take(kind === 'take' ? [three] : [three, other], `${index}`, nowMs);
          expect(reply.charges[0]?.before).toEqual([under.length]);
          if (under.length >= 3) expect(reply.status).toBe('refused');
          tally[reply.status] += 1;
          if (reply.status === 'refused') continue;
          untilMs.set(`${index}`, nowMs + LEASE_SECONDS * 1000);
          given.set(`${index}`, reply);
        } else if (one !== undefined && kind === 'renew') {
          expect(await keep(one, LEASE_SECONDS, nowMs)).toBe(1);
          untilMs.set(one, nowMs + LEASE_SECONDS * 1000);
        } else if (one !== undefined) {
          untilMs.delete(one);
          tally.ended += 1;
          const [taken] = given.get(one)?.charges ?? [];
          if (kind === 'end' || taken === undefined) expect(await keep(one, 0, nowMs)).toBe(1);
          else await giveBackTaken(redis, { callKey: `{t}c${one}`, charges: [{ packed: three, taken }] });
          // A second time ends nothing.
          expect(await keep(one, 0, nowMs)).toBe(0);
        }
        expect(await calls(nowMs)).toBe(untilMs.size);
        expect(untilMs.size).toBeLessThanOrEqual(3);
      }
    }),
    { seed, numRuns: 100 },
  );
  console.log(`calls-at-once: ${JSON.stringify(tally)}`);
  for (const happened of Object.values(tally)) expect(happened).toBeGreaterThan(200);
});

test('a lease that lapsed frees its slot in that very millisecond, and counts again when the call turns out to live', async () => {
  for (const call of ['1', '2', '3']) await take([three], call, NOW_MS);
  const endMs = NOW_MS + LEASE_SECONDS * 1000;
  expect((await take([three], '4', endMs - 1)).status).toBe('refused');
  expect((await take([three], '4', endMs)).status).toBe('taken');
  expect(await calls(endMs)).toBe(1);
  for (const call of ['1', '2', '3']) expect(await keep(call, LEASE_SECONDS, endMs)).toBe(0);
  // Beyond the ceiling: they are under way, whatever the rule says.
  expect(await calls(endMs)).toBe(4);
  expect(await keep('1', LEASE_SECONDS, endMs + 1)).toBe(1);
  expect((await take([three], '5', endMs)).status).toBe('refused');
});

test('the same call has one lease however often it asks, also when its record has lapsed', async () => {
  for (let turn = 0; turn < 3; turn++) {
    const reply = await take([three], 'same', NOW_MS + turn);
    expect(reply.charges[0]).toMatchObject({ state: turn === 0 ? 'room' : 'counted' });
    await redis.del('{t}csame');
  }
  expect(await calls(NOW_MS)).toBe(1);
  const one = packLeases('required', KEY, 1, LEASE_SECONDS);
  expect(await take([one], 'same', NOW_MS)).toMatchObject({ status: 'taken', charges: [{ state: 'counted' }] });
  expect((await take([one], 'other', NOW_MS)).status).toBe('refused');
  // Its own lease has lapsed: it gets a new one, or none where another call has the slot.
  await redis.del('{t}csame');
  const lapsed = await take([one], 'same', NOW_MS + LEASE_SECONDS * 1000);
  expect(lapsed.charges[0]).toMatchObject({ state: 'room', before: [0] });
  const laterMs = NOW_MS + 2 * LEASE_SECONDS * 1000;
  await take([one], 'other', laterMs);
  await redis.del('{t}csame');
  expect((await take([one], 'same', laterMs)).status).toBe('refused');
});

test('a lenient call beyond the ceiling goes and counts; a shadow rule counts none beyond it', async () => {
  const lenient = packLeases('lenient', KEY, 1, LEASE_SECONDS);
  const shadow = packLeases('shadow', '{t}shadow', 1, LEASE_SECONDS);
  for (let call = 0; call < 3; call++) {
    const reply = await take([lenient, shadow], `${call}`, NOW_MS);
    expect(reply).toMatchObject({
      status: 'taken',
      charges: [
        { state: call === 0 ? 'room' : 'lacking', before: [call], after: [call + 1] },
        { state: call === 0 ? 'room' : 'lacking', before: [Math.min(call, 1)], after: [1] },
      ],
    });
  }
});

test('a lease taken beside a refusal is none, and a peek takes none', async () => {
  const full = packLimits('required', '{t}full', [{ count: 1, periodSeconds: 60 }]);
  await take([full], 'first', NOW_MS);
  expect(await take([three, full], 'second', NOW_MS)).toMatchObject({
    status: 'refused',
    charges: [{ state: 'room', before: [0], after: [0] }, {}],
  });
  expect(await peek([three], NOW_MS)).toMatchObject({ status: 'taken', charges: [{ before: [0], after: [1] }] });
  expect(await redis.exists(KEY)).toBe(0);
});

test('leases that a clock set back has left ahead last no longer than any other, and a peek leaves them alone', async () => {
  for (const call of ['1', '2', '3']) await take([three], call, NOW_MS);
  const backMs = NOW_MS - 3_600_000;
  const scores = async () => Promise.all((await redis.zrange(KEY, '0', '-1')).map((mark) => redis.zscore(KEY, mark)));
  expect((await peek([three], backMs)).status).toBe('refused');
  expect(await scores()).toEqual(Array(3).fill(String(NOW_MS + 60_000)));
  expect((await take([three], '4', backMs)).status).toBe('refused');
  expect(await scores()).toEqual(Array(3).fill(String(backMs + 60_000)));
  expect((await take([three], '4', backMs + 59_999)).status).toBe('refused');
  expect((await take([three], '4', backMs + 60_000)).status).toBe('taken');
  // Lapsed ones are cleared away with the next that is taken.
  expect(await redis.zcard(KEY)).toBe(1);
});

test('leases live as long as the longest of them, and ending the last leaves no key behind', async () => {
  const keys = [KEY];
  await take([three], 'short');
  expect(await redis.pttl(KEY)).toBeGreaterThan(60_000);
  expect(await redis.pttl(KEY)).toBeLessThanOrEqual(61_000);
  expect(await keepLeases(redis, { callKey: '{t}clong', keys, seconds: 3600 })).toBe(0);
  expect(await redis.pttl(KEY)).toBeGreaterThan(3_600_000);
  expect(await keepLeases(redis, { callKey: '{t}cshort', keys, seconds: 60 })).toBe(1);
  expect(await redis.pttl(KEY)).toBeGreaterThan(3_590_000);
  // Less than the lease is left to the key, by a little.
  await redis.pexpire(KEY, 59_900);
  expect(await keepLeases(redis, { callKey: '{t}cshort', keys, seconds: 60 })).toBe(1);
  expect(await redis.pttl(KEY)).toBeGreaterThan(60_000);
  expect(await calls()).toBe(2);
  expect(await keepLeases(redis, { callKey: '{t}clong', keys, seconds: 0 })).toBe(1);
  expect(await keepLeases(redis, { callKey: '{t}clong', keys, seconds: 0 })).toBe(0);
  expect(await calls()).toBe(1);
  expect(await keepLeases(redis, { callKey: '{t}cshort', keys: [KEY, '{t}none'], seconds: 0 })).toBe(1);
  expect(await redis.dbsize()).toBe(0);
});

test('a lease is given back with its call, once, whatever the record of the call says, for it stands in none', async () => {
  for (const needsRecord of [true, false]) {
    const reply = await take([three], 'one', NOW_MS);
    expect(await redis.exists('{t}cone')).toBe(0);
    const charges = reply.charges.map((taken) => ({ packed: three, taken }));
    expect(await giveBackTaken(redis, { callKey: '{t}cone', charges, needsRecord })).toBe(1);
    expect(await giveBackTaken(redis, { callKey: '{t}cone', charges, needsRecord })).toBe(0);
    expect(await calls(NOW_MS)).toBe(0);
  }
});

test('a call whose lease was ended asks for it anew when it comes back, and does not pay anything else twice', async () => {
  const bucket = packLimits('required', '{t}b', [{ count: 5, periodSeconds: 60 }]);
  const one = packLeases('required', KEY, 1, LEASE_SECONDS);
  await take([bucket, one], 'back', NOW_MS);
  await keep('back', 0, NOW_MS);
  expect((await take([one], 'other', NOW_MS)).status).toBe('taken');
  const refused = await take([bucket, one], 'back', NOW_MS);
  expect(refused).toMatchObject({ status: 'refused', charges: [{ state: 'counted' }, { state: 'lacking' }] });
  await keep('other', 0, NOW_MS);
  const again = await take([bucket, one], 'back', NOW_MS);
  expect(again).toMatchObject({ status: 'taken', charges: [{ state: 'counted' }, { state: 'room', after: [1] }] });
  expect(await calls(NOW_MS)).toBe(1);
});

test('a giving back that needs no record takes the call out of it all the same', async () => {
  const bucket = packLimits('required', '{t}b', [{ count: 5, periodSeconds: 60 }]);
  const reply = await take([bucket], 'one', NOW_MS);
  const charges = reply.charges.map((taken) => ({ packed: bucket, taken }));
  expect(await giveBackTaken(redis, { callKey: '{t}cone', charges, needsRecord: false })).toBe(1);
  expect(await redis.exists('{t}cone')).toBe(0);
  expect((await take([bucket], 'one', NOW_MS)).charges[0]).toMatchObject({ state: 'room', before: [0] });
});

test('a hold refuses from its beginning to its end and not a millisecond longer, the same call too', async () => {
  const hold = packHold('required', HOLD, 60);
  expect((await take([hold], 'one')).status).toBe('taken');
  expect(await redis.dbsize()).toBe(0);
  await beginHold(redis, HOLD, 60);
  expect(await redis.pttl(HOLD)).toBeGreaterThan(60_000);
  const bytes = await redis.getBuffer(HOLD);
  const beganMs = bytes?.readUIntLE(0, 6) ?? 0;
  const [seconds] = await redis.time();
  expect(Math.abs(beganMs - Number(seconds) * 1000)).toBeLessThan(2000);
  for (const [atMs, status] of [
    [beganMs, 'refused'],
    [beganMs + 59_999, 'refused'],
    [beganMs + 60_000, 'taken'],
  ] as const) {
    expect((await take([hold], 'one', atMs)).status).toBe(status);
    expect((await peek([hold], atMs)).status).toBe(status);
  }
  const refused = await peek([hold], beganMs + 1);
  expect(refused.charges[0]).toMatchObject({ before: [1], after: [1], rolling: { roomAtMs: [beganMs + 60_000] } });
  expect(await redis.getBuffer(HOLD)).toEqual(bytes);
});

test('a hold that only warns, or is tried, lets calls go and is not made longer by them', async () => {
  for (const demand of ['lenient', 'shadow'] as const) {
    await beginHold(redis, HOLD, 60);
    const before = await redis.getBuffer(HOLD);
    const reply = await take([packHold(demand, HOLD, 60)], demand);
    expect(reply).toMatchObject({ status: 'taken', charges: [{ state: 'lacking', before: [1], after: [1] }] });
    expect(await redis.getBuffer(HOLD)).toEqual(before);
  }
});

test('a hold that a clock set back has left ahead lasts as long as it was meant to, from then on', async () => {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntLE(NOW_MS, 0, 6);
  await redis.set(HOLD, bytes, 'EX', 61);
  const hold = packHold('required', HOLD, 60);
  const backMs = NOW_MS - 3_600_000;
  expect((await take([hold], '1', backMs)).status).toBe('refused');
  expect((await take([hold], '2', backMs + 59_999)).status).toBe('refused');
  expect((await take([hold], '3', backMs + 60_000)).status).toBe('taken');
});
