/** What a channel says when the other side did not take a message: whether to come again, and when. */
import { messageOf } from '../errors.ts';

/** The other side did not take a message. */
export class DeliveryFailed extends Error {
  /** No other attempt with the same message can succeed. */
  readonly isFinal: boolean;
  /** The other side said when to come again. */
  readonly retryAfterMs: number | undefined;
  constructor(
    message: string,
    options: { readonly isFinal?: boolean; readonly retryAfterMs?: number | undefined; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'DeliveryFailed';
    this.isFinal = options.isFinal ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}

export const asDeliveryFailed = (thrown: unknown): DeliveryFailed =>
  thrown instanceof DeliveryFailed ? thrown : new DeliveryFailed(messageOf(thrown), { cause: thrown });
