/**
 * Notes which bans and allowed networks packets met, by what the kernel has counted: a banned address that keeps knocking
 * reaches no door of ours any more, and an allowed one that only opens the page makes no call.
 *
 * Compares two readings a minute apart, so the time of a hit is right to the minute. The first reading tells nothing: it
 * counts from whenever the table was made.
 */
import type { FirewallCounters, Traffic } from './firewall/firewall.ts';

export interface KernelHits {
  readonly close: () => void;
}

const EVERY_MS = 60_000;

export function followKernelHits(deps: {
  /** @throws {TollgateError} `FIREWALL_FAILED` */
  readonly counters: () => Promise<FirewallCounters>;
  readonly onBan: (address: string) => void;
  /** The network as the kernel has it. */
  readonly onAllowed: (network: string) => void;
  readonly everyMs?: number;
}): KernelHits {
  let last: FirewallCounters | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const compare = (
    before: ReadonlyMap<string, Traffic>,
    now: ReadonlyMap<string, Traffic>,
    note: (name: string) => void,
  ): void => {
    for (const [name, { packets }] of now) if (packets > (before.get(name)?.packets ?? 0)) note(name);
  };
  const look = async (): Promise<void> => {
    const startMs = performance.now();
    const now = await deps.counters().catch(() => undefined);
    if (now !== undefined && last !== undefined) {
      compare(last.bans, now.bans, deps.onBan);
      compare(last.allowed, now.allowed, deps.onAllowed);
    }
    last = now ?? last;
    // Reading 100,000 bans takes a second; it rests fifty times as long.
    schedule(Math.max(deps.everyMs ?? EVERY_MS, 50 * (performance.now() - startMs)));
  };
  const schedule = (afterMs: number): void => {
    if (closed) return;
    timer = setTimeout(() => void look(), afterMs);
    timer.unref();
  };
  schedule(0);
  return {
    close: () => {
      closed = true;
      clearTimeout(timer);
    },
  };
}
