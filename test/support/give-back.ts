/** Gives back what a call took, as the script answered it. */
import type { Redis } from 'ioredis';
import { type PackedCharge, returnLimits, type TakenCharge, takenNumber } from '../../src/redis/limit-scripts.ts';

export interface Given {
  readonly packed: PackedCharge;
  readonly taken: TakenCharge;
}

export const giveBackTaken = (
  redis: Redis,
  options: { readonly callKey: string; readonly charges: readonly Given[]; readonly needsRecord?: boolean },
): Promise<number> =>
  returnLimits(redis, {
    callKey: options.callKey,
    charges: options.charges
      .filter(({ packed }) => packed.kind !== 'hold')
      .map(({ packed, taken }) => ({ packed, taken: takenNumber(packed, taken) })),
    needsRecord: options.needsRecord ?? true,
  });
