/** Calls placed at a steady rate with several daemons in turn, and what became of each. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type AgiCall, placeAgiCall } from './agi-call.ts';

/** `failed`: refused or let through because the store gave no answer. */
export interface PlacedCall {
  readonly atMs: number;
  readonly tookMs: number;
  readonly outcome: 'allowed' | 'refused' | 'failed';
  readonly daemon: number;
}

export interface CallLoad {
  /** What is known by now. */
  readonly placed: readonly PlacedCall[];
  /** Resolves when the last call was answered. */
  readonly end: () => Promise<readonly PlacedCall[]>;
}

export function startCallLoad(ports: readonly number[], everyMs: number, call: AgiCall = {}): CallLoad {
  const placed: PlacedCall[] = [];
  const asked: Promise<void>[] = [];
  let goes = true;
  const place = async (daemon: number): Promise<void> => {
    const atMs = performance.now();
    const answer = await placeAgiCall(ports[daemon] ?? 0, { destination: '15551234567', extension: '1001', ...call });
    const failed = /cannot be read/.test(answer['TOLLGATE_REASON'] ?? '');
    const outcome = failed ? 'failed' : answer['TOLLGATE_VERDICT'] === 'allow' ? 'allowed' : 'refused';
    placed.push({ atMs, tookMs: performance.now() - atMs, outcome, daemon });
  };
  const run = (async () => {
    while (goes) {
      asked.push(place(asked.length % ports.length));
      await sleep(everyMs);
    }
  })();
  return {
    placed,
    end: async () => {
      goes = false;
      await run;
      await Promise.all(asked);
      return placed;
    },
  };
}

export const countOf = (placed: readonly PlacedCall[], outcome: PlacedCall['outcome']): number =>
  placed.filter((call) => call.outcome === outcome).length;
