/** A logger for tests: keeps each line as an object, writes nothing. */
import { createLog, type Log } from '../../src/log.ts';

/** The logger and the lines written to it so far. */
export function keptLog(): { readonly log: Log; readonly lines: readonly Readonly<Record<string, unknown>>[] } {
  const lines: Readonly<Record<string, unknown>>[] = [];
  const { log } = createLog({
    level: 'trace',
    pretty: false,
    to: { write: (text) => void lines.push(JSON.parse(text)) },
  });
  return { log, lines };
}
