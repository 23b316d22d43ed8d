/**
 * Connections to the store: how they fail, how they come back, and how one learns of it.
 *
 * Guarantees
 * - nothing is queued: while the store is away, a command is rejected in the same millisecond, and a command in flight
 *   when the connection breaks is rejected and never sent again, so that nothing is spent for a call that was answered
 *   meanwhile;
 * - a connection comes back by itself for ever, and nothing that happens to a connection is thrown outside a command;
 * - a store that accepts and does not answer (stopped, or behind a dead network) is noticed by a heartbeat and treated
 *   as away; and so is one that answers and may not write (a master that lost its replicas or was replaced, a shard that
 *   lost its cluster), because the heartbeat is a write that changes nothing.
 * One connection carries all decisions: more of them, or automatic pipelines, measured slower. The store's own ready
 * check is off, because it waits a second after a restart; the heartbeat decides instead.
 */
import { Socket } from 'node:net';
import { Cluster, type Redis } from 'ioredis';
import { messageOf, TollgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import { createClient, type RedisTarget } from './client.ts';
import { storeError } from './store-error.ts';

export type RedisState = 'up' | 'down';

export interface RedisConnectionOptions {
  readonly log: Log;
  /** Shown by CLIENT LIST and in the log. */
  readonly name?: string;
  /** Rejects any command after this time. Absent: none, because decisions have a deadline of their own. */
  readonly commandTimeoutMs?: number;
  /** Pause between two heartbeats, and the time each may take. Default 1 s. */
  readonly heartbeatMs?: number;
  /**
   * A key that is never there: a heartbeat deletes it. In a cluster it says which shard must answer; so give the hash tag
   * of the keys that the connection is for.
   */
  readonly probeKey?: string;
  /** Told of each heartbeat that was answered. */
  readonly onPing?: (tookMs: number) => void;
}

export interface RedisConnection<Client extends Redis | Cluster = Redis | Cluster> {
  readonly redis: Client;
  /** Asks the store whether it does what a decision needs of it. Rejects with its own error if it does not. */
  readonly probe: () => Promise<unknown>;
  /** `up` once a heartbeat was answered, until the connection breaks or a heartbeat is missed. */
  state(): RedisState;
  /** Calls back on each change, with the reason in words. Returns the way to unsubscribe. */
  onState(listener: (state: RedisState, why: string) => void): () => void;
  /** Resolves once up. @throws TollgateError `STORE_UNAVAILABLE` with the last reason, after `timeoutMs` or on `close`. */
  untilUp(timeoutMs: number): Promise<void>;
  /** Ends the connection; commands in flight are rejected. Never throws. */
  close(): void;
}

/** Addresses of the servers that a client is connected to now; none over a unix socket. */
export function peersOf(client: Redis | Cluster): readonly string[] {
  const all = client instanceof Cluster ? client.nodes() : [client];
  return [...new Set(all.flatMap(({ stream }) => (stream instanceof Socket ? (stream.remoteAddress ?? []) : [])))];
}

export function connectRedis(
  target: Exclude<RedisTarget, { readonly kind: 'cluster' }>,
  options: RedisConnectionOptions,
): RedisConnection<Redis>;
export function connectRedis(target: RedisTarget, options: RedisConnectionOptions): RedisConnection;
/** Begins to connect and returns at once; ask `untilUp` where it matters. Throws nothing for a store that is away. */
export function connectRedis(target: RedisTarget, options: RedisConnectionOptions): RedisConnection {
  const heartbeatMs = options.heartbeatMs ?? 1000;
  const log = options.log.child({ part: 'redis', connection: options.name ?? 'decisions' });
  const listeners = new Set<(state: RedisState, why: string) => void>();
  const closings = new Set<() => void>();
  let state: RedisState = 'down';
  let lastWhy = 'not connected yet';
  let closed = false;
  let probing = false;

  const redis = createClient(target, options);
  const { probeKey = 'tollgate:probe' } = options;
  const ask = (): Promise<unknown> => redis.del(probeKey);

  const become = (next: RedisState, why: string): void => {
    lastWhy = why;
    if (state === next) return;
    state = next;
    if (next === 'up') log.info('store reached');
    else if (!closed) log.warn({ why }, 'store lost');
    for (const listener of listeners) listener(next, why);
  };

  async function probe(): Promise<void> {
    if (probing || closed) return;
    probing = true;
    try {
      for (;;) {
        const startMs = performance.now();
        const answer = await within(heartbeatMs, ask());
        if (answer.kind === 'answered') {
          options.onPing?.(performance.now() - startMs);
          if (!closed && redis.status === 'ready') become('up', 'the store answers');
          return;
        }
        if (answer.kind === 'silent') {
          become('down', `no answer within ${heartbeatMs} ms`);
          // From here on commands are rejected at once instead of being sent into the silence.
          if (!closed) redis.disconnect(true);
          return;
        }
        become('down', answer.why);
        // A master that must not write may have been replaced: the sentinels know.
        if (target.kind === 'sentinels' && mayBeReplaced.test(answer.why) && !closed) {
          redis.disconnect(true);
          return;
        }
        // Loading ends without the connection being made anew: keep asking.
        if (closed || redis.status !== 'ready' || !answer.why.startsWith('LOADING')) return;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    } finally {
      probing = false;
    }
  }

  redis.on('error', (error: unknown) => {
    lastWhy = messageOf(error);
    log.debug({ err: error }, 'connection error');
  });
  redis.on('node error', (error: unknown) => {
    lastWhy = messageOf(error);
  });
  redis.on('ready', () => void probe());
  redis.on('close', () => become('down', state === 'up' ? 'the connection was closed' : lastWhy));

  let connectingBeats = 0;
  const heart = setInterval(() => {
    if (redis.status === 'ready') {
      connectingBeats = 0;
      void probe();
      return;
    }
    // Connected to something that does not finish the greeting: ioredis has no time limit of its own for that.
    connectingBeats = redis.status === 'connect' ? connectingBeats + 1 : 0;
    if (connectingBeats >= 2 && !closed) {
      connectingBeats = 0;
      lastWhy = 'the server accepts and does not answer';
      redis.disconnect(true);
    }
  }, heartbeatMs);
  heart.unref();

  return {
    redis,
    probe: ask,
    state: () => state,
    onState(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    untilUp(timeoutMs) {
      if (state === 'up') return Promise.resolve();
      return new Promise((resolve, reject) => {
        const settle = (): void => {
          clearTimeout(timer);
          listeners.delete(settle);
          closings.delete(settle);
          const what = closed
            ? 'the connection was closed'
            : `the store was not reached in ${timeoutMs} ms: ${lastWhy}`;
          if (state === 'up') resolve();
          else reject(new TollgateError('STORE_UNAVAILABLE', what));
        };
        const timer = setTimeout(settle, timeoutMs);
        listeners.add(settle);
        closings.add(settle);
      });
    },
    close() {
      if (closed) return;
      closed = true;
      clearInterval(heart);
      redis.disconnect();
      become('down', 'closed');
      for (const settle of closings) settle();
    },
  };
}

const mayBeReplaced = /^(NOREPLICAS|READONLY|MASTERDOWN)/;

async function within(
  timeoutMs: number,
  answer: Promise<unknown>,
): Promise<
  { readonly kind: 'answered' } | { readonly kind: 'silent' } | { readonly kind: 'failed'; readonly why: string }
> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<{ readonly kind: 'silent' }>((resolve) => {
    timer = setTimeout(() => resolve({ kind: 'silent' }), timeoutMs);
  });
  const told = answer.then(
    () => ({ kind: 'answered' }) as const,
    (error: unknown) => {
      const failure = storeError(error);
      const why = messageOf(failure instanceof TollgateError ? (failure.cause ?? failure) : failure);
      return { kind: 'failed', why } as const;
    },
  );
  try {
    return await Promise.race([told, silence]);
  } finally {
    clearTimeout(timer);
  }
}
