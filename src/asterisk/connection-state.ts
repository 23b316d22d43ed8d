/**
 * Whether a standing connection to one Asterisk is up, since when, what the last attempt came to, and who is told of it.
 *
 * Guarantees that listeners hear of changes only, that each is told whatever another one does, and that a problem is logged
 * once however often it repeats, and not at all once the connection was closed on our side.
 * Refuses to know: how one connects, and when to try again.
 */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';

export interface ConnectionState {
  readonly up: boolean;
  /** When it went up or down. */
  readonly since: ReturnType<Clock['now']>;
  /** A sentence about the last attempt; `''` while up. */
  readonly problem: string;
}

/** Listeners for one kind of news. The same function may listen twice, and stops listening once for each. */
export interface Listeners<Value> {
  /** Returns what ends it. */
  readonly add: (listener: (value: Value) => unknown) => () => void;
  /** @param what for the log, should a listener fail */
  readonly tell: (what: string, value: Value) => void;
}

/** A listener that throws or rejects is logged, and harms neither another listener nor whoever tells. */
export function createListeners<Value>(deps: { readonly name: string; readonly log: Log }): Listeners<Value> {
  const entries = new Set<{ readonly listener: (value: Value) => unknown }>();
  return {
    add: (listener) => {
      const entry = { listener };
      entries.add(entry);
      return () => void entries.delete(entry);
    },
    tell: (what, value) => {
      const failed = (error: unknown): void =>
        deps.log.error({ err: error, asterisk: deps.name }, `a listener for ${what} failed`);
      for (const { listener } of [...entries]) {
        try {
          const result = listener(value);
          // A listener may be an async function in spite of its type; its rejection would end the process.
          if (result instanceof Promise) result.catch(failed);
        } catch (error) {
          failed(error);
        }
      }
    },
  };
}

export interface ConnectionStateKeeper {
  readonly state: () => ConnectionState;
  readonly change: (up: boolean, problem: string) => void;
  /** Calls the listener at each change, not for the state at hand. Returns what ends it. */
  readonly onState: (listener: (up: boolean) => void) => () => void;
}

/** Down at first. @param deps.isClosed whether the connection was closed on our side, which is no problem to log */
export function createConnectionState(deps: {
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly isClosed: () => boolean;
}): ConnectionStateKeeper {
  const { name, clock, log } = deps;
  const listeners = createListeners<boolean>(deps);
  let state: ConnectionState = { up: false, since: clock.now(), problem: `Asterisk ${name} has not answered yet` };
  return {
    state: () => state,
    change: (up, problem) => {
      const hasChanged = up !== state.up;
      if (!deps.isClosed() && problem !== '' && problem !== state.problem) log.warn({ asterisk: name }, problem);
      state = { up, since: hasChanged ? clock.now() : state.since, problem };
      if (hasChanged) listeners.tell('the connection', up);
    },
    onState: listeners.add,
  };
}
