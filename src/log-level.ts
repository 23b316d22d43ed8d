/**
 * The level of this daemon's log while it runs: another one until the daemon ends, or for a time, after which it is as
 * configured again. Nothing else keeps it, and no other daemon hears of it.
 */
import type { Clock } from './clock.ts';
import type { Log, LogLevel } from './log.ts';
import type { EpochMs } from './policy/call.ts';

export interface LogLevelState {
  readonly level: LogLevel;
  /** What stands in the configuration. */
  readonly configured: LogLevel;
  /** When it is as configured again; undefined where nobody set an end. */
  readonly until: EpochMs | undefined;
}

export interface LogLevelControl {
  readonly state: () => LogLevelState;
  /** @param forMs absent: until the daemon ends */
  readonly set: (level: LogLevel, forMs?: number) => void;
  readonly close: () => void;
}

export const LONGEST_LOG_LEVEL_MS = 7 * 86_400_000;

export function createLogLevel(deps: {
  readonly configured: LogLevel;
  readonly setLevel: (level: LogLevel) => void;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
}): LogLevelControl {
  const { configured, setLevel, clock, log } = deps;
  let state: LogLevelState = { level: configured, configured, until: undefined };
  let timer: NodeJS.Timeout | undefined;

  const become = (level: LogLevel, until: EpochMs | undefined): void => {
    state = { level, configured, until };
    setLevel(level);
  };
  return {
    state: () => state,
    set: (level, forMs) => {
      clearTimeout(timer);
      become(level, forMs === undefined ? undefined : ((clock.now() + forMs) as EpochMs));
      if (forMs === undefined) return;
      timer = setTimeout(() => {
        become(configured, undefined);
        log.info({ level: configured }, 'the log has its configured level again');
      }, forMs);
      timer.unref();
    },
    close: () => clearTimeout(timer),
  };
}
