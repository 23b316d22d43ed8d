/** A logger for tests: keeps each line as an object, writes nothing. */
import { createLog, type Log, type LogLevel } from '../../src/log.ts';

/** The logger and the lines written to it so far. */
export function keptLog(): {
  readonly log: Log;
  readonly setLevel: (level: LogLevel) => void;
  readonly lines: readonly Readonly<Record<string, unknown>>[];
} {
  const lines: Readonly<Record<string, unknown>>[] = [];
  const { log, setLevel } = createLog({
    level: 'trace',
    format: 'json',
    to: { write: (text) => void lines.push(JSON.parse(text)) },
  });
  return { log, setLevel, lines };
}
