/**
 * What the manager interfaces tell of attacks and of log-ins that succeed: passes on each attempt once, as it happens.
 *
 * Asterisk replays nothing. What was raised while a connection was down is lost, and the time is noted instead, so that
 * nobody takes silence for peace. Refuses to know what becomes of an offence.
 */
import type { AmiConnection } from '../asterisk/ami-connection.ts';
import type { AmiMessage } from '../asterisk/ami-packet.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { EpochMs } from '../policy/call.ts';
import { createAttemptCounter } from './attempt-counter.ts';
import { type Offence, readSecurityEvent, SECURITY_EVENTS, type Success } from './offence.ts';

/** A time in which security events of an Asterisk were missed. */
export interface Gap {
  readonly asterisk: string;
  /** When the loss was noticed. A connection that falls silent without an end is noticed about 15 s late. */
  readonly from: EpochMs;
  /** Null: it goes on. */
  readonly until: EpochMs | null;
}

export interface SecurityWatch {
  readonly stop: () => void;
  /** The last 100 of each Asterisk, in the order of their beginning. */
  readonly gaps: () => readonly Gap[];
  /** Asterisks that are connected and tell nothing: the manager user lacks `read=security`. */
  readonly silent: () => readonly string[];
}

const MOST_GAPS = 100;
const BROKEN_LOGGED_EVERY_MS = 60_000;

export function watchSecurity(
  connections: readonly AmiConnection[],
  deps: {
    readonly clock: Clock;
    readonly log: Log;
    readonly onOffence: (offence: Offence) => void;
    readonly onSuccess: (success: Success) => void;
    /** Our own log-in raises an event, which came within 20 ms in 80 of 80. Default: 5,000. */
    readonly ownEventWithinMs?: number;
  },
): SecurityWatch {
  const watches = connections.map((connection) => watchOne(connection, deps));
  return {
    stop: () => {
      for (const watch of watches) watch.stop();
    },
    gaps: () => watches.flatMap((watch) => watch.gaps()).sort((a, b) => a.from - b.from),
    silent: () => watches.flatMap((watch) => watch.silent()),
  };
}

function watchOne(connection: AmiConnection, deps: Parameters<typeof watchSecurity>[1]): SecurityWatch {
  const { clock, log, onOffence, onSuccess, ownEventWithinMs = 5_000 } = deps;
  const { name } = connection;
  const counter = createAttemptCounter();
  const gaps: Gap[] = [];
  let isSilent = false;
  let silenceTimer: NodeJS.Timeout | undefined;
  let brokenLoggedAtMs = Number.NEGATIVE_INFINITY;

  const hear = (event: AmiMessage): void => {
    clearTimeout(silenceTimer);
    isSilent = false;
    const reading = readSecurityEvent(event, name);
    if (reading === undefined) return;
    if (reading.part === 'broken') {
      if (clock.monotonicMs() - brokenLoggedAtMs < BROKEN_LOGGED_EVERY_MS) return;
      brokenLoggedAtMs = clock.monotonicMs();
      log.warn({ asterisk: name, event: event.name }, 'a security event was spoiled by a line end in a tried name');
      return;
    }
    const { offence, success } = counter.take(reading);
    if (offence !== undefined) onOffence(offence);
    if (success !== undefined) onSuccess(success);
  };

  const begin = (): void => {
    clearTimeout(silenceTimer);
    isSilent = false;
    gaps.push({ asterisk: name, from: clock.now(), until: null });
    if (gaps.length > MOST_GAPS) gaps.shift();
  };
  const end = (): void => {
    const gap = gaps.at(-1);
    if (gap === undefined || gap.until !== null) return;
    const until = clock.now();
    gaps[gaps.length - 1] = { ...gap, until };
    const [from, to] = [gap.from, until].map((at) => new Date(at).toISOString());
    log.warn({ asterisk: name, from, until: to }, 'security events of this time were missed');
  };
  const listenForOurselves = (): void => {
    silenceTimer = setTimeout(() => {
      isSilent = true;
      log.warn({ asterisk: name }, 'tells no security events: its manager user needs read=security');
    }, ownEventWithinMs);
    silenceTimer.unref();
  };

  // Of a connection that stands already our log-in is past.
  if (!connection.state().up) begin();
  const stops = [
    connection.onState((up) => {
      if (!up) return begin();
      end();
      listenForOurselves();
    }),
    connection.onEvent(SECURITY_EVENTS, hear),
  ];
  return {
    stop: () => {
      clearTimeout(silenceTimer);
      for (const stop of stops) stop();
    },
    gaps: () => [...gaps],
    silent: () => (isSilent ? [name] : []),
  };
}
