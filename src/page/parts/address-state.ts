/**
 * What is chosen on a screen lives in its address: filters, tab, open drawer. So any view can be sent to a colleague, and
 * Back undoes it.
 */
import { useCallback } from 'react';
import { useSearchParams } from 'react-router';

/** One value of the query; an empty one is left out of it. */
export function useAddressValue(name: string): readonly [string, (value: string) => void] {
  const [query, setQuery] = useSearchParams();
  const set = useCallback(
    (value: string) =>
      setQuery(
        (before) => {
          const after = new URLSearchParams(before);
          if (value === '') after.delete(name);
          else after.set(name, value);
          return after;
        },
        { replace: true, state: { keepsFocus: true } },
      ),
    [name, setQuery],
  );
  return [query.get(name) ?? '', set];
}

/** All filters of a list that are in force, and how to change them. */
export function useAddressFilters<Name extends string>(
  names: readonly Name[],
): {
  readonly values: Readonly<Partial<Record<Name, string>>>;
  readonly set: (changes: Readonly<Partial<Record<Name, string>>>) => void;
} {
  const [query, setQuery] = useSearchParams();
  const values: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const value = query.get(name);
    if (value !== null) values[name] = value;
  }
  const set = useCallback(
    (changes: Readonly<Partial<Record<Name, string>>>) =>
      setQuery(
        (before) => {
          const after = new URLSearchParams(before);
          for (const [name, value] of Object.entries<string | undefined>(changes))
            if (value === undefined || value === '') after.delete(name);
            else after.set(name, value);
          return after;
        },
        { replace: true, state: { keepsFocus: true } },
      ),
    [setQuery],
  );
  return { values, set };
}
