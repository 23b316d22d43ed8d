/** On a phone: the screens that have no place in the bar at the bottom. */
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { Dialog } from '../parts/dialog.tsx';
import { frameTexts } from '../texts/frame.ts';
import type { Entry } from './menu.ts';
import { MenuGroups } from './menu-links.tsx';

export function MoreMenu({
  entries,
  onClose,
}: {
  readonly entries: readonly Entry[];
  readonly onClose: () => void;
}): ReactNode {
  return (
    <Dialog at="bottom" size="auto" title={frameTexts.more} onClose={onClose}>
      <nav className="more-menu" aria-label={frameTexts.more}>
        <MenuGroups entries={entries} onGo={onClose} />
        <Link to="/account" className="menu-link" onClick={onClose}>
          <span>{frameTexts.account}</span>
        </Link>
      </nav>
    </Dialog>
  );
}
