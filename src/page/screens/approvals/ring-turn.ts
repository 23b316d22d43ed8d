/**
 * Of all tabs with the sound on, one rings: the one that holds a lock of the browser, until it is closed or switched off. A
 * touch in any of them quiets all. Without locks (plain HTTP from afar) each tab rings for itself.
 */

export interface RingTurn {
  /** Whether this tab is the one. Asks for its turn first, so only tabs that can be heard may ask. */
  readonly isMine: () => boolean;
  /** Somebody is there: the other tabs may stop for these calls, too. */
  readonly quiet: (ids: readonly string[]) => void;
  readonly close: () => void;
}

const NAME = 'tollgate ring';

/** @param onQuiet for calls that somebody has noticed in another tab */
export function takeTurns(onQuiet: (ids: readonly string[]) => void): RingTurn {
  const { locks } = navigator as { readonly locks?: LockManager };
  if (locks === undefined || typeof BroadcastChannel === 'undefined')
    return { isMine: () => true, quiet: () => undefined, close: () => undefined };
  const channel = new BroadcastChannel(NAME);
  channel.onmessage = ({ data }: MessageEvent<readonly string[]>) => onQuiet(data);
  const closed = new AbortController();
  let isAsked = false;
  let isMine = false;
  const hold = (): Promise<void> =>
    new Promise((resolve) => {
      isMine = true;
      closed.signal.addEventListener('abort', () => resolve());
    });
  return {
    isMine: () => {
      if (!isAsked) {
        isAsked = true;
        void locks.request(NAME, { signal: closed.signal }, hold).catch(() => undefined);
      }
      return isMine;
    },
    quiet: (ids) => channel.postMessage(ids),
    close: () => {
      closed.abort();
      channel.close();
    },
  };
}
