/**
 * The logger: one JSON object per line, a readable line when a person watches the terminal, or JSON behind a priority for
 * syslog.
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

/** What `log.format` may be; `auto` is `pretty` if standard output is a terminal, and `json` if not. */
export const logFormats = ['auto', 'json', 'pretty', 'syslog'] as const;
export type LogFormat = (typeof logFormats)[number];

export interface LogOptions {
  readonly level: LogLevel;
  /** Default: `auto`. */
  readonly format?: LogFormat;
  /** Where lines go. Absent: standard output. */
  readonly to?: DestinationStream;
}

const waitingBytesMax = 4 * 1024 * 1024;
/** A write for each line was a tenth of what a call costs this process; a tenth of a second late is early enough. */
const gatheredBytes = 4096;
const gatheredForMs = 100;

/** The root logger, and the one way to change the level of it and of every child taken from it. */
export function createLog(options: LogOptions): { readonly log: Log; setLevel(level: LogLevel): void } {
  const { format = 'auto' } = options;
  const pretty = format === 'pretty' || (format === 'auto' && process.stdout.isTTY === true);
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
    pretty
      ? PinoPretty({ destination: out, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' })
      : format === 'syslog'
        ? withPriority(out)
        : out,
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

/**
 * Each line begins with its priority, `<4>`: systemd reads it from standard output (sd-daemon(3), SyslogLevelPrefix), as
 * does `logger --prio-prefix`. Severities of RFC 5424, 6.2.1.
 */
function withPriority(out: DestinationStream): DestinationStream {
  const stream = {
    // pino then says of each line which level it has.
    [pino.symbols.needsMetadataGsym]: true,
    lastLevel: 30,
    write(line: string): void {
      out.write(`<${priorityOf(stream.lastLevel)}>${line}`);
    },
  };
  return stream;
}

/** Of a level of pino: critical, error, warning, informational or debug. */
const priorityOf = (level: number): number =>
  level >= 60 ? 2 : level >= 50 ? 3 : level >= 40 ? 4 : level >= 30 ? 6 : 7;

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

/** A sentence in which these numbers, and all others of seven digits or more, or behind a `+`, are masked. */
export const maskNumbersIn = (text: string, numbers: readonly (string | undefined)[]): string =>
  numbers
    .reduce<string>(
      (masked, number) =>
        number === undefined || number === '' ? masked : masked.replaceAll(number, maskNumber(number)),
      text,
    )
    .replaceAll(/\+\d{6,}|\d{7,}/g, maskNumber);
