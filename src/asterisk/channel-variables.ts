/**
 * The names that Tollgate and a dialplan share: the channel variables that an answer sets, and the arguments that a
 * FastAGI request carries.
 *
 * These names are a contract with other people's dialplans: changing one breaks them. What the values mean is decided
 * elsewhere; this module knows the words and the order of the arguments, nothing more.
 */
import type { AgiRequest } from './agi-protocol.ts';

/** Variables of an answer. All but `call` live on the asking channel only. */
export const CHANNEL_VARIABLES = {
  /** `allow`, `block`, `hold` or `wait`. */
  verdict: 'TOLLGATE_VERDICT',
  decision: 'TOLLGATE_DECISION',
  rule: 'TOLLGATE_RULE',
  reason: 'TOLLGATE_REASON',
  /** Whole seconds; empty if never. */
  retryAfterSeconds: 'TOLLGATE_RETRY_AFTER',
  waitMs: 'TOLLGATE_WAIT_MS',
  /** `silence`, `ringing` or `music`, on `wait`. */
  whileWaiting: 'TOLLGATE_WHILE_WAITING',
  hangupCause: 'TOLLGATE_HANGUP_CAUSE',
  prompt: 'TOLLGATE_PROMPT',
  maxSeconds: 'TOLLGATE_MAX_SECONDS',
  /** `1` if the daemon wants to be told when the call is over. */
  report: 'TOLLGATE_REPORT',
  approval: 'TOLLGATE_APPROVAL',
  /** Whole seconds that a held channel waits for the daemon before it gives up; on `hold`. */
  holdSeconds: 'TOLLGATE_HOLD_SECONDS',
  /** Two underscores: inherited by every channel that this one makes, so that a second trunk is known as the same call. */
  call: '__TOLLGATE_CALL',
} as const;

/** One of the variable names that Tollgate sets, as written in the command (with its underscores). */
export type ChannelVariable = (typeof CHANNEL_VARIABLES)[keyof typeof CHANNEL_VARIABLES];

/**
 * The arguments of a request in their order (`agi_arg_1` …), which are also the names of its query parameters.
 * `source` is the phone's address, `call` the value of `${TOLLGATE_CALL}`, `linkedId` that of `${CHANNEL(linkedid)}`,
 * `zone` the time zone of the called party, where the dialplan knows one; `approval` the value of `${TOLLGATE_APPROVAL}` of a
 * call that was held; `kind` what a dialler's dialplan made out, such as `predictive`.
 */
export const AGI_ARGUMENTS = [
  'destination',
  'trunk',
  'extension',
  'source',
  'campaign',
  'call',
  'linkedId',
  'zone',
  'approval',
  'kind',
] as const;

/** The name of a request argument. */
export type AgiArgument = (typeof AGI_ARGUMENTS)[number];

/** Reads one argument of a request: by position if given and not empty, else from the query, else empty (unknown). */
export function agiArgument(request: AgiRequest, name: AgiArgument): string {
  return request.args[AGI_ARGUMENTS.indexOf(name)] || (request.query.get(name) ?? '');
}
