/**
 * Calls to persons for one purpose, by the ids of their channels: who hears the events of which, and what becomes of those
 * that a process before this one left.
 *
 * Guarantees that a connection is called ready only after such left-overs were hung up; that a call whose channel went
 * while the connection was away hears of it; that one which is answered when nobody waits for it any more is hung up.
 * Refuses to know: whom to call, and why.
 */
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { AriConnection } from './ari-connection.ts';
import type { AriEvent } from './ari-event.ts';

/** What calls are made for; their channels' ids begin with it. */
const PURPOSES = { ask: 'tollgate-ask-', tell: 'tollgate-tell-' } as const;
export type Purpose = keyof typeof PURPOSES;

/** Whether a channel of the application is a call that we made, and not one that came to us. */
export const isPersonCall = (channel: string): boolean =>
  Object.values(PURPOSES).some((prefix) => channel.startsWith(prefix));

/** What a call under way hears. */
export interface FollowedCall {
  readonly onEvent: (event: AriEvent) => void;
  /** The channel is not there any more. */
  readonly gone: () => void;
}

export interface PersonCalls {
  /** An id for a channel. */
  readonly idFor: (name: string) => string;
  readonly isReady: (ari: AriConnection) => boolean;
  readonly add: (ari: AriConnection, id: string, call: FollowedCall) => void;
  readonly remove: (id: string) => void;
  /** Calls under way stay with whoever made them. */
  readonly stop: () => void;
}

const LOOK_EVERY_MS = 1000;

/** @param deps.onLooked every second, and when a connection has become ready */
export function followPersonCalls(
  connections: readonly AriConnection[],
  deps: { readonly purpose: Purpose; readonly onLooked?: () => void; readonly log: Log },
): PersonCalls {
  const prefix = PURPOSES[deps.purpose];
  const calls = new Map<string, { readonly ari: AriConnection; readonly call: FollowedCall }>();
  const ready = new Set<AriConnection>();
  const clearing = new Set<AriConnection>();

  /** Compares with what Asterisk has, when events may have been missed: after a start, or a lost connection. */
  const clear = async (ari: AriConnection): Promise<void> => {
    if (clearing.has(ari)) return;
    clearing.add(ari);
    try {
      const there = new Set(await ari.applicationChannels());
      for (const [id, { ari: on, call }] of calls) if (on === ari && !there.has(id)) call.gone();
      for (const id of there) {
        if (id.startsWith(prefix) && !calls.has(id)) await ari.hangup(id, 'normal').catch(() => undefined);
      }
      if (ari.state().up) ready.add(ari);
    } catch (error) {
      deps.log.debug({ asterisk: ari.name, problem: messageOf(error) }, 'calls to persons could not be listed');
    } finally {
      clearing.delete(ari);
    }
    deps.onLooked?.();
  };

  const onEvent = (ari: AriConnection, event: AriEvent): void => {
    const id = event.channel?.id ?? event.playbackId.slice(0, event.playbackId.lastIndexOf('.'));
    if (!id.startsWith(prefix)) return;
    const under = calls.get(id);
    if (under !== undefined) under.call.onEvent(event);
    // Answered after all, when nobody waits for it any more.
    else if (event.type === 'StasisStart') ari.hangup(id, 'normal').catch(() => undefined);
  };

  const stops = connections.flatMap((ari) => [
    ari.onEvent((event) => onEvent(ari, event)),
    ari.onState((up) => {
      if (up) void clear(ari);
      else ready.delete(ari);
    }),
  ]);
  const look = (): void => {
    for (const ari of connections) if (ari.state().up && !ready.has(ari)) void clear(ari);
    deps.onLooked?.();
  };
  const timer = setInterval(look, LOOK_EVERY_MS).unref();
  for (const ari of connections) if (ari.state().up) void clear(ari);

  return {
    idFor: (name) => `${prefix}${name}`,
    isReady: (ari) => ready.has(ari),
    add: (ari, id, call) => void calls.set(id, { ari, call }),
    remove: (id) => void calls.delete(id),
    stop: () => {
      clearInterval(timer);
      for (const stop of stops) stop();
    },
  };
}
