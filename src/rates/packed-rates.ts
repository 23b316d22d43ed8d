/**
 * A rate sheet as it is kept: its rows as lines of text, compressed. Of 300,000 prefixes that is about a megabyte.
 *
 * Packing and unpacking take turns with the rest of the daemon. Unpacking checks what it reads: a sheet is whole or it is
 * not used.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { buildRateSheet, type RateRow, type RateSheet } from './rate-sheet.ts';

const ROWS_A_TURN = 2000;
/** A million rows. */
const LARGEST_TEXT_BYTES = 128 * 1024 * 1024;

/** @returns base64 */
export async function packRates(rows: readonly RateRow[]): Promise<string> {
  const parts: string[] = [];
  for (let at = 0; at < rows.length; at += ROWS_A_TURN) {
    parts.push(
      rows
        .slice(at, at + ROWS_A_TURN)
        .map(lineOf)
        .join(''),
    );
    await turn();
  }
  return (await promisify(gzip)(parts.join(''))).toString('base64');
}

const lineOf = ({ prefix, perMinuteMicros, connectionMicros, firstSeconds, nextSeconds }: RateRow): string =>
  `${prefix},${perMinuteMicros},${connectionMicros},${firstSeconds},${nextSeconds}\n`;

/** @throws {Error} where it is damaged */
export async function unpackRates(packed: string, currency: string): Promise<RateSheet> {
  const text = (
    await promisify(gunzip)(Buffer.from(packed, 'base64'), { maxOutputLength: LARGEST_TEXT_BYTES })
  ).toString();
  const builder = buildRateSheet(currency);
  let [at, count] = [0, 0];
  while (at < text.length) {
    const end = text.indexOf('\n', at);
    builder.add(rowOf(text.slice(at, end)));
    at = end + 1;
    count += 1;
    if (count % ROWS_A_TURN === 0) await turn();
  }
  return builder.sheet();
}

function rowOf(line: string): RateRow {
  const [prefix = '', ...texts] = line.split(',');
  const [perMinuteMicros = -1, connectionMicros = -1, firstSeconds = -1, nextSeconds = -1] = texts.map(Number);
  const isWhole =
    texts.length === 4 && perMinuteMicros >= 0 && connectionMicros >= 0 && firstSeconds >= 1 && nextSeconds >= 1;
  if (prefix === '' || !isWhole) throw new Error(`the rate sheet is damaged at "${line.slice(0, 60)}"`);
  return { prefix, perMinuteMicros, connectionMicros, firstSeconds, nextSeconds };
}
