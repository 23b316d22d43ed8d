/** The menu at the side (a rail of icons on narrow screens), and the bar at the bottom of a phone. */
import { IconDots } from '@tabler/icons-react';
import { lazy, type ReactNode, Suspense, useState } from 'react';
import { frameTexts } from '../texts/frame.ts';
import type { Entry } from './menu.ts';
import { MenuGroups, MenuLink } from './menu-links.tsx';

const MoreMenu = lazy(async () => ({ default: (await import('./more-menu.tsx')).MoreMenu }));

export function SideMenu({ entries }: { readonly entries: readonly Entry[] }): ReactNode {
  return (
    <nav className="side-menu" aria-label={frameTexts.menu}>
      <MenuGroups entries={entries} />
    </nav>
  );
}

const BOTTOM = ['/', '/approvals', '/calls', '/blocked-ips'];

export function BottomBar({ entries }: { readonly entries: readonly Entry[] }): ReactNode {
  const [isOpen, setOpen] = useState(false);
  const direct = entries.filter(({ path }) => BOTTOM.includes(path));
  const rest = entries.filter(({ path }) => !BOTTOM.includes(path));
  return (
    <nav className="bottom-bar" aria-label={frameTexts.menu}>
      {direct.map((entry) => (
        <MenuLink key={entry.path} entry={entry} />
      ))}
      <button type="button" className="menu-link" aria-expanded={isOpen} onClick={() => setOpen(true)}>
        <IconDots size={20} stroke={1.75} />
        <span>{frameTexts.more}</span>
      </button>
      <Suspense fallback={null}>{isOpen && <MoreMenu entries={rest} onClose={() => setOpen(false)} />}</Suspense>
    </nav>
  );
}
