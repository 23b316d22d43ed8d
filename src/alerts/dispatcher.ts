/**
 * Sends what waits in the outbox, one message at a time for each channel, and lets time pass for incidents.
 *
 * A message is taken out when its channel has said that the other side has it; a daemon that is killed in between sends
 * it again, with the same id. Several that waited for the end of quiet hours go as one.
 */
import { within } from '../deadline.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { EpochMs } from '../policy/call.ts';
import type { AlertChannel } from './channel.ts';
import { asDeliveryFailed, type DeliveryFailed } from './delivery-failed.ts';
import { digestOf, type Link, type Message } from './message.ts';
import { type Claim, type Delivery, FAILURES_BEFORE_REST, type Outbox } from './outbox.ts';

/** A channel of the configuration, open. */
export interface OpenChannel {
  readonly name: string;
  readonly kind: string;
  /** In whose name links in its messages decide; undefined: such links are left out. */
  readonly person: string | undefined;
  readonly perMinute: number;
  readonly tracksIncidents: boolean;
  readonly rings: boolean;
  readonly channel: AlertChannel;
}

/** Since the start. Sending is tried again after `notTaken`, and not after `givenUp`. */
export interface Attempts {
  readonly channel: string;
  readonly taken: number;
  readonly notTaken: number;
  readonly givenUp: number;
}

/** A channel that has failed so often in a row that it rests. */
export interface FailingChannel {
  readonly channel: string;
  /** When the first of these attempts failed. */
  readonly since: EpochMs;
  readonly problem: string;
}

export interface Dispatcher {
  /** Something may be due. */
  readonly wake: () => void;
  readonly start: () => void;
  /** Sends one message now, past the outbox. @returns undefined where it was taken */
  readonly sendNow: (to: OpenChannel, delivery: Delivery) => Promise<DeliveryFailed | undefined>;
  /** One for each channel. */
  readonly attempts: () => readonly Attempts[];
  /** As this daemon has seen them. */
  readonly failing: () => readonly FailingChannel[];
  readonly close: () => Promise<void>;
}

const SEND_WITHIN_MS = 10_000;
/** Ringing, and everything said twice. */
const CALL_WITHIN_MS = 120_000;
/** From the end of an attempt to the end of its lease. */
const LEASE_GRACE_MS = 20_000;
/** A call takes minutes, and who is to be called must not wait as long for the next daemon when this one is killed. */
const CALL_LEASE_MS = 20_000;
const KEEP_LEASE_EVERY_MS = 5000;
/** Messages that may go one right behind the other. */
const BURST = 5;
/** What is under way when the daemon ends may end by itself, or it would be sent once more. */
const CLOSE_WITHIN_MS = 2000;
const LOOK_EVERY_MS = 1000;
/** A channel is tried every ten minutes at least; if not by this daemon, then by one that may have more luck. */
const FAILING_FOR_MS = 1_800_000;
const MOST_AT_ONCE = 20;

export function createDispatcher(deps: {
  readonly channels: readonly OpenChannel[];
  readonly outbox: Outbox;
  /** Steps, sums and ends of incidents that are due. */
  readonly look: () => Promise<void>;
  /** Whether nobody has an incident and it is not over. */
  readonly isOpen: (incident: string) => Promise<boolean>;
  /** Links that one recipient gets, made anew for each attempt. */
  readonly linksFor: (delivery: Delivery, to: OpenChannel) => Promise<readonly Link[]>;
  readonly now: () => EpochMs;
  readonly log: Log;
}): Dispatcher {
  const { channels, outbox, now, log } = deps;
  const working = new Map<string, Promise<void>>();
  const again = new Set<string>();
  const stop = new AbortController();
  let looking: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let problem = '';
  let closed = false;

  const totals = new Map(channels.map(({ name }) => [name, { taken: 0, notTaken: 0, givenUp: 0 }]));
  const note = (channel: string, what: 'taken' | 'notTaken' | 'givenUp'): void => {
    const counts = totals.get(channel);
    if (counts !== undefined) counts[what] += 1;
  };

  const send = async ({ name, channel, rings }: OpenChannel, message: Message): Promise<DeliveryFailed | undefined> => {
    // Not AbortSignal.any: Node 20 lets a signal of its own be collected that nothing else holds, and it never fires.
    const end = new AbortController();
    const abort = (): void => end.abort();
    const timer = setTimeout(abort, withinMs(rings));
    if (stop.signal.aborted) abort();
    stop.signal.addEventListener('abort', abort);
    try {
      await channel.send(message, end.signal);
      note(name, 'taken');
      return undefined;
    } catch (error) {
      note(name, 'notTaken');
      return asDeliveryFailed(error);
    } finally {
      clearTimeout(timer);
      stop.signal.removeEventListener('abort', abort);
    }
  };
  const withLinks = async (delivery: Delivery, to: OpenChannel): Promise<Message> => ({
    ...delivery.message,
    links: await deps.linksFor(delivery, to),
  });
  const isTooLate = ({ approval }: Delivery): boolean => approval !== null && approval.expiresAt <= now();
  /** Nobody is called about it any more. */
  const isSettled = async ({ incident, message }: Delivery): Promise<boolean> =>
    (message.event !== 'raised' && message.event !== 'escalated') || !(await deps.isOpen(incident));

  const rows = new Map<
    string,
    { readonly since: EpochMs; readonly lastAt: EpochMs; readonly times: number; readonly problem: string }
  >();
  const noteRow = (channel: string, failure: DeliveryFailed | undefined): void => {
    if (failure === undefined) rows.delete(channel);
    // A message that nobody can take says nothing of the channel.
    if (failure === undefined || failure.isFinal) return;
    const { since, times } = rows.get(channel) ?? { since: now(), times: 0 };
    rows.set(channel, { since, lastAt: now(), times: times + 1, problem: failure.message });
  };

  const settle = async (claim: Claim, delivery: Delivery, failure: DeliveryFailed | undefined): Promise<void> => {
    noteRow(claim.channel, failure);
    if (failure === undefined) return outbox.done(claim, delivery);
    const outcome = await outbox.failed(claim, delivery, failure);
    const data = { channel: claim.channel, message: delivery.id, attempts: claim.attempts, problem: failure.message };
    if (outcome === 'dead') note(claim.channel, 'givenUp');
    if (outcome === 'dead') log.error(data, 'an alert was given up; tollgate alerts dead lists it');
    else log.warn(data, 'an alert was not taken and is tried again');
  };

  const deliver = async (claim: Claim, to: OpenChannel): Promise<void> => {
    const [first] = claim.deliveries;
    if (first === undefined || isTooLate(first)) return outbox.drop(claim, first);
    await settle(claim, first, await send(to, await withLinks(first, to)));
  };

  /** All that waited for the same end of quiet hours, those of one incident as well. */
  const deliverTogether = async (claims: readonly Claim[], to: OpenChannel): Promise<void> => {
    const all = claims.flatMap((claim) =>
      claim.deliveries
        .filter(({ deferred, dueAt }) => deferred && dueAt <= now())
        .map((each) => [claim, each] as const),
    );
    const [pair] = all;
    if (pair === undefined) return;
    const inOrder = all.map(([, { message }]) => message).sort((one, other) => one.at - other.at);
    const failure = await send(to, digestOf(inOrder, pair[1].message));
    for (const [claim, delivery] of failure === undefined
      ? all
      : claims.map((each) => [each, each.deliveries[0]] as const)) {
      if (delivery !== undefined) await settle(claim, delivery, failure);
    }
  };

  /** One call for all of them. */
  const call = async (claims: readonly Claim[], to: OpenChannel): Promise<void> => {
    const told: (readonly [Claim, Delivery])[] = [];
    for (const claim of claims) {
      const [first] = claim.deliveries;
      if (first === undefined || isTooLate(first) || (await isSettled(first))) await outbox.drop(claim, first);
      else told.push([claim, first]);
    }
    const messages = told.map(([, { message }]) => message);
    const [first, ...others] = messages;
    if (first === undefined) return;
    const keeping = setInterval(() => {
      // Where the store is away longer than the lease, somebody is called twice.
      outbox
        .keep(
          told.map(([claim]) => claim),
          CALL_LEASE_MS,
        )
        .catch(() => undefined);
    }, KEEP_LEASE_EVERY_MS);
    const failure = await send(to, others.length === 0 ? first : digestOf(messages, first)).finally(() =>
      clearInterval(keeping),
    );
    for (const [claim, delivery] of told) await settle(claim, delivery, failure);
  };

  const work = async (to: OpenChannel): Promise<void> => {
    const { perMinute, rings } = to;
    const leaseMs = rings ? CALL_LEASE_MS : SEND_WITHIN_MS + LEASE_GRACE_MS;
    while (!closed) {
      const atOnce = rings ? MOST_AT_ONCE : BURST;
      const claims = await outbox.claim(to.name, { perMinute, most: MOST_AT_ONCE, atOnce, leaseMs });
      if (claims.length === 0) return;
      if (rings) {
        await call(claims, to);
        continue;
      }
      /** From then on another daemon could have the rest before this one has sent it. */
      const giveBackAt = now() + LEASE_GRACE_MS;
      const waited = to.tracksIncidents ? [] : claims.filter(({ deliveries: [each] }) => each?.deferred === true);
      const together = waited.length > 1 ? waited : [];
      if (together.length > 0) await deliverTogether(together, to);
      for (const claim of claims) {
        if (closed) return;
        if (now() > giveBackAt) break;
        if (!together.includes(claim)) await deliver(claim, to);
      }
    }
  };

  const quietly = async (what: () => Promise<void>): Promise<void> => {
    try {
      await what();
      problem = '';
    } catch (error) {
      const said = messageOf(error);
      // Every second the same says nothing new.
      if (said !== problem && !closed) log.warn({ problem: said }, 'alerts cannot be sent from the store now');
      problem = said;
    }
  };

  const workOn = (to: OpenChannel): void => {
    if (working.has(to.name)) {
      again.add(to.name);
      return;
    }
    const run = quietly(() => work(to)).finally(() => {
      working.delete(to.name);
      if (again.delete(to.name) && !closed) workOn(to);
    });
    working.set(to.name, run);
  };

  const tick = (): void => {
    looking ??= quietly(deps.look).finally(() => {
      looking = undefined;
    });
    for (const each of channels) workOn(each);
  };

  return {
    wake: () => {
      if (timer !== undefined) for (const each of channels) workOn(each);
    },
    start: () => {
      timer = setInterval(tick, LOOK_EVERY_MS);
      timer.unref();
      tick();
    },
    sendNow: async (to, delivery) => {
      const failure = await send(to, await withLinks(delivery, to));
      if (failure === undefined) noteRow(to.name, undefined);
      return failure;
    },
    failing: () =>
      [...rows].flatMap(([channel, { since, lastAt, times, problem: said }]) =>
        times < FAILURES_BEFORE_REST || now() - lastAt > FAILING_FOR_MS ? [] : [{ channel, since, problem: said }],
      ),
    attempts: () => [...totals].map(([channel, counts]) => ({ channel, ...counts })),
    close: async () => {
      clearInterval(timer);
      timer = undefined;
      closed = true;
      const ended = Promise.all([...working.values(), looking]);
      await within(ended, CLOSE_WITHIN_MS);
      stop.abort();
      await ended;
      for (const { channel } of channels) channel.close();
    },
  };
}

const withinMs = (rings: boolean): number => (rings ? CALL_WITHIN_MS : SEND_WITHIN_MS);
