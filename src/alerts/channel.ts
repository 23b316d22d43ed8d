/**
 * PORT: one way to reach staff. A new one is a file in channels/ and a line in registry.ts.
 *
 * A channel sends one message, once, and says what came of it. It knows nothing of retries, limits and who is told what.
 * It escapes every text for its own medium: names and numbers in them were chosen by whoever calls.
 */
import type { z } from 'zod';
import type { Message } from './message.ts';
import type { TellByPhone } from './phone-calls.ts';
import type { PostJson } from './post.ts';

export interface AlertChannel {
  /**
   * Resolves when the other side has taken the message.
   * @throws {DeliveryFailed} of delivery-failed.ts; anything else counts as a failure that may pass
   */
  readonly send: (message: Message, signal: AbortSignal) => Promise<void>;
  readonly close: () => void;
}

export interface ChannelTools {
  /** The only way of channels to HTTP: guarded, bounded, follows nothing. */
  readonly post: PostJson;
  /** The only way of channels to a phone. */
  readonly tell: TellByPhone;
  readonly now: () => number;
}

/** What differs between kinds of channels. */
export interface ChannelKind {
  /** Keys of the configuration beside those that all kinds have. */
  readonly settings: z.ZodRawShape;
  /** Those of them that are secret: each may be given as `…File`. */
  readonly secrets: readonly string[];
  /** Those of them that name a file. */
  readonly files: readonly string[];
  /** Keeps incidents of its own, and hears of every end. */
  readonly tracksIncidents: boolean;
  /**
   * Rings at somebody: is told in one message of all that waits for it, only of what begins or of what nobody has taken,
   * and of nothing that somebody has or that is over.
   */
  readonly rings: boolean;
  /** Messages a minute, unless configured otherwise. */
  readonly perMinute: number;
  /** Takes what its own `settings` read. */
  readonly create: (settings: never, tools: ChannelTools) => AlertChannel;
}
