/** What an entry of the allowlist is, as the screen and the form need it. Pure. */
import type { AllowReport } from '../../../api/allowlist-routes.ts';

const DAY_MS = 86_400_000;
const UNUSED_DAYS = 30;

/** Days without a hit, where that is long. An entry that was never hit counts from the day it was made. */
export function unusedDays(
  { lastHitAt, createdAt }: Pick<AllowReport, 'lastHitAt' | 'createdAt'>,
  now: number,
): number | undefined {
  const days = Math.floor((now - Date.parse(lastHitAt ?? createdAt)) / DAY_MS);
  return days > UNUSED_DAYS ? days : undefined;
}

export interface Fields {
  readonly name: string;
  readonly value: string;
  readonly mask: string;
  /** Chosen by hand; undefined: seen from the value. */
  readonly type: AllowReport['type'] | undefined;
  readonly description: string;
  readonly owner: string;
  readonly isExempt: boolean;
}

export const fieldsOf = (entry: AllowReport): Fields => ({
  name: entry.name,
  value: entry.mask === '' ? entry.value : (entry.value.split('/', 1)[0] ?? entry.value),
  mask: entry.mask,
  type: undefined,
  description: entry.description,
  owner: entry.owner,
  isExempt: entry.exemptFromCallLimits,
});

/** The body of a request. */
export const draftOf = ({ name, value, mask, type, description, owner, isExempt }: Fields) => ({
  name: name.trim(),
  value: value.trim(),
  ...(mask.trim() === '' ? {} : { mask: mask.trim() }),
  ...(type === undefined ? {} : { type }),
  description: description.trim(),
  owner: owner.trim(),
  exemptFromCallLimits: isExempt,
});

/** An entry as it can be added again. */
export const draftOfEntry = ({ name, value, description, owner, exemptFromCallLimits }: AllowReport) => ({
  name,
  value,
  description,
  owner,
  exemptFromCallLimits,
});

export const isChanged = (one: Fields, other: Fields): boolean =>
  (Object.keys(one) as (keyof Fields)[]).some((name) => name !== 'type' && one[name] !== other[name]);

/** How many addresses they hold together, in words; they may overlap. */
export const holdsTogether = (entries: readonly AllowReport[]): string =>
  entries.reduce((sum, { addresses }) => sum + addresses, 0).toLocaleString('en');
