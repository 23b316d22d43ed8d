/** The breaker on the connection of decisions, with all that follows when it opens and closes. */
import type { Clock } from '../clock.ts';
import { TIMED_OUT, within } from '../deadline.ts';
import type { Log } from '../log.ts';
import type { RedisConnection } from '../redis/connection.ts';
import type { Journal } from './journal.ts';
import { createStoreBreaker, type StoreBreaker } from './store-breaker.ts';

const PROBE_WITHIN_MS = 150;

export function guardStore(
  connection: RedisConnection,
  deps: { readonly journal: Pick<Journal, 'storeLost' | 'storeBack'>; readonly clock: Clock; readonly log: Log },
): StoreBreaker {
  const { journal, clock, log } = deps;
  const breaker = createStoreBreaker({
    clock,
    probe: async () => {
      if ((await within(connection.probe(), PROBE_WITHIN_MS)) === TIMED_OUT) throw new Error('no answer');
    },
    onOpen: (why) => {
      log.error({ problem: why }, 'the store is away: whenStoreFails decides');
      journal.storeLost(why);
    },
    onClosed: (openForMs) => {
      log.info({ awayForMs: Math.round(openForMs) }, 'the store is back');
      journal.storeBack();
    },
  });
  connection.onState((state, why) => {
    if (state === 'down') breaker.failed(why, true);
  });
  if (connection.state() === 'down') breaker.failed('the store was away at the start', true);
  return breaker;
}
