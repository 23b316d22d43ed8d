/**
 * Keeps a node's picture of the ban list equal to the store's: by the log of changes, or, where that has a gap, by reading
 * the whole list.
 *
 * The log's entries are numbered; a gap, another numbering or another stamp on the last entry we know shows that the
 * store's history is not ours. Then it has lost something, and what is missing there is written back first. Asking for
 * three fields four times a second is chosen over publish/subscribe for the reason given in policy-store.ts.
 *
 * A whole list is read in pieces between which calls are decided: 100,000 bans take under two seconds, and no piece
 * keeps a call waiting for more than a few milliseconds.
 */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { EpochMs } from '../policy/call.ts';
import type { Keys } from '../redis/keys.ts';
import { storeError } from '../redis/store-error.ts';
import { type BanChange, type BanChangeKind, readRecord } from './ban.ts';
import type { BanScripts } from './ban-scripts.ts';
import type { BanSnapshot } from './ban-snapshot.ts';

export interface BanFollower {
  /** Reads the list, if the store is there, and follows it from then on. Never rejects. */
  readonly start: () => Promise<void>;
  /** Resolves when everything that the store has acknowledged by now is in the snapshot. */
  readonly catchUp: () => Promise<void>;
  /** Whether the list was read at least once. */
  readonly isKnown: () => boolean;
  /** The id that a new list is given. */
  readonly newEpoch: string;
  readonly close: () => void;
}

const FOLLOW_EVERY_MS = 250;
const EXPIRE_EVERY_MS = 1000;
const SCAN_COUNT = 1000;
const LOG_COUNT = 1000;

interface Position {
  readonly epoch: string;
  readonly seq: number;
  readonly stamp: string;
}

export function createBanFollower(deps: {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly scripts: BanScripts;
  readonly snapshot: BanSnapshot;
  readonly log: Log;
  /** After the snapshot took changes; `changes` are those that made a difference. */
  readonly onChanges: (changes: readonly BanChange[]) => void;
}): BanFollower {
  const { redis, keys, scripts, snapshot, log } = deps;
  const newEpoch = randomUUID();
  let position: Position | undefined;
  let following = true;
  let known = false;
  let timer: NodeJS.Timeout | undefined;

  const apply = (changes: readonly BanChange[]): void => {
    const made = changes.filter((change) => snapshot.apply(change));
    if (made.length > 0) deps.onChanges(made);
  };

  const readPosition = async (): Promise<Position | undefined> => {
    const [epoch, seq, stamp] = await redis.hmget(keys.banState, 'epoch', 'seq', 'stamp');
    return epoch == null ? undefined : { epoch, seq: Number(seq ?? 0), stamp: stamp ?? '' };
  };

  const reload = async (): Promise<void> => {
    // Read before the list: changes made while it is read come again by the log, where they do no harm.
    const start = await readPosition();
    const seen = new Set<string>();
    const at = Date.now() as EpochMs;
    let cursor = '0';
    do {
      const [next, fields] = await redis.hscan(keys.bans, cursor, 'COUNT', SCAN_COUNT);
      cursor = next;
      const changes: BanChange[] = [];
      for (let index = 0; index + 1 < fields.length; index += 2) {
        const address = fields[index] ?? '';
        const ban = readRecord(address, fields[index + 1] ?? '');
        if (ban === undefined) continue;
        seen.add(address);
        changes.push({ what: 'add', at, by: '', ban });
      }
      apply(changes);
    } while (cursor !== '0');
    apply(
      [...snapshot.all()].filter(({ address }) => !seen.has(address)).map((ban) => ({ what: 'lift', at, by: '', ban })),
    );
    position = start;
  };

  const putBack = async (): Promise<void> => {
    const restored = await scripts.restore([...snapshot.all()], newEpoch);
    if (restored > 0) log.warn({ restored }, 'the store had lost bans; they were written back');
  };

  /** @returns false if the log does not go on where we are */
  const readLog = async (from: Position): Promise<boolean> => {
    let known = from;
    for (;;) {
      // From the last change that is known, to see that it is still the same one.
      const entries = await redis.xrange(keys.banLog, `${known.seq}-0`, '+', 'COUNT', LOG_COUNT);
      const [first, ...rest] = entries.map(([id, fields]) => readEntry(id, fields));
      if (first?.seq !== known.seq || first.stamp !== known.stamp) return false;
      apply(rest.flatMap(({ change }) => (change === undefined ? [] : [change])));
      const last = rest.at(-1);
      if (last === undefined) return true;
      known = { ...known, seq: last.seq, stamp: last.stamp };
      position = known;
    }
  };

  const follow = async (): Promise<void> => {
    const now = await readPosition();
    const before = position;
    if (before === undefined) {
      if (now !== undefined) await reload();
      return;
    }
    if (now?.epoch === before.epoch && now.seq === before.seq && now.stamp === before.stamp) return;
    if (now?.epoch === before.epoch && now.seq > before.seq && (await readLog(before))) return;
    // A log that merely was cut behind us has lost nothing.
    const isCut = now?.epoch === before.epoch && now.seq > before.seq && !(await hasEntry(before.seq));
    if (!isCut) await putBack();
    await reload();
  };
  const hasEntry = async (seq: number): Promise<boolean> =>
    (await redis.xrange(keys.banLog, `${seq}-0`, `${seq}-0`)).length > 0;

  // One at a time; whoever asks while one runs gets one that begins after it.
  let running: Promise<void> = Promise.resolve();
  let queued: Promise<void> | undefined;
  const catchUp = (): Promise<void> => {
    if (queued !== undefined) return queued;
    const next = running.then(async () => {
      queued = undefined;
      await follow();
      known = true;
    });
    queued = next;
    running = next.catch(() => undefined);
    return next;
  };

  // A store that is away is reported by the gate; here it only means trying again.
  const sayOnlyInDebug = (error: unknown): void =>
    log.debug({ problem: messageOf(error) }, 'the ban list cannot be followed now');
  let expiredAtMs = 0;
  const followForEver = async (): Promise<void> => {
    if (performance.now() - expiredAtMs >= EXPIRE_EVERY_MS) {
      expiredAtMs = performance.now();
      await scripts.expire().catch(sayOnlyInDebug);
    }
    await catchUp().catch(sayOnlyInDebug);
    if (following) timer = setTimeout(() => void followForEver(), FOLLOW_EVERY_MS);
  };

  return {
    start: async () => {
      await catchUp().catch((error: unknown) => {
        const problem = messageOf(storeError(error));
        log.warn({ problem }, 'the store cannot be asked for the bans; none is known until it can');
      });
      if (following) timer = setTimeout(() => void followForEver(), FOLLOW_EVERY_MS);
    },
    catchUp,
    isKnown: () => known,
    newEpoch,
    close: () => {
      following = false;
      clearTimeout(timer);
    },
  };
}

export interface LogEntry {
  readonly seq: number;
  readonly stamp: string;
  /** Undefined: not written by a daemon that we understand. */
  readonly change: BanChange | undefined;
}

const KINDS: ReadonlySet<string> = new Set(['add', 'change', 'lift', 'expire', 'restore'] satisfies BanChangeKind[]);

export function readEntry(id: string, fields: readonly string[]): LogEntry {
  const field = (name: string): string => {
    const at = fields.findIndex((each, index) => index % 2 === 0 && each === name);
    return at < 0 ? '' : (fields[at + 1] ?? '');
  };
  const ban = readRecord(field('address'), field('record'));
  const what = field('what');
  const change =
    ban === undefined || !KINDS.has(what)
      ? undefined
      : { what: what as BanChangeKind, at: Number(field('at')) as EpochMs, by: field('by'), ban };
  return { seq: Number(id.split('-')[0]), stamp: field('stamp'), change };
}
