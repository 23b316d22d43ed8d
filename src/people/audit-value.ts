/**
 * What stood before and after a change, in the form in which the audit log keeps it.
 *
 * Guarantees: JSON of at most 16 kB that says itself where something was left out, and nothing under a name that secrets
 * go by. Whoever records a change leaves secrets out; this is the net below him. Never throws.
 */

/** A policy changes by kilobytes; whoever replaces ten thousand rules finds them in the file that he applied. */
export const MOST_BYTES = 16 * 1024;

const SECRET = /pass(?:word|phrase|code)|secret|token|totp|credential|private.?key|api.?key|^(?:key|pin|pass)$/i;
const NOTE = '…';
/** Room for the note and for what stands in place of a part that is too large. */
const RESERVED_BYTES = 512;

/** @returns null for what is no JSON: undefined, a function */
export function keptValue(value: unknown): unknown {
  const text = jsonOf(value);
  if (text === undefined) return null;
  const parsed: unknown = JSON.parse(text);
  return byteLength(text) <= MOST_BYTES ? parsed : cut(parsed, byteLength(text));
}

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, (key, part: unknown) => {
      if (part !== null && SECRET.test(key)) return '(secret)';
      return typeof part === 'bigint' ? String(part) : part;
    });
  } catch {
    return JSON.stringify('(cannot be written as JSON)');
  }
}

/** Whole parts as long as there is room, then how much is missing. */
function cut(value: unknown, bytes: number): unknown {
  if (typeof value !== 'object' || value === null)
    return `${String(value).slice(0, 2500)}${NOTE} (cut: ${bytes} bytes)`;
  const entries: readonly (readonly [string, unknown])[] = Object.entries(value);
  const kept: (readonly [string, unknown])[] = [];
  let room = MOST_BYTES - RESERVED_BYTES;
  for (const [key, part] of entries) {
    const size = byteLength(JSON.stringify(part));
    // A key, its quotes, colon and comma.
    const around = byteLength(JSON.stringify(key)) + 2;
    const shown = around + size <= room ? part : `(cut: ${size} bytes)`;
    const taken = around + Math.min(size, 40);
    if (shown !== part && taken > room) continue;
    room -= shown === part ? around + size : taken;
    kept.push([key, shown]);
  }
  const note = `cut: ${entries.length - kept.length} of ${entries.length} parts are not shown; ${bytes} bytes altogether`;
  return Array.isArray(value) ? [...kept.map(([, part]) => part), note] : Object.fromEntries([...kept, [NOTE, note]]);
}

const byteLength = (text: string): number => Buffer.byteLength(text);
