/**
 * Asks the supervisors of a rule by phone about the calls that it holds.
 *
 * Guarantees: a supervisor has one call at a time; who has answered is not called again about the same call, who has not is
 * called a few times; there are never more than {@link MOST_CALLS} calls at once; when an approval is settled nobody rings
 * any longer; calls of a daemon that is gone are hung up by the next one; nobody is asked about his own call.
 * Answering decides nothing, and neither does hanging up.
 */
import { randomBytes } from 'node:crypto';
import type { AriConnection } from '../asterisk/ari-connection.ts';
import { endpointOfChannel } from '../asterisk/channel-name.ts';
import { nameOfEndpoint } from '../asterisk/person-call.ts';
import { followPersonCalls } from '../asterisk/person-calls.ts';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Approval } from './approval.ts';
import type { Decisions } from './decisions.ts';
import type { HeldCall, HoldListener } from './held-call.ts';
import { type PhoneCall, startPhoneCall } from './phone-call.ts';
import type { DecideOutcome } from './phone-menu.ts';
import { type Turn, whomToCall } from './phone-turns.ts';

export interface PhoneApproval extends HoldListener {
  /** Hangs up; the callers wait on. */
  readonly stop: () => Promise<void>;
}

const MOST_CALLS = 20;
/** Nobody answers, listens and decides in less. */
const LEAST_LEFT_MS = 3000;

interface Asking {
  readonly held: HeldCall;
  readonly turns: Turn[];
  /** The call that talks with the caller. */
  talk: string | undefined;
}
interface CallUnderWay {
  readonly asking: Asking;
  readonly call: PhoneCall;
}

export function startPhoneApproval(
  connections: readonly AriConnection[],
  deps: { readonly decide: Decisions['decide']; readonly clock: Clock; readonly log: Log },
): PhoneApproval {
  const { clock, log } = deps;
  const askings = new Map<string, Asking>();
  const calls = new Map<string, CallUnderWay>();
  /** Lines on which somebody is called. */
  const lines = new Set<string>();
  let isStopped = false;

  const lineOf = (ari: AriConnection, endpoint: string): string => `${ari.name} ${endpoint}`;

  const decide = async (approval: Approval, endpoint: string, ari: AriConnection, approve: boolean) => {
    const settled = await deps.decide(approval.id, {
      approve,
      by: `phone ${nameOfEndpoint(endpoint)}`,
      from: `Asterisk ${ari.name}`,
    });
    const outcome = (): DecideOutcome => {
      if (settled === undefined) return { kind: 'late', state: 'unanswerable' };
      if (settled.isFirst) return { kind: 'first' };
      if (settled.settlement === undefined) return { kind: 'one-more' };
      return { kind: 'late', state: settled.settlement.state };
    };
    return outcome();
  };

  const ring = (asking: Asking, endpoint: string, leftMs: number): void => {
    const { held, turns } = asking;
    const { ari, approval } = held;
    const id = followed.idFor(`${approval.id}-${randomBytes(4).toString('hex')}`);
    const line = lineOf(ari, endpoint);
    const change = (changed: (turn: Turn) => Partial<Turn>): void => {
      const at = turns.findIndex((turn) => turn.endpoint === endpoint);
      const turn = turns[at];
      if (turn !== undefined) turns[at] = { ...turn, ...changed(turn) };
    };
    lines.add(line);
    change(({ calls: before }) => ({ calls: before + 1, isUnderWay: true }));
    const leftSeconds = Math.ceil(leftMs / 1000);
    const call = startPhoneCall({
      ...{ id, held, endpoint, leftSeconds, log },
      ringSeconds: Math.min(approval.hold.ringSeconds, leftSeconds),
      decide: async (as) => {
        try {
          return await decide(approval, endpoint, ari, as === 'approved');
        } catch (error) {
          log.warn({ approval: approval.id, problem: messageOf(error) }, 'a decision by phone could not be saved');
          return { kind: 'failed' };
        }
      },
      claimTalk: () => {
        if (asking.talk !== undefined) return false;
        asking.talk = id;
        for (const other of calls.values()) {
          if (other.asking === asking && other.call.isRinging()) void other.call.giveUp();
        }
        return true;
      },
      freeTalk: () => {
        if (asking.talk === id) asking.talk = undefined;
        callWhoIsNext();
      },
      onOver: (wasAnswered) => {
        calls.delete(id);
        followed.remove(id);
        // Rang in vain because another one talks with the caller: that was not his fault.
        const wasCancelled = !wasAnswered && asking.talk !== undefined;
        change(({ calls: made, isDone }) => ({
          calls: wasCancelled ? made - 1 : made,
          isUnderWay: false,
          isDone: isDone || wasAnswered,
          endedAtMs: clock.monotonicMs(),
        }));
        lines.delete(line);
        callWhoIsNext();
      },
    });
    calls.set(id, { asking, call });
    followed.add(ari, id, call);
  };

  const callWhoIsNext = (): void => {
    if (isStopped) return;
    for (const asking of askings.values()) {
      const { approval, ari } = asking.held;
      const leftMs = approval.expiresAt - clock.now();
      if (!followed.isReady(ari) || asking.talk !== undefined || leftMs < LEAST_LEFT_MS) continue;
      const next = whomToCall(asking.turns, {
        ring: approval.hold.ring,
        nowMs: clock.monotonicMs(),
        isFree: (endpoint) => !lines.has(lineOf(ari, endpoint)),
      });
      for (const endpoint of next) {
        if (calls.size >= MOST_CALLS) return;
        ring(asking, endpoint, leftMs);
      }
    }
  };

  const followed = followPersonCalls(connections, { purpose: 'ask', onLooked: () => callWhoIsNext(), log });

  return {
    held: (held) => {
      const endpoints = supervisorsOf(held.approval);
      if (endpoints.length === 0) return;
      const turns = endpoints.map((endpoint) => ({
        ...{ endpoint, calls: 0, isUnderWay: false, endedAtMs: 0, isDone: false },
      }));
      askings.set(held.approval.id, { held, turns, talk: undefined });
      callWhoIsNext();
    },
    released: (approvalId, state) => {
      askings.delete(approvalId);
      for (const { asking, call } of [...calls.values()]) {
        if (asking.held.approval.id === approvalId) call.settled(state);
      }
    },
    stop: async () => {
      isStopped = true;
      followed.stop();
      await Promise.all([...calls.values()].map(({ call }) => call.giveUp()));
    },
  };
}

/** Without the caller himself, and each once. */
function supervisorsOf({ hold, extension, channel }: Approval): readonly string[] {
  const callers = [extension, endpointOfChannel(channel)];
  return [...new Set(hold.supervisors)].filter((endpoint) => !callers.includes(nameOfEndpoint(endpoint)));
}
