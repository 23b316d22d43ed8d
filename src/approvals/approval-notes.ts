/**
 * What became of approvals, grants and locks, and which calls are to be ended, as every node hears it: a stream that each
 * follows from where it is.
 *
 * A node that loses the store goes on where it was when the store is back, so nothing is missed unless more than the
 * stream keeps happened meanwhile; who needs to be sure looks again by himself from time to time.
 *
 * The read waits at the store on a connection of its own, well under the heartbeat of that connection, and sees a note
 * within a millisecond of its writing.
 */
import type { Redis } from 'ioredis';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Keys } from '../redis/keys.ts';

export const NOTES = ['opened', 'seconded', 'settled', 'granted', 'revoked', 'locked', 'cleared', 'end-calls'] as const;
export interface ApprovalNote {
  readonly what: (typeof NOTES)[number];
  /** Of the approval, the grant, the lock, or the order to end calls. */
  readonly id: string;
}

export interface ApprovalNotes {
  readonly onNote: (listener: (note: ApprovalNote) => void) => () => void;
  readonly close: () => void;
}

const WAIT_MS = 400;
const RETRY_MS = 200;
const MOST_AT_ONCE = 500;

/** @param redis of its own: it is kept busy with waiting */
export function followApprovalNotes(deps: {
  readonly redis: Redis;
  readonly keys: Pick<Keys, 'approvalNotes'>;
  readonly log: Log;
}): ApprovalNotes {
  const { redis, keys, log } = deps;
  const listeners = new Set<(note: ApprovalNote) => void>();
  let closed = false;
  let last: string | undefined;

  const tell = (note: ApprovalNote): void => {
    for (const listener of listeners) {
      try {
        listener(note);
      } catch (error) {
        log.error({ problem: messageOf(error) }, 'a listener for approvals failed');
      }
    }
  };
  const read = async (): Promise<void> => {
    last ??= (await redis.xrevrange(keys.approvalNotes, '+', '-', 'COUNT', 1))[0]?.[0] ?? '0-0';
    const reply = await redis.xread('COUNT', MOST_AT_ONCE, 'BLOCK', WAIT_MS, 'STREAMS', keys.approvalNotes, last);
    for (const [id, fields] of reply?.[0]?.[1] ?? []) {
      last = id;
      const [, word = '', , about = ''] = fields;
      const what = NOTES.find((each) => each === word);
      if (what !== undefined) tell({ what, id: about });
    }
  };
  const follow = async (): Promise<void> => {
    while (!closed) {
      try {
        await read();
      } catch {
        // A store that is away is reported by the gate; here it only means trying again.
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
      }
    }
  };
  void follow();

  return {
    onNote: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => {
      closed = true;
    },
  };
}
