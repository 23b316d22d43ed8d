/**
 * The ARI application in which held calls wait: it lets the caller hear that he waits, and sends the channel back into the
 * dialplan as soon as its approval is settled. The dialplan then asks the gate again, which knows the answer; so nothing
 * but the gate ever lets a call go, and a channel that comes back for any other reason is refused.
 *
 * No event is replayed after a connection was lost, so the channels of the application are listed whenever it comes up:
 * those whose approval is settled, or unknown, are sent back; the others wait on. A caller who hangs up withdraws his
 * approval.
 */
import type { AriConnection } from '../asterisk/ari-connection.ts';
import type { AriEvent } from '../asterisk/ari-event.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Approval } from './approval.ts';
import type { ApprovalDesk } from './approval-desk.ts';

/** The first argument of `Stasis()` for a call that is held. */
const HOLD = 'hold';
const ANNOUNCEMENT = 'sound:tollgate-approval';
/** The variable that names the approval on its channel. */
const APPROVAL_VARIABLE = 'TOLLGATE_APPROVAL';

const playbackOf = (approvalId: string): string => `tollgate-${approvalId}`;

/** @returns what ends it; channels that wait stay where they are, for the next start */
export function startHoldApp(
  connections: readonly AriConnection[],
  deps: { readonly desk: ApprovalDesk; readonly log: Log },
): () => void {
  const { desk, log } = deps;
  /** By approval: the connection and channel that wait for it. */
  const held = new Map<string, { readonly ari: AriConnection; readonly channel: string }>();
  /** From when a channel comes, so that one that goes while the store is asked is noticed. */
  const byChannel = new Map<string, string>();

  const forget = (approvalId: string): void => {
    const entry = held.get(approvalId);
    if (entry !== undefined) byChannel.delete(entry.channel);
    held.delete(approvalId);
  };
  const sendBack = async (ari: AriConnection, channel: string, approvalId: string): Promise<void> => {
    // Asterisk lets a channel go on only when what is played to it is over: the rest of the announcement, 3 s measured.
    // Whichever of the two requests comes first, the channel goes at once; mostly there is nothing left to stop.
    ari.stopPlayback(playbackOf(approvalId)).catch(() => undefined);
    try {
      await ari.continueInDialplan(channel);
    } catch (error) {
      // Gone already, or the connection is: then it is found when that comes back.
      log.debug({ channel, problem: messageOf(error) }, 'a held channel could not be sent back');
    }
  };
  const entertain = async (ari: AriConnection, channel: string, approval: Approval): Promise<void> => {
    try {
      await ari.play(channel, [ANNOUNCEMENT], playbackOf(approval.id));
    } catch (error) {
      log.debug({ problem: messageOf(error) }, 'the announcement could not be played');
    }
    await ari.startMusic(channel).catch(() => undefined);
  };

  const withdraw = async (approvalId: string): Promise<void> => {
    try {
      await desk.settle(approvalId, { state: 'withdrawn' });
    } catch (error) {
      log.warn({ approval: approvalId, problem: messageOf(error) }, 'an approval could not be withdrawn; it expires');
    }
  };

  const take = async (ari: AriConnection, channel: string, approvalId: string, isNew: boolean): Promise<void> => {
    byChannel.set(channel, approvalId);
    try {
      const found = await desk.find(approvalId);
      if (byChannel.get(channel) !== approvalId) {
        if (found?.approval.uniqueId === channel) await withdraw(approvalId);
        return;
      }
      // Another channel's approval is none: a second one must not take the place of the first.
      if (found === undefined || found.settlement !== undefined || found.approval.uniqueId !== channel) {
        byChannel.delete(channel);
        await sendBack(ari, channel, approvalId);
        return;
      }
      held.set(approvalId, { ari, channel });
      desk.waitFor(found.approval);
      if (isNew) await entertain(ari, channel, found.approval);
    } catch (error) {
      // The store is away: nobody can decide, and the dialplan asks what becomes of the call.
      log.warn({ problem: messageOf(error) }, 'a held call could not be taken in');
      byChannel.delete(channel);
      await sendBack(ari, channel, approvalId);
    }
  };

  const onEvent = (ari: AriConnection, event: AriEvent): void => {
    const channel = event.channel?.id;
    if (channel === undefined) return;
    if (event.type === 'StasisStart') {
      const [what, approvalId] = event.args;
      if (what !== HOLD || approvalId === undefined) return;
      void take(ari, channel, approvalId, true);
      return;
    }
    if (event.type !== 'StasisEnd' && event.type !== 'ChannelDestroyed') return;
    const approvalId = byChannel.get(channel);
    if (approvalId === undefined) return;
    byChannel.delete(channel);
    // Not held yet: whoever takes it in finds that it is gone.
    if (held.get(approvalId)?.channel !== channel) return;
    forget(approvalId);
    void withdraw(approvalId);
  };

  /** Channels that wait although nobody told us: after a restart, or after the connection was lost. */
  const recover = async (ari: AriConnection): Promise<void> => {
    try {
      const channels = new Set(await ari.applicationChannels());
      for (const [approvalId, entry] of [...held]) {
        if (entry.ari !== ari || channels.has(entry.channel)) continue;
        forget(approvalId);
        await withdraw(approvalId);
      }
      for (const channel of channels) {
        if (byChannel.has(channel)) continue;
        // One that hung up since the list was made must not keep the others from being found.
        const approvalId = await ari.getVariable(channel, APPROVAL_VARIABLE).catch(() => undefined);
        if (approvalId !== undefined) await take(ari, channel, approvalId, false);
      }
    } catch (error) {
      log.warn({ asterisk: ari.name, problem: messageOf(error) }, 'held calls could not be listed');
    }
  };

  const stops = connections.flatMap((ari) => {
    if (ari.state().up) void recover(ari);
    return [
      ari.onEvent((event) => onEvent(ari, event)),
      ari.onState((up) => {
        if (up) void recover(ari);
      }),
    ];
  });
  stops.push(
    desk.onSettled(({ approval }) => {
      const entry = held.get(approval.id);
      if (entry === undefined) return;
      forget(approval.id);
      void sendBack(entry.ari, entry.channel, approval.id);
    }),
  );
  return () => {
    for (const stop of stops) stop();
  };
}
