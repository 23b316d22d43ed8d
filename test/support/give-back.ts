/** Gives back what a call took, as the script answered it. */
import type { Redis } from 'ioredis';
import { type PackedCharge, returnLimits, type TakenCharge, takenNumber } from '../../src/redis/limit-scripts.ts';

export interface Given {
  readonly packed: PackedCharge;
  readonly taken: TakenCharge;
}

export const giveBackTaken = (
  redis: Redis,
  { callKey, charges }: { readonly callKey: string; readonly charges: readonly Given[] },
): Promise<number> =>
  returnLimits(redis, {
    callKey,
    charges: charges.map(({ packed, taken }) => ({ packed, taken: takenNumber(packed, taken) })),
    needsRecord: true,
  });
