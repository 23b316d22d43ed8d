/**
 * The errors of Tollgate: one class, one stable code per kind of failure.
 *
 * A refused call is never an error; it is a verdict. What is thrown from here means that something Tollgate depends on
 * (its store, its configuration, a peer) did not do its part. Codes are part of the public interface: scripts and
 * dashboards match on them, so a code is never renamed and its meaning never widened. Messages are for people and may change.
 */

/**
 * Stable codes, one sentence each:
 * - `STORE_UNAVAILABLE`: Redis cannot be reached, is loading, or refuses to serve.
 * - `STORE_TIMEOUT`: Redis took the command and did not answer in time; whether it was carried out is unknown.
 * - `STATE_IN_USE`: another living process works in the same state folder.
 * - `CONFIG_INVALID`: `tollgate.yaml`, the environment or a secret file cannot be used as it stands.
 * - `POLICY_INVALID`: the policy document cannot be used as it stands.
 * - `NOT_FOUND`: the named thing does not exist.
 * - `CONFLICT`: the thing changed, or was settled, in the meantime.
 * - `INVALID_REQUEST`: what was asked cannot be understood.
 * - `UNAUTHENTICATED`: nobody is logged in, or no longer; the API key is none that counts.
 * - `FORBIDDEN`: whoever asks may not do that, or not from there.
 * - `TOO_MANY`: the same was tried too often; it may be tried again later.
 * - `AMI_UNAVAILABLE`: the manager interface of an Asterisk is not connected, or did not answer in time; whether an action
 *   that got no answer was carried out is unknown.
 * - `AMI_REFUSED`: Asterisk answered an action with an error.
 * - `ARI_UNAVAILABLE`: the REST interface of an Asterisk is not connected, or did not answer in time; whether a request that
 *   got no answer was carried out is unknown.
 * - `ARI_REFUSED`: Asterisk answered a request with an error.
 * - `FIREWALL_FAILED`: the packet filter cannot be read or changed; it stands as it stood before.
 */
export type TollgateErrorCode =
  | 'STORE_UNAVAILABLE'
  | 'STORE_TIMEOUT'
  | 'STATE_IN_USE'
  | 'CONFIG_INVALID'
  | 'POLICY_INVALID'
  | 'NOT_FOUND'
  | 'CONFLICT'
  | 'INVALID_REQUEST'
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'TOO_MANY'
  | 'AMI_UNAVAILABLE'
  | 'AMI_REFUSED'
  | 'ARI_UNAVAILABLE'
  | 'ARI_REFUSED'
  | 'FIREWALL_FAILED';

/** A failure with a stable `code`, a sentence in `message`, and the underlying error in `cause` where there is one. */
export class TollgateError extends Error {
  readonly code: TollgateErrorCode;

  constructor(code: TollgateErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'TollgateError';
    this.code = code;
  }
}

/** The sentence of anything that was thrown, for messages and log lines. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
