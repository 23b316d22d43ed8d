/** What is typed into a section and not saved: which fields differ, and durations as number and unit. Pure. */

export type Unit = 'm' | 'h' | 'd';
const MINUTES: Readonly<Record<Unit, number>> = { m: 1, h: 60, d: 1440 };

/** `24h` as 24 and `h`; `1h30m` as 90 and `m`. */
export function readDuration(text: string): { readonly count: number; readonly unit: Unit } {
  const [, whole, only] = /^(\d+)([mhd])$/.exec(text) ?? [];
  const units: readonly Unit[] = ['m', 'h', 'd'];
  const unit = units.find((each) => each === only);
  if (whole !== undefined && unit !== undefined) return { count: Number(whole), unit };
  let minutes = 0;
  for (const [, count, each] of text.matchAll(/(\d+)([smhd])/g))
    minutes += Number(count) * (each === 's' ? 1 / 60 : (MINUTES[units.find((known) => known === each) ?? 'm'] ?? 1));
  return { count: Math.round(minutes), unit: 'm' };
}

/** How many single values differ. */
export function countChanges(before: unknown, after: unknown): number {
  if (isMapping(before) && isMapping(after))
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].reduce(
      (sum, key) => sum + countChanges(before[key], after[key]),
      0,
    );
  return JSON.stringify(before) === JSON.stringify(after) ? 0 : 1;
}

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Addresses, numbers or prefixes as people write several of them. */
export const wordsOf = (text: string): readonly string[] => text.split(/[\s,;]+/).filter((word) => word !== '');
