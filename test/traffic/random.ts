/** Chance from a seed: the same seed gives the same traffic on every machine. */

export interface Random {
  /** From 0 up to, not including, 1. */
  readonly next: () => number;
  /** A whole number from 0 up to, not including, `most`. */
  readonly below: (most: number) => number;
  readonly between: (least: number, most: number) => number;
  readonly chance: (share: number) => boolean;
  readonly pick: <T>(items: readonly [T, ...(readonly T[])]) => T;
  /** By weights, which need not add up to anything. */
  readonly weighted: <T>(items: readonly (readonly [item: T, weight: number])[]) => T;
  /** A duration whose logarithm is normal, as talking times are: half of them are below the median. */
  readonly logNormal: (median: number, spread: number) => number;
  /** How often something happens that happens so often on average. */
  readonly poisson: (mean: number) => number;
}

/** Mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (most: number): number => Math.floor(next() * most);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  return {
    next,
    below,
    between: (least, most) => least + next() * (most - least),
    chance: (share) => next() < share,
    pick: (items) => items[below(items.length)] ?? items[0],
    weighted: (items) => {
      let left = next() * items.reduce((sum, [, weight]) => sum + weight, 0);
      for (const [item, weight] of items) {
        left -= weight;
        if (left < 0) return item;
      }
      const last = items.at(-1);
      if (last === undefined) throw new RangeError('nothing to choose from');
      return last[0];
    },
    logNormal: (median, spread) => median * Math.exp(spread * normal()),
    poisson: (mean) => {
      // Knuth's way for small means, the normal approximation for large ones.
      if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()));
      let [count, product] = [0, next()];
      for (const limit = Math.exp(-mean); product > limit; product *= next()) count += 1;
      return count;
    },
  };
}
