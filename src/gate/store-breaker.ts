/**
 * Keeps calls from each waiting for a store that does not answer.
 *
 * Closed: calls ask the store. After a few time-outs in a row, or at once when the connection is lost, it opens: calls
 * are told so without asking, while the breaker itself tries the store again and again. The first good answer closes it.
 */
import type { Clock } from '../clock.ts';
import type { EpochMs } from '../policy/call.ts';

export interface StoreBreaker {
  readonly isOpen: () => boolean;
  /** When it last opened or closed. */
  readonly since: () => EpochMs;
  readonly succeeded: () => void;
  /** @param lost the connection is gone, so that there is no sense in trying a few more */
  readonly failed: (why: string, lost: boolean) => void;
  readonly close: () => void;
}

const TIMEOUTS_BEFORE_OPENING = 3;
const PROBE_EVERY_MS = 200;

export function createStoreBreaker(deps: {
  readonly clock: Clock;
  /** Resolves when the store answers. Must end within its own time limit. */
  readonly probe: () => Promise<unknown>;
  readonly onOpen: (why: string) => void;
  readonly onClosed: (openForMs: number) => void;
}): StoreBreaker {
  let timeouts = 0;
  let openedMs: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let since = deps.clock.now();

  const tryAgain = async (): Promise<void> => {
    try {
      await deps.probe();
      closeBreaker();
    } catch {
      if (!stopped) timer = setTimeout(() => void tryAgain(), PROBE_EVERY_MS);
    }
  };
  const closeBreaker = (): void => {
    timeouts = 0;
    if (openedMs === undefined || stopped) return;
    const openForMs = deps.clock.monotonicMs() - openedMs;
    openedMs = undefined;
    since = deps.clock.now();
    deps.onClosed(openForMs);
  };
  return {
    isOpen: () => openedMs !== undefined,
    since: () => since,
    succeeded: () => {
      timeouts = 0;
    },
    failed: (why, lost) => {
      timeouts += 1;
      if (openedMs !== undefined || stopped || (!lost && timeouts < TIMEOUTS_BEFORE_OPENING)) return;
      openedMs = deps.clock.monotonicMs();
      since = deps.clock.now();
      deps.onOpen(why);
      timer = setTimeout(() => void tryAgain(), PROBE_EVERY_MS);
    },
    close: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
