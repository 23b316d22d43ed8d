/** "90s", "60m", "7d": a length of time as rules and the configuration have it. */
import { z } from 'zod';

const MS_PER_UNIT = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type Unit = keyof typeof MS_PER_UNIT;
const isUnit = (text: string): text is Unit => Object.hasOwn(MS_PER_UNIT, text);

/** In milliseconds; undefined for anything but a whole number and a unit of ms, s, m, h and d. */
export function parseDuration(text: string): number | undefined {
  const [, digits, unit] = /^\s*(\d{1,9})\s*([a-z]{1,2})\s*$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined || !isUnit(unit)) return undefined;
  return Number(digits) * MS_PER_UNIT[unit];
}

/** In the largest unit that gives a whole number: `3600000` → `1h`. */
export function durationText(ms: number): string {
  const units: readonly Unit[] = ['d', 'h', 'm', 's'];
  const unit = units.find((each) => ms % MS_PER_UNIT[each] === 0 && ms > 0) ?? 'ms';
  return `${ms / MS_PER_UNIT[unit]}${unit}`;
}

/** A field of a rule; it stays text, so that a document shows again what was written. Both bounds are allowed. */
export function durationField(shortestMs: number, longestMs: number, example: string) {
  const hint = `is not a length of time from ${durationText(shortestMs)} to ${durationText(longestMs)}; write for example ${example}`;
  return z.string({ error: hint }).refine(
    (text) => {
      const ms = parseDuration(text);
      return ms !== undefined && ms >= shortestMs && ms <= longestMs;
    },
    { error: hint },
  );
}
