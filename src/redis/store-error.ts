/**
 * Tells a store that is not there from a command that was wrong.
 *
 * ioredis reports the first in many voices (errors of the socket, of its queues, of the server while it loads or fails
 * over). Here they become one of two codes, so that each caller can take its written direction for a missing store.
 */
import { messageOf, TollgateError } from '../errors.ts';

/**
 * `STORE_TIMEOUT` for a command that got no answer in time, `STORE_UNAVAILABLE` for a store that cannot be reached or
 * does not serve, and anything else (a defect in a script, a wrong type) as it was.
 */
export function storeError(error: unknown): unknown {
  if (error instanceof TollgateError) return error;
  const message = messageOf(error);
  if (message === 'Command timed out') {
    return new TollgateError('STORE_TIMEOUT', 'the store did not answer in time', { cause: error });
  }
  if (isReply(error) ? notServing.test(message) : true) {
    return new TollgateError('STORE_UNAVAILABLE', `the store cannot be used: ${message}`, { cause: error });
  }
  return error;
}

// Error prefixes with which a server says that it does not serve (now): Redis and Valkey server.c, cluster.c, acl.c.
const notServing =
  /^(LOADING|BUSY|MASTERDOWN|READONLY|MISCONF|OOM|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|UNBLOCKED|NOAUTH|WRONGPASS|NOPERM|ERR max number of clients)/;

/** An error that the server answered with, as against one of the connection. */
function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}
