/** What is written down of a call that is over: in the journal beside its decision, and in the sums of its day. */
import type { Clock } from '../clock.ts';
import type { Journal } from '../gate/journal.ts';
import type { Destination } from '../policy/destination-classes.ts';
import { MICROS } from '../policy/money.ts';
import type { Policy } from '../policy/policy.ts';
import { costOf, type Price } from '../rates/price.ts';
import { type CostHistory, dayOf } from './cost-history.ts';
import type { CallOver, LiveCall } from './live-call.ts';

/** What calls cost now. */
export type Prices =
  | { readonly currency: string; readonly priceOf: (destination: Destination) => { readonly price: Price } }
  | undefined;

const UNKNOWN = 'unknown';

/** Never throws, never waits. */
export function noteCallsOver(deps: {
  readonly journal: Pick<Journal, 'ended'>;
  readonly costs: Pick<CostHistory, 'note'>;
  readonly policy: () => Policy;
  readonly prices: () => Prices;
  readonly clock: Pick<Clock, 'now'>;
}): (call: LiveCall, over: CallOver) => void {
  return (call, { talkMs, outcome }) => {
    const now = deps.clock.now();
    const { document, readDestination, groupsOf } = deps.policy();
    const { dialled, extension, trunk } = call.request;
    const destination = readDestination(dialled);
    const prices = deps.prices();
    const talkSeconds = talkMs === null ? null : Math.ceil(talkMs / 1000);
    const micros = prices === undefined || talkMs === null ? 0 : costOf(priceOf(call, prices, destination), talkMs);
    const { decision, callId, isKept = false } = call;
    deps.journal.ended(
      { decision, callId, isKept },
      {
        at: new Date(now).toISOString(),
        seconds: Math.max(talkSeconds ?? 0, Math.round((now - call.startedAt) / 1000)),
        talkSeconds,
        trunk: trunk ?? null,
        outcome: outcome ?? null,
        cost: prices === undefined ? null : micros / MICROS,
        currency: prices?.currency ?? null,
      },
    );
    // What nobody answered costs nothing, and would only make the list of those that do longer.
    if (talkSeconds === null) return;
    deps.costs.note({
      day: dayOf(now, document.timezone),
      names: {
        extension: [extension ?? UNKNOWN],
        group: groupsOf(extension),
        trunk: [trunk ?? UNKNOWN],
        country: [destination.country ?? UNKNOWN],
      },
      ...{ talkSeconds, micros, currency: prices?.currency },
    });
  };
}

/** What the call was charged by, where a budget counts it; the sheet may have changed since. */
function priceOf({ receipt }: LiveCall, prices: NonNullable<Prices>, destination: Destination): Price {
  const charged = receipt?.items.find(({ kind, price }) => kind === 'spend' && price !== undefined);
  // Made by the store of limits, which keeps the price with what it counts.
  return charged === undefined ? prices.priceOf(destination).price : (charged['price'] as Price);
}
