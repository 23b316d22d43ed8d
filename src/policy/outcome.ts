/**
 * What became of a call that went out, as the dialplan or the manager interface reports it, in the words of a policy.
 */

/**
 * - `answered`: somebody or something picked up.
 * - `conversation`: two people talked; only a dialplan or a dialler can know.
 * - `no-answer`: it rang, and nobody picked up.
 * - `busy`: the called line was busy.
 * - `failed`: the call reached no line (congestion, no such number, a trunk that is down).
 * - `cancelled`: the caller hung up before anybody answered.
 */
export const OUTCOMES = ['answered', 'conversation', 'no-answer', 'busy', 'failed', 'cancelled'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Those that a rule may give the call back for: nobody was reached. */
export const UNREACHED = ['no-answer', 'busy', 'failed', 'cancelled'] as const satisfies readonly Outcome[];

/** Those that may hold a subject for a time. A conversation was answered, too. */
export const REACHED = ['answered', 'conversation'] as const satisfies readonly Outcome[];

/** Dial's DIALSTATUS: https://docs.asterisk.org, application Dial. Undefined for what is no outcome of a call. */
export function outcomeOfDialStatus(status: string): Outcome | undefined {
  switch (status) {
    case 'ANSWER':
      return 'answered';
    case 'NOANSWER':
      return 'no-answer';
    case 'BUSY':
      return 'busy';
    case 'CONGESTION':
    case 'CHANUNAVAIL':
    case 'INVALIDARGS':
      return 'failed';
    case 'CANCEL':
      return 'cancelled';
    default:
      return undefined;
  }
}
