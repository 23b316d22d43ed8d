/**
 * Row `leaks`: what a refused call leaves behind, and how many calls pass when forty ask at once.
 *
 * Four buckets; the last one is the smallest. The right answer is that every bucket has lost what was admitted, nothing
 * more. Periods of days, so that nothing refills meanwhile.
 */
import { Redis } from 'ioredis';
import type { Figure } from './figure.ts';
import { createPeerLimits } from './peers/rate-limiter-flexible.ts';
import type { Store } from './processes.ts';
import { limitStoreOn, newPayer, rulesOf, WITHIN_MS } from './subjects.ts';

interface Outcome {
  readonly admitted: number;
  readonly refused: number;
  readonly taken: readonly number[];
}

const CASES = [
  { name: 'seven, one after another', caps: [10, 10, 10, 2], calls: 7, atOnce: false },
  { name: 'forty at once', caps: [30, 30, 30, 5], calls: 40, atOnce: true },
] as const;

async function askAll(calls: number, atOnce: boolean, ask: () => Promise<boolean>): Promise<number> {
  let admitted = 0;
  const one = async (): Promise<void> => {
    if (await ask()) admitted += 1;
  };
  if (atOnce) await Promise.all(Array.from({ length: calls }, one));
  else for (let call = 0; call < calls; call += 1) await one();
  return admitted;
}

async function ofTollgate(redis: Redis, each: (typeof CASES)[number]): Promise<Outcome> {
  const store = limitStoreOn(redis);
  const rules = rulesOf(each.caps.map((cap, at) => ({ id: `leak-${at}`, countPer: 'system', limits: [`${cap}/1d`] })));
  const charges = rules.flatMap((rule) =>
    rule.counts.map((count) => ({
      rule,
      subject: { kind: 'system', id: '' } as const,
      count,
      demand: 'required' as const,
    })),
  );
  const admitted = await askAll(each.calls, each.atOnce, async () => {
    const taken = await store.take(newPayer(), charges, WITHIN_MS);
    return taken.outcome === 'taken';
  });
  const { readings } = await store.peek(charges, undefined, 1000);
  const taken = readings.map(({ limits: [reading] }) => (reading === undefined ? Number.NaN : reading.used));
  return { admitted, refused: each.calls - admitted, taken };
}

async function ofPeer(redis: Redis, each: (typeof CASES)[number]): Promise<Outcome> {
  const peer = createPeerLimits(redis, each.caps, 86_400);
  const subjects = each.caps.map(() => 'all');
  const admitted = await askAll(each.calls, each.atOnce, () => peer.decide(subjects));
  return { admitted, refused: each.calls - admitted, taken: await peer.taken(subjects) };
}

const leakedPerRefused = ({ admitted, refused, taken }: Outcome): number =>
  taken.reduce((sum, each) => sum + Math.abs(each - admitted), 0) / Math.max(1, refused);

export async function measureLeaks(store: Store): Promise<Figure[]> {
  const redis = new Redis(store.port);
  const figures: Figure[] = [];
  try {
    for (const each of CASES) {
      await store.admin.flushall('SYNC');
      const own = await ofTollgate(redis, each);
      const peer = await ofPeer(redis, each);
      figures.push({
        row: 'leaks',
        figure: `tokens leaked per refused call, ${each.name}`,
        tollgate: `${leakedPerRefused(own)} (${own.taken.join(' ')})`,
        against: `rate-limiter-flexible ${leakedPerRefused(peer).toFixed(1)} (${peer.taken.join(' ')})`,
        ratio: undefined,
        value: leakedPerRefused(own),
        bound: { most: 0, failsAbove: 0 },
      });
      const right = Math.min(...each.caps);
      figures.push({
        row: 'leaks',
        figure: `calls admitted beyond the limit of ${right}, ${each.name}`,
        tollgate: `${Math.abs(own.admitted - right)} (${own.admitted} passed)`,
        against: `rate-limiter-flexible ${Math.abs(peer.admitted - right)} (${peer.admitted} passed)`,
        ratio: undefined,
        value: Math.abs(own.admitted - right),
        bound: { most: 0, failsAbove: 0 },
      });
    }
  } finally {
    redis.disconnect();
  }
  return figures;
}
