/**
 * The ARI application in which held calls wait: it lets the caller hear that he waits, and sends the channel back into the
 * dialplan as soon as its approval is settled. The dialplan then asks the gate again, which knows the answer; so nothing
 * but the gate ever lets a call go, and a channel that comes back for any other reason is refused.
 *
 * No event is replayed after a connection was lost, so the channels of the application are listed whenever it comes up:
 * those whose approval is settled, or unknown, are sent back; the others wait on. A caller who hangs up withdraws his
 * approval.
 *
 * A listener is told of each held call, and may have its caller talk with somebody meanwhile; what it does cannot let the
 * call go.
 */
import type { AriConnection } from '../asterisk/ari-connection.ts';
import type { AriEvent } from '../asterisk/ari-event.ts';
import { isPersonCall } from '../asterisk/person-calls.ts';
import { messageOf, TollgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Approval, SettledState } from './approval.ts';
import type { ApprovalDesk } from './approval-desk.ts';
import type { HeldCall, HoldListener } from './held-call.ts';

/** The first argument of `Stasis()` for a call that is held. */
const HOLD = 'hold';
/** The variable that names the approval on its channel. */
const APPROVAL_VARIABLE = 'TOLLGATE_APPROVAL';

const playbackOf = (approvalId: string): string => `tollgate-${approvalId}`;
/** The bridge in which a caller talks with somebody about his call. */
const talkOf = (approvalId: string): string => `tollgate-talk-${approvalId}`;

interface Entry {
  readonly ari: AriConnection;
  readonly channel: string;
  readonly approval: Approval;
}

/** @returns what ends it; channels that wait stay where they are, for the next start */
export function startHoldApp(
  connections: readonly AriConnection[],
  deps: {
    readonly desk: ApprovalDesk;
    readonly log: Log;
    /** Told of each call that is held, and that it is held no longer. */
    readonly listener?: HoldListener;
  },
): () => void {
  const { desk, log } = deps;
  /** By approval: the call that waits for it. */
  const held = new Map<string, Entry>();
  /** From when a channel comes, so that one that goes while the store is asked is noticed. */
  const byChannel = new Map<string, string>();

  const release = (approvalId: string, state: SettledState): void => {
    const entry = held.get(approvalId);
    if (entry === undefined) return;
    byChannel.delete(entry.channel);
    held.delete(approvalId);
    deps.listener?.released(approvalId, state);
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
  const attempt = async (what: string, work: Promise<void>): Promise<void> => {
    await work.catch((error: unknown) => log.debug({ problem: messageOf(error) }, `${what} failed`));
  };
  const playMusic = ({ ari, channel, approval }: Entry): Promise<void> =>
    attempt('music', ari.startMusic(channel, approval.hold.music));
  const entertain = async (entry: Entry): Promise<void> => {
    const { ari, channel } = entry;
    const { id, hold } = entry.approval;
    if (hold.answer) await attempt('answering a held call', ari.answer(channel));
    if (hold.announcement !== undefined) {
      await attempt('the announcement', ari.play(channel, [`sound:${hold.announcement}`], playbackOf(id)));
    }
    await playMusic(entry);
  };
  /** One that a daemon before this one left alone in a talk hears music again. */
  const leaveOldTalk = async (entry: Entry): Promise<void> => {
    const wasTalking = await entry.ari.destroyBridge(talkOf(entry.approval.id)).then(
      () => true,
      () => false,
    );
    if (wasTalking) await playMusic(entry);
  };

  const heldCall = (entry: Entry): HeldCall => {
    const { ari, channel, approval } = entry;
    const bridge = talkOf(approval.id);
    const isHeld = (): boolean => held.get(approval.id) === entry;
    return {
      approval,
      ari,
      talkWith: async (other) => {
        if (!isHeld()) throw new TollgateError('CONFLICT', 'the caller waits no longer');
        await ari.createBridge('mixing,dtmf_events', bridge);
        await attempt('the end of the announcement', ari.stopPlayback(playbackOf(approval.id)));
        await attempt('the end of the music', ari.stopMusic(channel));
        // Asterisk bridges an unanswered caller as well, both ways, but many phones send nothing before they are answered.
        await ari.answer(channel);
        await ari.addToBridge(bridge, channel);
        await ari.addToBridge(bridge, other);
      },
      endTalk: async (other) => {
        await attempt('leaving the talk', ari.removeFromBridge(bridge, other));
        await attempt('the end of the talk', ari.destroyBridge(bridge));
        if (isHeld()) await playMusic(entry);
      },
    };
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
      const entry: Entry = { ari, channel, approval: found.approval };
      held.set(approvalId, entry);
      desk.waitFor(found.approval);
      await (isNew ? entertain(entry) : leaveOldTalk(entry));
      if (held.get(approvalId) === entry) deps.listener?.held(heldCall(entry));
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
    release(approvalId, 'withdrawn');
    void withdraw(approvalId);
  };

  /** Channels that wait although nobody told us: after a restart, or after the connection was lost. */
  const recover = async (ari: AriConnection): Promise<void> => {
    try {
      const channels = new Set(await ari.applicationChannels());
      for (const [approvalId, entry] of [...held]) {
        if (entry.ari !== ari || channels.has(entry.channel)) continue;
        release(approvalId, 'withdrawn');
        await withdraw(approvalId);
      }
      for (const channel of channels) {
        if (byChannel.has(channel) || isPersonCall(channel)) continue;
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
    desk.onSettled(({ approval, settlement }) => {
      const entry = held.get(approval.id);
      if (entry === undefined) return;
      release(approval.id, settlement.state);
      void sendBack(entry.ari, entry.channel, approval.id);
    }),
  );
  return () => {
    for (const stop of stops) stop();
  };
}
