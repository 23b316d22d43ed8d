/**
 * What one call asked before: the trunks that it tried, and which of its decisions stands in the journal. Of the latest calls of this node;
 * a call asks again within moments, and of the daemon that it asked first.
 */
import type { Decision } from './gate.ts';

export interface EarlierDecisions {
  /** Trunks in their order, that of this decision last. @param isKept it stands in the journal */
  readonly trunksTried: (decision: Decision, isKept: boolean) => readonly string[];
  /** The last decision about this call that stands in the journal; undefined where none does. */
  readonly lastKept: (callId: string | undefined) => string | undefined;
}

const MOST_CALLS = 5000;
const MOST_TRUNKS = 10;

export function createEarlierDecisions(): EarlierDecisions {
  const known = new Map<string, { trunks: readonly string[]; kept: string | undefined }>();
  return {
    trunksTried: ({ id, callId, call: { trunk } }, isKept) => {
      let before = known.get(callId);
      if (before === undefined) {
        if (known.size >= MOST_CALLS) known.delete(known.keys().next().value ?? '');
        before = { trunks: [], kept: undefined };
        known.set(callId, before);
      }
      if (isKept) before.kept = id;
      if (trunk !== undefined && before.trunks.at(-1) !== trunk)
        before.trunks = [...before.trunks, trunk].slice(-MOST_TRUNKS);
      return before.trunks;
    },
    lastKept: (callId) => (callId === undefined ? undefined : known.get(callId)?.kept),
  };
}
