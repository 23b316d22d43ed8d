/** Entries of the menu as links. */
import type { ReactNode } from 'react';
import { Link, useLocation } from 'react-router';
import { useWaiting } from '../screens/approvals/waiting.ts';
import { MENU_ICONS } from './icons.ts';
import { type Entry, entryOf } from './menu.ts';

export function MenuGroups({
  entries,
  onGo,
}: {
  readonly entries: readonly Entry[];
  readonly onGo?: () => void;
}): ReactNode {
  const groups = [...new Set(entries.map(({ group }) => group))];
  return groups.map((group) => (
    <div key={group} className="menu-group">
      <h2>{group}</h2>
      <ul>
        {entries
          .filter((entry) => entry.group === group)
          .map((entry) => (
            <li key={entry.path}>
              <MenuLink entry={entry} onGo={onGo} />
            </li>
          ))}
      </ul>
    </div>
  ));
}

export function MenuLink({
  entry,
  onGo,
}: {
  readonly entry: Entry;
  readonly onGo?: (() => void) | undefined;
}): ReactNode {
  const { pathname } = useLocation();
  const Icon = MENU_ICONS[entry.icon];
  const isCurrent = entryOf(pathname) === entry;
  return (
    <Link
      to={entry.path}
      className="menu-link"
      aria-current={isCurrent ? 'page' : undefined}
      title={entry.name}
      onClick={onGo}
    >
      <Icon size={20} stroke={1.75} />
      <span>{entry.name}</span>
      {entry.path === '/approvals' && <WaitingBadge />}
    </Link>
  );
}

function WaitingBadge(): ReactNode {
  const { count } = useWaiting();
  return count === 0 ? null : <span className="badge number">{count}</span>;
}
