/** Calls under way put together: what is counted of them, what Asterisk tells of them, and the way to end them. */
import type { Redis } from 'ioredis';
import type { AmiConnection } from '../asterisk/ami-connection.ts';
import { messageOf } from '../errors.ts';
import type { Decision } from '../gate/gate.ts';
import type { Journal } from '../gate/journal.ts';
import type { ReachedCeiling } from '../gate/refusing-rules.ts';
import { type CallEnder, createCallEnder } from './call-ender.ts';
import { noteCallsOver, type Prices } from './call-over.ts';
import { channelControl, watchChannels } from './channel-watch.ts';
import { type CostHistory, createCostHistory } from './cost-history.ts';
import { createLiveCallRecords } from './live-call-records.ts';
import { createLiveCalls, type LiveCalls } from './live-calls.ts';
import { createReachedPlaces } from './reached-places.ts';
import { createSpendMeter } from './spend-meter.ts';
import { createTrunkFailures, type TrunkFailures } from './trunk-failures.ts';

type LiveCallsDeps = Omit<
  Parameters<typeof createLiveCalls>[0],
  'records' | 'control' | 'meter' | 'onAnswered' | 'isWatched' | 'onOver'
>;
type EnderDeps = Omit<Parameters<typeof createCallEnder>[0], 'liveCalls' | 'control'>;

/** Finds the calls of before this start, and goes on without them where the store is away. */
export async function startLiveCalls(
  deps: LiveCallsDeps &
    EnderDeps & {
      readonly redis: Redis;
      readonly manager: readonly AmiConnection[];
      readonly journal: Pick<Journal, 'ended'>;
      /** By the rate sheet in force. */
      readonly prices: () => Prices;
      /** Calls ran into a hard ceiling; those under way are ended beside it. */
      readonly onReached?: (ceiling: ReachedCeiling) => void;
    },
): Promise<{
  readonly liveCalls: LiveCalls;
  readonly ender: CallEnder;
  readonly costs: CostHistory;
  readonly trunks: TrunkFailures;
  /** What a refused call has to do with those under way. */
  readonly decided: (decision: Decision) => void;
  readonly close: () => Promise<void>;
}> {
  const { redis, keys, node, manager, log } = deps;
  const control = channelControl(manager);
  const records = createLiveCallRecords({ redis, key: keys.liveCalls(node), log });
  const meter = createSpendMeter({
    ...deps,
    calls: () => liveCalls.calls(),
    canSee: () => control?.canSee() ?? false,
    seenKey: keys.liveCallsSeen(node),
    onReached: async (ceiling) => {
      const { rule, subject, because } = ceiling;
      deps.onReached?.(ceiling);
      await ender.end({ rule: rule.id, subject }, { by: `rule ${rule.id}`, reason: because });
    },
  });
  const { isWatched, answered: onAnswered } = createReachedPlaces(deps);
  const costs = createCostHistory(deps);
  const trunks = createTrunkFailures(deps);
  const noteOver = noteCallsOver({ ...deps, costs });
  const onOver: typeof noteOver = (call, over) => {
    noteOver(call, over);
    trunks.note(call, over);
  };
  const liveCalls = createLiveCalls({ ...deps, records, control, meter, isWatched, onAnswered, onOver });
  await liveCalls.restore().catch((error: unknown) => {
    log.warn({ problem: messageOf(error) }, 'the calls of before this start are not known');
  });
  const stopWatching = watchChannels(manager, { liveCalls, log, compareEveryMs: deps.leaseMs / 5 });
  const ender = createCallEnder({ ...deps, liveCalls, control });
  return {
    liveCalls,
    ender,
    costs,
    trunks,
    decided: meter.decided,
    close: async () => {
      await meter.close();
      await ender.close();
      stopWatching();
      await liveCalls.close();
      await costs.close();
    },
  };
}
