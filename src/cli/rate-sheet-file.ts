/** Rate sheets that commands take from a file, instead of that of a daemon. */
import { readFile } from 'node:fs/promises';
import { readRateFile } from '../rates/rate-file.ts';
import { compileRateSheet, type RateSheet } from '../rates/rate-sheet.ts';
import { CommandFailed } from './context.ts';
import { plain } from './terminal.ts';

const USUAL_CURRENCY = 'USD';

/** @throws {CommandFailed} with every mistake, each with its line */
export async function readRateSheet(path: string, consequence: string): Promise<RateSheet> {
  const file = await readFile(path).catch(() => {
    throw new CommandFailed(`${path} cannot be read`);
  });
  const read = await readRateFile(file);
  if (!('problems' in read)) return compileRateSheet(read.rows, read.currency ?? USUAL_CURRENCY);
  const lines = read.problems.map(({ line, column, found, message }) =>
    plain(
      [
        `${path}${line === undefined ? '' : `:${line}`}:`,
        ...(column === undefined ? [] : [column]),
        ...(found === undefined ? [] : [`"${found}"`]),
        message,
      ].join(' '),
    ),
  );
  throw new CommandFailed([...lines, `${path} is no rate sheet; ${consequence}.`].join('\n'));
}
