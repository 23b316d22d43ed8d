/** What those who ask people about held calls are told of them. */
import type { AriConnection } from '../asterisk/ari-connection.ts';
import type { Approval, SettledState } from './approval.ts';

/** A call while its channel waits in the application. */
export interface HeldCall {
  readonly approval: Approval;
  /** Of the Asterisk that holds it. */
  readonly ari: AriConnection;
  /**
   * Answers the caller, and lets him talk with another channel of the application instead of hearing music.
   *
   * @throws {TollgateError} if he is held no longer; of the connection
   */
  readonly talkWith: (channel: string) => Promise<void>;
  /** Parts them; the caller hears music again if he still waits. Never rejects. */
  readonly endTalk: (channel: string) => Promise<void>;
}

export interface HoldListener {
  /** The channel has come, or was found after a restart. */
  readonly held: (call: HeldCall) => void;
  /** It waits no longer; `state` says why. */
  readonly released: (approvalId: string, state: SettledState) => void;
}
