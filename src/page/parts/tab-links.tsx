/** Tabs of a screen: links, so that each has an address, Back works, and a new browser tab can be opened from them. */
import type { ReactNode } from 'react';
import { Link, useLocation } from 'react-router';

export function TabLinks({
  name,
  tabs,
  current,
  panel,
}: {
  /** Of the value in the address; the first tab leaves it out. */
  readonly name: string;
  readonly tabs: readonly { readonly value: string; readonly label: ReactNode }[];
  readonly current: string;
  /** Id of what they switch. */
  readonly panel: string;
}): ReactNode {
  const { pathname } = useLocation();
  return (
    <nav className="tab-links" aria-controls={panel}>
      {tabs.map(({ value, label }) => (
        <Link
          key={value}
          to={{ pathname, search: value === '' ? '' : `?${name}=${value}` }}
          state={{ keepsFocus: true }}
          aria-current={value === current ? 'true' : undefined}
        >
          {label}
        </Link>
      ))}
    </nav>
  );
}
