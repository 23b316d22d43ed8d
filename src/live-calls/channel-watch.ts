/**
 * What the manager interfaces tell of calls under way: channels that dial, that answer, that end. And the other way: the
 * wish that one ends.
 *
 * An end that was missed while a connection was down is found by comparing with the channels that exist: as soon as it is
 * up, and every now and then.
 */
import type { AmiConnection } from '../asterisk/ami-connection.ts';
import { messageOf, TollgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import { outcomeOfDialStatus } from '../policy/outcome.ts';
import type { ChannelControl, LiveCalls } from './live-calls.ts';

/** ITU-T Q.850: normal call clearing. */
const NORMAL_CLEARING = '16';

/** Hangs up on the Asterisk that has the channel. */
export function channelControl(connections: readonly AmiConnection[]): ChannelControl | undefined {
  if (connections.length === 0) return undefined;
  return {
    canSee: () => connections.every((connection) => connection.state().up),
    hangUp: async (uniqueId, linkedId) => {
      const tried = await Promise.allSettled(
        connections.map(async (each) => {
          // Unique ids of two Asterisks may be the same; those of a channel and of its call are not by chance.
          if (connections.length > 1 && !(await isOfCall(each, uniqueId, linkedId))) throw noSuchChannel(each.name);
          await hangUpOn(each, uniqueId);
        }),
      );
      if (tried.some((each) => each.status === 'fulfilled')) return;
      const problems = tried.flatMap((each): unknown[] => (each.status === 'rejected' ? [each.reason] : []));
      throw problems.find((problem) => !isNoSuchChannel(problem)) ?? problems[0];
    },
  };
}

/** Asterisk takes a channel's unique id for its name. @throws {TollgateError} `NOT_FOUND`, and those of the connection */
async function hangUpOn(connection: AmiConnection, uniqueId: string): Promise<void> {
  try {
    await connection.action('Hangup', { Channel: uniqueId, Cause: NORMAL_CLEARING });
  } catch (error) {
    if (/No such channel/i.test(messageOf(error))) throw noSuchChannel(connection.name);
    if (!/Permission denied/i.test(messageOf(error))) throw error;
    const { name } = connection;
    const fix = `its manager user needs write = call (or system) in manager.conf of ${name}`;
    throw new TollgateError('AMI_REFUSED', `Asterisk ${name} does not let Tollgate end calls: ${fix}`, {
      cause: error,
    });
  }
}

async function isOfCall(connection: AmiConnection, uniqueId: string, linkedId: string | undefined): Promise<boolean> {
  const found = await connection.list('Status', { Channel: uniqueId }).catch((error: unknown) => {
    if (/No such channel/i.test(messageOf(error))) return [];
    throw error;
  });
  return found.some(
    (channel) =>
      channel.get('Uniqueid') === uniqueId &&
      (linkedId === undefined || linkedId === '' || channel.get('Linkedid') === linkedId),
  );
}

const noSuchChannel = (asterisk: string): TollgateError =>
  new TollgateError('NOT_FOUND', `Asterisk ${asterisk} has no such channel`);
const isNoSuchChannel = (problem: unknown): boolean => problem instanceof TollgateError && problem.code === 'NOT_FOUND';

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
      const lists = await Promise.all(
        connections.map(async (each) =>
          (await each.list('CoreShowChannels')).map((channel) => ({
            uniqueId: channel.get('Uniqueid'),
            linkedId: channel.get('Linkedid'),
            asterisk: each.name,
          })),
        ),
      );
      liveCalls.reconcile(lists.flat());
    } catch (error) {
      log.warn({ problem: messageOf(error) }, 'the channels that exist could not be listed');
    }
  };
  const stops = connections.flatMap((connection) => [
    connection.onState((up) => {
      if (up) void compare();
    }),
    connection.onEvent(['DialBegin'], (event) => {
      liveCalls.dialled(event.get('Uniqueid'), event.get('DestUniqueid'), connection.name);
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
