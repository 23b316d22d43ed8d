/** Rows chosen one by one, or all between two of them. Pure. */

/** @param keys in the order of the rows @param from where the last choice was made; not there any more: `to` alone */
export function withRange(
  selected: ReadonlySet<string> | undefined,
  keys: readonly string[],
  { from, to, isOn }: { readonly from: string | undefined; readonly to: string; readonly isOn: boolean },
): ReadonlySet<string> {
  const [start, end] = [keys.indexOf(from ?? to), keys.indexOf(to)];
  const first = start < 0 ? end : Math.min(start, end);
  const after = new Set(selected);
  for (const key of keys.slice(first, Math.max(start, end) + 1))
    if (isOn) after.add(key);
    else after.delete(key);
  return after;
}

export function toggled(selected: ReadonlySet<string> | undefined, key: string): ReadonlySet<string> {
  const after = new Set(selected);
  if (!after.delete(key)) after.add(key);
  return after;
}
