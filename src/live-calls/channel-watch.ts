/**
 * What the manager interfaces tell of calls under way: channels that dial, that answer, that end. And the other way: the
 * wish that one ends.
 *
 * An end that was missed while a connection was down is found by comparing with the channels that exist: as soon as it is
 * up, and every now and then.
 */
import type { AmiConnection } from '../asterisk/ami-connection.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { outcomeOfDialStatus } from '../policy/outcome.ts';
import type { ChannelControl, LiveCalls } from './live-calls.ts';

/** ITU-T Q.850: normal call clearing. */
const NORMAL_CLEARING = '16';

/** Hangs up over whichever connection knows the channel. */
export function channelControl(connections: readonly AmiConnection[]): ChannelControl | undefined {
  if (connections.length === 0) return undefined;
  return {
    canSee: () => connections.every((connection) => connection.state().up),
    hangUp: async (uniqueId) => {
      const tried = await Promise.allSettled(
        // Asterisk takes a channel's unique id for its name.
        connections.map((each) => each.action('Hangup', { Channel: uniqueId, Cause: NORMAL_CLEARING })),
      );
      const failed = tried.find((each) => each.status === 'rejected');
      if (failed !== undefined && tried.every((each) => each.status === 'rejected')) throw failed.reason;
    },
  };
}

/** @returns what ends the watch */
export function watchChannels(
  connections: readonly AmiConnection[],
  deps: { readonly liveCalls: LiveCalls; readonly log: Log; readonly compareEveryMs: number },
): () => void {
  const { liveCalls, log } = deps;
  const compare = async (): Promise<void> => {
    // Of an Asterisk that cannot be asked nobody knows which channels are gone.
    if (connections.length === 0 || !connections.every((each) => each.state().up)) return;
    try {
      const lists = await Promise.all(connections.map((each) => each.list('CoreShowChannels')));
      liveCalls.reconcile(
        lists.flat().map((channel) => ({ uniqueId: channel.get('Uniqueid'), linkedId: channel.get('Linkedid') })),
      );
    } catch (error) {
      log.warn({ problem: messageOf(error) }, 'the channels that exist could not be listed');
    }
  };
  const stops = connections.flatMap((connection) => [
    connection.onState((up) => {
      if (up) void compare();
    }),
    connection.onEvent(['DialBegin'], (event) => {
      liveCalls.dialled(event.get('Uniqueid'), event.get('DestUniqueid'));
    }),
    connection.onEvent(['DialEnd'], (event) => {
      liveCalls.dialEnded(event.get('Uniqueid'), outcomeOfDialStatus(event.get('DialStatus')));
    }),
    connection.onEvent(['Hangup'], (event) => {
      liveCalls.channelEnded(event.get('Uniqueid'));
    }),
  ]);
  const timer = setInterval(() => void compare(), deps.compareEveryMs);
  timer.unref();
  void compare();
  return () => {
    clearInterval(timer);
    for (const stop of stops) stop();
  };
}
