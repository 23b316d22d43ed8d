/** Rate sheets that commands take from a file, or else from a daemon. */
import { readFile } from 'node:fs/promises';
import type { PackedRates } from '../api/rates-routes.ts';
import { unpackRates } from '../rates/packed-rates.ts';
import { readRateFile } from '../rates/rate-file.ts';
import { compileRateSheet, type RateSheet } from '../rates/rate-sheet.ts';
import { type Client, DaemonUnreachable } from './client.ts';
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

/** The sheet in force; undefined where there is none, or no daemon that could be asked. */
export async function askForRateSheet(client: Client): Promise<RateSheet | undefined> {
  const kept = await client.ask<PackedRates>('GET', '/api/v1/rates/packed').catch((error: unknown) => {
    if (error instanceof DaemonUnreachable) return undefined;
    throw error;
  });
  if (kept === undefined || kept.currency === null) return undefined;
  return await unpackRates(kept.packed, kept.currency);
}
