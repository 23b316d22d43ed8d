/**
 * AGI environments for tests: recorded ones, and ones written the way Asterisk writes them.
 */
import { readFileSync } from 'node:fs';

const fixture = (name: string): Buffer => readFileSync(new URL(`../fixtures/agi/${name}`, import.meta.url));

/** Recorded from Asterisk 22.10.1: chan_pjsip, no arguments. */
export const PJSIP_CALL = fixture('pjsip-call.txt');

/** Recorded from Asterisk 22.10.1: a Local channel, a query, three arguments of which the second is empty. */
export const LOCAL_CHANNEL_WITH_ARGUMENTS = fixture('local-channel-with-arguments.txt');

/** Writes an environment: each line, then the empty one. */
export function writeEnvironment(lines: Iterable<readonly [string, string]>, lineEnd: '\n' | '\r\n' = '\n'): Buffer {
  let text = '';
  for (const [name, value] of lines) text += `${name}: ${value}${lineEnd}`;
  return Buffer.from(text + lineEnd, 'utf8');
}

/** The environment of a request for `script` with positional arguments, as a phone's channel would send it. */
export function requestEnvironment(script: string, args: readonly string[] = []): Buffer {
  return writeEnvironment([
    ['agi_network', 'yes'],
    ['agi_network_script', script],
    ['agi_request', `agi://127.0.0.1:4573/${script}`],
    ['agi_channel', 'PJSIP/1001-0000002a'],
    ['agi_uniqueid', '1795166169.42'],
    ['agi_callerid', '1001'],
    ...args.map((value, index) => [`agi_arg_${index + 1}`, value] as const),
  ]);
}
