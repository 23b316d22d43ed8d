/**
 * How often an address tried something that failed, within a while. Bounded: when too many addresses are known, the one
 * that began first is forgotten. IPv6 counts by networks of 64 bits, which one machine has all to itself.
 */
import type { Clock } from '../clock.ts';
import { formatNetwork, networkAround, readAddress } from '../policy/addresses.ts';

const MOST_ADDRESSES = 1000;

export interface Attempts {
  /** Counts one. */
  readonly note: (address: string) => 'fine' | 'too many';
}

export function createAttempts(options: {
  readonly most: number;
  readonly withinMs: number;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}): Attempts {
  /** In the order in which they began. */
  const known = new Map<string, { count: number; readonly endsAtMs: number }>();
  return {
    note: (address) => {
      const nowMs = options.clock.monotonicMs();
      const name = nameOf(address);
      const entry = known.get(name);
      if (entry !== undefined && entry.endsAtMs > nowMs) {
        entry.count += 1;
        return entry.count > options.most ? 'too many' : 'fine';
      }
      known.delete(name);
      const [oldest] = known.keys();
      if (known.size >= MOST_ADDRESSES && oldest !== undefined) known.delete(oldest);
      known.set(name, { count: 1, endsAtMs: nowMs + options.withinMs });
      return 'fine';
    },
  };
}

function nameOf(text: string): string {
  const address = readAddress(text);
  return address?.family === 6 ? formatNetwork(networkAround(address, 64)) : text;
}
