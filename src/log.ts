/**
 * The logger: one JSON object per line, or a readable line when a person watches the terminal.
 *
 * Guarantees that a stalled reader of standard output never stalls a call: lines are written asynchronously and, beyond
 * four mebibytes of waiting text, dropped. The level can be changed while running, for loggers already handed out as well.
 * Knows nothing of calls except how a called number is shortened before it is written.
 */
import { type DestinationStream, destination, type Logger, pino } from 'pino';
import { PinoPretty } from 'pino-pretty';

/** What the rest of the program logs to. */
export type Log = Logger;

/** The levels of `log.level`. */
export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LogOptions {
  readonly level: LogLevel;
  /** Readable lines instead of JSON. Absent: readable if standard output is a terminal. */
  readonly pretty?: boolean;
  /** Where lines go. Absent: standard output. */
  readonly to?: DestinationStream;
}

const waitingBytesMax = 4 * 1024 * 1024;
/** A write for each line was a tenth of what a call costs this process; a tenth of a second late is early enough. */
const gatheredBytes = 4096;
const gatheredForMs = 100;

/** The root logger, and the one way to change the level of it and of every child taken from it. */
export function createLog(options: LogOptions): { readonly log: Log; setLevel(level: LogLevel): void } {
  const pretty = options.pretty ?? process.stdout.isTTY === true;
  const out =
    options.to ??
    destination({
      fd: 1,
      sync: false,
      minLength: pretty ? 0 : gatheredBytes,
      periodicFlush: gatheredForMs,
      maxLength: waitingBytesMax,
    });
  // pino copies the level into a child when the child is made, so that a change must be carried to each of them.
  // Weak references, because a child may be made per connection; dead ones are dropped whenever the set has doubled.
  let children: WeakRef<Log>[] = [];
  let sweepAt = 64;
  const living = (): WeakRef<Log>[] => children.filter((child) => child.deref() !== undefined);

  const log: Log = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      onChild: (child) => {
        children.push(new WeakRef(child));
        if (children.length >= sweepAt) {
          children = living();
          sweepAt = Math.max(64, children.length * 2);
        }
      },
    },
    pretty ? PinoPretty({ destination: out, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' }) : out,
  );

  return {
    log,
    setLevel(level) {
      log.level = level;
      children = living();
      for (const child of children) {
        const logger = child.deref();
        if (logger !== undefined) logger.level = level;
      }
    },
  };
}

const shownAtStart = 3;
const shownAtEnd = 2;

/**
 * A called number as it may stand in a log: the first three and the last two digits, `*` for each digit between.
 * Other characters (`+`, blanks) stay. Up to five digits stay whole: those are extensions and service numbers.
 */
export function maskNumber(number: string): string {
  const digits = number.replaceAll(/[^0-9]/g, '').length;
  let seen = 0;
  return number.replaceAll(/[0-9]/g, (digit) => {
    seen += 1;
    return seen <= shownAtStart || seen > digits - shownAtEnd ? digit : '*';
  });
}
