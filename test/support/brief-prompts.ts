/** Prompts that take no time: most of what a test of calls would otherwise wait for is speech. */
import { readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Asterisk } from '../../src/demo/asterisk.ts';

/** Where an Asterisk has its sounds, in one folder a language. */
export const soundsOf = ({ logFile }: Asterisk): string => join(dirname(dirname(logFile)), 'data/sounds');

/** Silence of that length, as a file of Asterisk's format `ulaw`. */
export const silence = (ms: number): Buffer => Buffer.alloc(8 * ms, 0xff);

/** Puts a quarter of a second of silence in the place of each sentence of ours; they are played as before. */
export async function shortenPrompts(asterisk: Asterisk): Promise<void> {
  const folder = join(soundsOf(asterisk), 'en');
  for (const file of await readdir(folder)) {
    if (!file.startsWith('tollgate-')) continue;
    await rm(join(folder, file));
    await writeFile(join(folder, `${basename(file, '.wav')}.ulaw`), silence(250));
  }
}
