/**
 * Ends calls under way, wherever they are: one, those of an extension, a trunk or a destination, those that a rule counts
 * on a subject, or all.
 *
 * A call is hung up on the Asterisk that has it, by the daemon that counts it. The others are told through the store, and
 * say of each call what became of it; a daemon that does not answer in time is stood in for where this one is connected to
 * the same Asterisk. Who ordered it, and what it came to, stands in the audit log.
 *
 * The store is away: calls of this daemon are ended all the same, those of others cannot be. An order is not kept: what
 * was not ended within seconds is said to be so, and has to be ordered again.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import { TIMED_OUT, within } from '../deadline.ts';
import { messageOf, TollgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Policy } from '../policy/policy.ts';
import type { Keys } from '../redis/keys.ts';
import type { LiveCall } from './live-call.ts';
import { readLiveCall } from './live-call-records.ts';
import { type LiveCallView, viewLiveCall } from './live-call-view.ts';
import type { ChannelControl, LiveCalls } from './live-calls.ts';
import { describeWhich, isMeant, type WhichCalls } from './which-calls.ts';

/** Who ordered it, for the audit log. */
export interface EndOrder {
  /** `cli anna`, `rule spend-a-day`. */
  readonly by: string;
  readonly from?: string | undefined;
  readonly reason?: string | undefined;
}

/**
 * - `ended`: Asterisk hung it up.
 * - `over`: it had ended before.
 * - `failed`: it goes on as far as anybody knows; `detail` says why.
 */
export type EndOutcome = 'ended' | 'over' | 'failed';

export interface EndedCall {
  readonly decision: string;
  readonly extension: string | null;
  readonly destination: string;
  readonly trunk: string | null;
  readonly asterisk: string | null;
  readonly node: string;
  readonly outcome: EndOutcome;
  readonly detail: string;
}

export interface CallEnder {
  /** One answer for each call that was meant; none where no such call is under way. Rejects only where nothing could be done. */
  readonly end: (which: WhichCalls, order: EndOrder) => Promise<readonly EndedCall[]>;
  /** Of all daemons, the longest first. Those of this one alone while the store is away. */
  readonly list: () => Promise<readonly LiveCallView[]>;
  readonly close: () => Promise<void>;
}

/** What other daemons say through the store; see approvals/approval-notes.ts. */
interface Notes {
  readonly onNote: (listener: (note: { readonly what: string; readonly id: string }) => void) => () => void;
}

const THERE_EVERY_MS = 5000;
/** A daemon that has not said for so long that it is there is gone; its calls may go on. */
const GONE_AFTER_MS = 20_000;
const FORGOTTEN_AFTER_MS = 7 * 86_400_000;
const ORDER_KEPT_SECONDS = 10;
const ANSWERS_WITHIN_MS = 4000;
const LOOK_EVERY_MS = 50;
/** From the order to the channel's end Asterisk takes some milliseconds, and longer where it is busy. */
const ENDS_WITHIN_MS = 2000;
/** Of more calls than these the audit log has the number. */
const MOST_NOTED = 50;
const MOST_NOTES = 10_000;

export function createCallEnder(deps: {
  readonly liveCalls: Pick<LiveCalls, 'calls' | 'channelsOf'>;
  /** Undefined where no manager interface is configured. */
  readonly control: ChannelControl | undefined;
  readonly redis: Redis;
  readonly keys: Keys;
  readonly notes: Notes;
  readonly policy: () => Policy;
  readonly audit: (
    entry: EndOrder & { readonly action: string; readonly subject: string; readonly after: unknown },
  ) => Promise<void>;
  readonly node: string;
  readonly clock: Clock;
  readonly log: Log;
}): CallEnder {
  const { liveCalls, control, redis, keys, node, clock, log } = deps;

  const answerOf = (call: LiveCall, of: string, outcome: EndOutcome, detail: string): EndedCall => ({
    decision: call.decision,
    extension: call.request.extension ?? null,
    destination: call.request.dialled,
    trunk: call.request.trunk ?? null,
    asterisk: call.asterisk ?? null,
    node: of,
    outcome,
    detail,
  });

  const untilOver = async (decision: string): Promise<boolean> => {
    const giveUpMs = clock.monotonicMs() + ENDS_WITHIN_MS;
    while (liveCalls.channelsOf(decision) !== undefined) {
      if (clock.monotonicMs() >= giveUpMs) return false;
      await sleep(LOOK_EVERY_MS);
    }
    return true;
  };

  /** @param channels of the call, by their unique ids */
  const hangUp = async (call: LiveCall, channels: readonly string[]): Promise<readonly [EndOutcome, string]> => {
    if (control === undefined)
      return ['failed', 'Tollgate has no manager interface to end it by: set asterisk[].ami in tollgate.yaml'];
    const tried = await Promise.allSettled(channels.map((each) => control.hangUp(each, call.channel.linkedId)));
    if (tried.some(({ status }) => status === 'fulfilled')) return ['ended', ''];
    const problems = tried.flatMap((each): unknown[] => (each.status === 'rejected' ? [each.reason] : []));
    const graver = problems.find((problem) => !(problem instanceof TollgateError && problem.code === 'NOT_FOUND'));
    return graver === undefined ? ['over', 'it was over already'] : ['failed', messageOf(graver)];
  };

  const endHere = async (call: LiveCall): Promise<EndedCall> => {
    const [outcome, detail] = await hangUp(call, liveCalls.channelsOf(call.decision) ?? []);
    if (outcome !== 'ended' || (await untilOver(call.decision))) return answerOf(call, node, outcome, detail);
    return answerOf(call, node, 'ended', 'Asterisk took the order, and has not said yet that the call is over');
  };

  const endOwn = (which: WhichCalls): Promise<readonly EndedCall[]> =>
    Promise.all(
      liveCalls
        .calls()
        .filter((call) => isMeant(call, which, deps.policy()))
        .map(endHere),
    );

  /** Calls of other daemons as these wrote them down. */
  const elsewhere = async (): Promise<
    readonly { readonly call: LiveCall; readonly of: string; readonly isThere: boolean }[]
  > => {
    const nodes = Object.entries(await redis.hgetall(keys.liveNodes)).filter(([name]) => name !== node);
    const found = await Promise.all(
      nodes.map(async ([of, at]) => {
        const sinceMs = clock.now() - Number(at);
        if (sinceMs > FORGOTTEN_AFTER_MS) await redis.hdel(keys.liveNodes, of);
        const texts = Object.values(await redis.hgetall(keys.liveCalls(of)));
        return texts.flatMap((text) => {
          const call = readLiveCall(text);
          return call === undefined ? [] : [{ call, of, isThere: sinceMs < GONE_AFTER_MS }];
        });
      }),
    );
    return found.flat();
  };

  const tellOthers = async (id: string, which: WhichCalls): Promise<void> => {
    await redis.set(keys.endOrder(id), JSON.stringify({ which, node }), 'EX', ORDER_KEPT_SECONDS);
    await redis.xadd(keys.approvalNotes, 'MAXLEN', '~', MOST_NOTES, '*', 'what', 'end-calls', 'id', id);
  };

  const answersOf = async (id: string): Promise<readonly EndedCall[]> =>
    // Written by `obey` below, on a daemon like this one.
    (await redis.lrange(keys.endAnswers(id), 0, -1)).map((text) => JSON.parse(text) as EndedCall);

  const endElsewhere = async (which: WhichCalls): Promise<readonly EndedCall[]> => {
    const meant = (await elsewhere()).filter(({ call }) => isMeant(call, which, deps.policy()));
    const id = randomBytes(9).toString('base64url');
    // Others are told in any case: a call may have begun a moment ago.
    await tellOthers(id, which);
    const waited = new Set(meant.flatMap(({ call, isThere }) => (isThere ? [call.decision] : [])));
    const giveUpMs = clock.monotonicMs() + ANSWERS_WITHIN_MS;
    let answers = await answersOf(id);
    while (
      clock.monotonicMs() < giveUpMs &&
      ![...waited].every((each) => answers.some(({ decision }) => decision === each))
    ) {
      await sleep(LOOK_EVERY_MS);
      answers = await answersOf(id);
    }
    const silent = meant.filter(({ call }) => !answers.some(({ decision }) => decision === call.decision));
    const stoodIn = silent.map(async ({ call, of }) => {
      const [outcome, detail] = await hangUp(call, [call.channel.uniqueId]);
      return outcome === 'ended'
        ? answerOf(call, of, outcome, detail)
        : answerOf(call, of, 'failed', `the daemon ${of} that counts it does not answer, and from here: ${detail}`);
    });
    return [...answers, ...(await Promise.all(stoodIn))];
  };

  const obey = async (id: string): Promise<void> => {
    const text = await redis.get(keys.endOrder(id));
    if (text === null) return;
    // Written by `tellOthers` above.
    const { which, node: from } = JSON.parse(text) as { readonly which: WhichCalls; readonly node: string };
    if (from === node) return;
    const ended = await endOwn(which);
    if (ended.length === 0) return;
    await redis
      .multi()
      .rpush(keys.endAnswers(id), ...ended.map((each) => JSON.stringify(each)))
      .expire(keys.endAnswers(id), ORDER_KEPT_SECONDS)
      .exec();
  };

  const sayThere = (): void => {
    redis.hset(keys.liveNodes, node, clock.now()).catch((error: unknown) => {
      log.debug({ problem: messageOf(error) }, 'the store could not be told that this daemon is there');
    });
  };
  sayThere();
  const timer = setInterval(sayThere, THERE_EVERY_MS);
  timer.unref();
  const stop = deps.notes.onNote(({ what, id }) => {
    if (what !== 'end-calls') return;
    obey(id).catch((error: unknown) => {
      log.warn({ problem: messageOf(error) }, 'calls that another daemon wanted ended could not be');
    });
  });

  return {
    end: async (which, order) => {
      const [own, others] = await Promise.allSettled([endOwn(which), endElsewhere(which)]);
      if (own.status === 'rejected') throw own.reason;
      if (others.status === 'rejected') {
        const problem = messageOf(others.reason);
        log.warn({ problem }, 'calls of other daemons could not be ended: the store is away');
        if (own.value.length === 0)
          throw new TollgateError(
            'STORE_UNAVAILABLE',
            'no such call is under way here, and other daemons cannot be asked',
            {
              cause: others.reason,
            },
          );
      }
      const ended = [...own.value, ...(others.status === 'fulfilled' ? others.value : [])];
      if (ended.length > 0) {
        await deps.audit({
          ...order,
          action: 'calls.end',
          subject: describeWhich(which),
          after: ended.length > MOST_NOTED ? { calls: ended.length } : ended,
        });
      }
      return ended;
    },
    list: async () => {
      const own = liveCalls.calls().map((call) => viewLiveCall(call, clock.now(), node));
      const others = await within(
        elsewhere().catch(() => []),
        ENDS_WITHIN_MS,
      );
      const more =
        others === TIMED_OUT ? [] : others.map(({ call, of, isThere }) => viewLiveCall(call, clock.now(), of, isThere));
      return [...own, ...more].sort((one, other) => other.seconds - one.seconds);
    },
    close: async () => {
      clearInterval(timer);
      stop();
      // Its calls go on, and others may end them.
      await redis.hset(keys.liveNodes, node, clock.now() - GONE_AFTER_MS).catch(() => undefined);
    },
  };
}
