/**
 * What became of calls after they were decided: how long one lasted and what it cost, and what was made of a held one.
 * Kept beside the journal, whose entries never change.
 *
 * One sorted set, ordered by the id of the decision, which is by time: to find those of a page costs the page, and the
 * oldest go first, so it has no more than the journal, in number and in age. What is written twice is there once. Nothing
 * waits for it: it is collected, bounded, and written twice a second; while the store is away it stays here.
 */
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Keys } from '../redis/keys.ts';
import { beginOfIds, timeOfDecision } from './decision-id.ts';

/** How a call that went out ended. */
export interface CallEnd {
  /** ISO 8601, UTC: when it was over, or went on to another trunk. */
  readonly at: string;
  /** Since it could leave. */
  readonly seconds: number;
  /** Since it was answered; null: nobody answered. */
  readonly talkSeconds: number | null;
  /** The trunk that it was on then, of a later decision maybe. */
  readonly trunk: string | null;
  /** What the dialplan or Asterisk said became of it, such as `busy`; null: nobody did. */
  readonly outcome: string | null;
  /** By the rate sheet, in units of its currency; both null where there was none. */
  readonly cost: number | null;
  readonly currency: string | null;
}

/** What was made of a held call. */
export interface HoldEnd {
  /** `approved`, `refused`, `expired`, `withdrawn` or `unanswerable`. */
  readonly state: string;
  /** `cli anna`; null where it was the clock or the caller. */
  readonly by: string | null;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly waitedMs: number;
}

/** As far as it is known: null before, and where nobody could see it. */
export interface Sequel {
  readonly end: CallEnd | null;
  readonly held: HoldEnd | null;
}

export interface CallSequels {
  /** Never waits and never fails. What is said last counts. */
  readonly note: (decision: string, part: Partial<Sequel>) => void;
  /** The same for a decision that is not kept in the journal: remembered by this node for a while. */
  readonly remember: (decision: string, part: Partial<Sequel>) => void;
  /** What is known of it here, without asking the store. */
  readonly recall: (decision: string) => Sequel;
  /** With what became of each. @throws where the store cannot be read */
  readonly join: <T extends { readonly id: string; readonly verdict: string }>(
    calls: readonly T[],
  ) => Promise<(T & Sequel)[]>;
  /** Writes what is left. */
  readonly close: () => Promise<void>;
}

const WRITE_EVERY_MS = 500;
const BATCH = 500;
const MOST_WAITING = 10_000;
const MOST_REMEMBERED = 1000;
const NOTHING: Sequel = { end: null, held: null };
const PARTS = { end: 'e', held: 'h' } as const;

export function createCallSequels(deps: {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: Pick<Clock, 'now'>;
  readonly maxEntries: number;
  readonly maxAgeSeconds: number;
  readonly log: { readonly warn: (data: object, message: string) => void };
}): CallSequels {
  const { redis, clock } = deps;
  const key = deps.keys.journalSequels;
  const waiting = new Map<string, Partial<Sequel>>();
  const remembered = new Map<string, Partial<Sequel>>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  let isClosed = false;
  let isFailing = false;

  const schedule = (): void => {
    if (isClosed) return;
    timer ??= setTimeout(() => {
      timer = undefined;
      writing = writeAll();
    }, WRITE_EVERY_MS);
    timer.unref();
  };

  const writeAll = async (): Promise<void> => {
    try {
      while (waiting.size > 0) await write([...waiting].slice(0, BATCH));
      isFailing = false;
    } catch (error) {
      if (!isFailing)
        deps.log.warn({ problem: messageOf(error) }, 'the end of calls could not be written; trying again');
      isFailing = true;
      schedule();
    }
  };

  const write = async (batch: readonly (readonly [string, Partial<Sequel>])[]): Promise<void> => {
    const oldest = beginOfIds(Math.max(0, clock.now() - deps.maxAgeSeconds * 1000));
    const pipeline = redis.pipeline();
    for (const [id, sequel] of batch)
      for (const part of ['end', 'held'] as const)
        if (sequel[part] != null) pipeline.zadd(key, 0, `${id}${PARTS[part]}${JSON.stringify(sequel[part])}`);
    pipeline.zremrangebyrank(key, 0, -deps.maxEntries - 1);
    pipeline.zremrangebylex(key, '-', `(${oldest}`);
    pipeline.expire(key, deps.maxAgeSeconds);
    const failed = (await pipeline.exec())?.find(([error]) => error !== null)?.[0];
    if (failed != null) throw failed;
    // What was noted of a call meanwhile is a new object, and still to be written.
    for (const [id, sequel] of batch) if (waiting.get(id) === sequel) waiting.delete(id);
  };

  const put = (into: Map<string, Partial<Sequel>>, most: number, id: string, part: Partial<Sequel>): void => {
    const known = into.get(id);
    if (known === undefined && into.size >= most) into.delete(into.keys().next().value ?? '');
    into.set(id, { ...known, ...part });
  };

  return {
    note: (id, part) => {
      if (timeOfDecision(id) === undefined) return;
      put(waiting, MOST_WAITING, id, part);
      schedule();
    },
    remember: (id, part) => put(remembered, MOST_REMEMBERED, id, part),
    recall: (id) => ({ ...NOTHING, ...waiting.get(id), ...remembered.get(id) }),
    join: async (calls) => {
      const asked = calls.filter(({ id, verdict }) => verdict !== 'block' && !remembered.has(id));
      const pipeline = redis.pipeline();
      for (const { id } of asked) pipeline.zrangebylex(key, `[${id}`, `(${id}~`, 'LIMIT', 0, 4);
      const stored = new Map<string, Sequel>();
      const replies = asked.length === 0 ? [] : ((await pipeline.exec()) ?? []);
      replies.forEach(([error, members], at) => {
        if (error !== null) throw error;
        const id = asked[at]?.id ?? '';
        if (Array.isArray(members)) stored.set(id, readSequel(id, members));
      });
      return calls.map((call) => ({
        ...call,
        ...NOTHING,
        ...stored.get(call.id),
        ...waiting.get(call.id),
        ...remembered.get(call.id),
      }));
    },
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      await writing;
      await writeAll();
    },
  };
}

/** Members as `write` makes them; what cannot be read is left out. */
function readSequel(id: string, members: readonly unknown[]): Sequel {
  let sequel = NOTHING;
  for (const member of members) {
    const text = String(member).slice(id.length);
    try {
      // As `write` made it. They stand in no order of time.
      const part = JSON.parse(text.slice(1)) as CallEnd & HoldEnd;
      if (text.startsWith(PARTS.end) && part.at > (sequel.end?.at ?? '')) sequel = { ...sequel, end: part };
      if (text.startsWith(PARTS.held) && part.at > (sequel.held?.at ?? '')) sequel = { ...sequel, held: part };
    } catch {
      // Damaged.
    }
  }
  return sequel;
}
