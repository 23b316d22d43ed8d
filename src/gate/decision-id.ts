/**
 * Ids of decisions. They sort by the time of their decision, can be read aloud, and cannot be guessed from their neighbours.
 */
import { randomBytes } from 'node:crypto';
import type { EpochMs } from '../policy/call.ts';

/** When a decision was made, from its id; undefined for what is no id. */
export function timeOfDecision(id: string): number | undefined {
  if (!/^[0-9a-hjkmnp-tv-z]{15}$/.test(id)) return undefined;
  let at = 0;
  for (const letter of id.slice(0, 9)) at = at * 32 + ALPHABET.indexOf(letter);
  return at;
}

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * A decision's id: nine characters of time, then six random ones, in Crockford's base 32: ids sort by time, can be read
 * aloud, and cannot be guessed from their neighbours.
 */
export function newDecisionId(at: EpochMs): string {
  let random = '';
  for (let place = 0; place < 6; place++) random += ALPHABET.charAt(randomByte() % 32);
  return `${beginOfIds(at)}${random}`;
}

/** What ids of decisions made then begin with; those made before are less. */
export function beginOfIds(at: number): string {
  let time = '';
  for (let rest = at, place = 0; place < 9; place++, rest = Math.floor(rest / 32))
    time = ALPHABET.charAt(rest % 32) + time;
  return time;
}

const pool = { bytes: new Uint8Array(0), used: 0 };

/** Fetched a few thousand at a time: one trip to the generator costs as much as the rest of an id ten times over. */
function randomByte(): number {
  if (pool.used >= pool.bytes.length) {
    pool.bytes = randomBytes(4096);
    pool.used = 0;
  }
  return pool.bytes[pool.used++] ?? 0;
}
