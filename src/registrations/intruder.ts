/** Somebody with the right password in the wrong place. */
import type { EpochMs } from '../policy/call.ts';

export interface Intruder {
  readonly at: EpochMs;
  /** The Asterisk's name from the configuration. */
  readonly asterisk: string;
  readonly extension: string;
  readonly address: string;
  /** `refused`: Asterisk itself did not let it in. `kept`: its registration is still there. */
  readonly outcome: 'removed' | 'refused' | 'kept';
  /** Why it is kept; empty otherwise. */
  readonly problem: string;
}

/** What one Asterisk saw. */
export type Found = Pick<Intruder, 'extension' | 'address' | 'outcome' | 'problem'>;
