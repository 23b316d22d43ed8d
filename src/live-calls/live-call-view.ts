/** A call under way as people and scripts read it: the field names of the API and the command line are made here. */
import { amountOfItem } from '../gate/limit-store.ts';
import type { EpochMs } from '../policy/call.ts';
import { MICROS } from '../policy/money.ts';
import type { Price } from '../rates/price.ts';
import type { LiveCall } from './live-call.ts';

export interface LiveCallView {
  readonly decision: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly seconds: number;
  /** Since it was answered; null before, and where no manager interface tells. */
  readonly talkSeconds: number | null;
  readonly maxSeconds: number | null;
  /** Money so far, in units of the currency; null where no rule with `spend` counts the call. */
  readonly cost: number | null;
  readonly extension: string | null;
  readonly destination: string;
  readonly trunk: string | null;
  readonly channel: string;
  /** The Asterisk that has it; null where no manager interface tells. */
  readonly asterisk: string | null;
  /** The daemon that let it go and counts it. */
  readonly node: string;
  /** False while that daemon is away: the call may be over. */
  readonly isCounted: boolean;
}

export const viewLiveCall = (call: LiveCall, now: EpochMs, node: string, isCounted = true): LiveCallView => ({
  decision: call.decision,
  startedAt: new Date(call.startedAt).toISOString(),
  seconds: wholeSeconds(call.startedAt, now),
  talkSeconds: call.answeredAt === undefined ? null : wholeSeconds(call.answeredAt, now),
  maxSeconds: call.maxSeconds ?? null,
  cost: costOfCall(call, now),
  extension: call.request.extension ?? null,
  destination: call.request.dialled,
  trunk: call.request.trunk ?? null,
  channel: call.channel.name,
  asterisk: call.asterisk ?? null,
  node,
  isCounted,
});

function costOfCall({ receipt, answeredAt }: LiveCall, now: EpochMs): number | null {
  const item = receipt?.items.find(({ kind, price }) => kind === 'spend' && price !== undefined);
  if (item === undefined) return null;
  // Made by the store of limits, which keeps the price with what it counts.
  const price = item['price'] as Price;
  return amountOfItem(price, answeredAt === undefined ? null : Math.max(0, now - answeredAt)) / MICROS;
}

const wholeSeconds = (since: EpochMs, now: EpochMs): number => Math.max(0, Math.floor((now - since) / 1000));
