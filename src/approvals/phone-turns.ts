/** Which of its supervisors an approval has called now. Pure. */

/** One supervisor of one approval. */
export interface Turn {
  readonly endpoint: string;
  /** Calls to him so far, the one under way included. */
  readonly calls: number;
  readonly isUnderWay: boolean;
  /** When the last call to him was over, monotonic. */
  readonly endedAtMs: number;
  /** He has answered and ended the call without deciding, or has given his word: he knows, and is left alone. */
  readonly isDone: boolean;
}

const MOST_CALLS = 3;
/** Between two calls to one who did not answer. */
const PAUSE_MS = 5_000;

/**
 * All that may be called now; of `in-order` one at most, and none while another one is called.
 *
 * @param isFree whether no other approval calls him
 */
export function whomToCall(
  turns: readonly Turn[],
  at: { readonly ring: 'all' | 'in-order'; readonly nowMs: number; readonly isFree: (endpoint: string) => boolean },
): readonly string[] {
  const left = turns.filter(({ isDone, isUnderWay, calls }) => !isDone && !isUnderWay && calls < MOST_CALLS);
  const mayBeCalled = ({ endpoint, calls, endedAtMs }: Turn): boolean =>
    at.isFree(endpoint) && (calls === 0 || at.nowMs - endedAtMs >= PAUSE_MS);
  switch (at.ring) {
    case 'all':
      return left.filter(mayBeCalled).map(({ endpoint }) => endpoint);
    case 'in-order': {
      if (turns.some(({ isUnderWay }) => isUnderWay)) return [];
      // A round is over before the next one begins; who is on another call is passed over, not waited for.
      const round = Math.min(...left.map(({ calls }) => calls));
      const next = left.filter(({ calls }) => calls === round).find(mayBeCalled) ?? left.find(mayBeCalled);
      return next === undefined ? [] : [next.endpoint];
    }
    default:
      return at.ring satisfies never;
  }
}
