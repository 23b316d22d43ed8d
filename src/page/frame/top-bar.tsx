/** The bar at the top: brand, search, live state, who waits for approval, and one's own menu. */
import { useMantineColorScheme } from '@mantine/core';
import { useClickOutside } from '@mantine/hooks';
import { IconCircle, IconCircleFilled, IconCircleHalf2, IconHandStop, IconSearch, IconUser } from '@tabler/icons-react';
import { type ReactNode, useId, useState } from 'react';
import { Link } from 'react-router';
import { useLiveState } from '../api/live.tsx';
import { useMe } from '../api/me.ts';
import { useAccount, useSession } from '../api/session.tsx';
import { formatClock, formatCountdown } from '../parts/format.ts';
import { useNow, useZone } from '../parts/time.tsx';
import { useWaiting } from '../screens/approvals/waiting.ts';
import { frameTexts } from '../texts/frame.ts';
import { Brand } from './brand.tsx';

export function TopBar({ onSearch }: { readonly onSearch: () => void }): ReactNode {
  const { data: me } = useMe();
  return (
    <header className="top-bar">
      <Link to="/" className="brand-link">
        <Brand />
      </Link>
      {me !== undefined && <span className="node muted">{me.node}</span>}
      <button type="button" className="jump" onClick={onSearch}>
        <IconSearch size={16} stroke={1.75} aria-hidden />
        <span>{frameTexts.search}</span>
        <kbd>Ctrl K</kbd>
      </button>
      <LiveWord />
      <WaitingPill />
      <OwnMenu />
    </header>
  );
}

function LiveWord(): ReactNode {
  const { state } = useLiveState();
  const zone = useZone();
  const { live } = frameTexts;
  const since = state.heardAt === undefined ? undefined : formatClock(state.heardAt, zone);
  const word = state.word === 'cut' ? (since === undefined ? live.never : live.cut(since)) : live[state.word];
  const Icon = { live: IconCircleFilled, 'catching-up': IconCircleHalf2, cut: IconCircle }[state.word];
  return (
    <span className="live-word" data-live={state.word}>
      <Icon size={12} stroke={2.5} aria-hidden />
      <span>{word}</span>
    </span>
  );
}

function WaitingPill(): ReactNode {
  const { count, nextEndsAt } = useWaiting();
  const { state } = useLiveState();
  const now = useNow();
  if (count === 0) return null;
  return (
    <Link to="/approvals" className="waiting-pill">
      <IconHandStop size={16} stroke={1.75} aria-hidden />
      <span>
        {frameTexts.waiting(count)}
        {state.word !== 'cut' && nextEndsAt !== undefined && (
          <span className="number"> · {formatCountdown(nextEndsAt - now)}</span>
        )}
      </span>
    </Link>
  );
}

/** A disclosure and not a menu: what is in it are links and radio buttons, and Tab goes through them. */
function OwnMenu(): ReactNode {
  const { user } = useAccount();
  const { signOut } = useSession();
  const [isOpen, setOpen] = useState(false);
  const close = (): void => setOpen(false);
  const place = useClickOutside<HTMLDivElement>(close);
  const id = useId();
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes from wherever the focus is inside
    <div
      ref={place}
      className="own"
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !isOpen) return;
        close();
        place.current?.querySelector('button')?.focus();
      }}
    >
      <button
        type="button"
        className="own-menu"
        aria-label={`${frameTexts.account}: ${user}`}
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={() => setOpen(!isOpen)}
      >
        <IconUser size={16} stroke={1.75} aria-hidden />
        <span>{user}</span>
      </button>
      {isOpen && (
        <div id={id} className="own-list">
          <Link to="/account" onClick={close}>
            {frameTexts.account}
          </Link>
          <button type="button" onClick={() => void signOut()}>
            {frameTexts.signOut}
          </button>
          <Colours />
        </div>
      )}
    </div>
  );
}

function Colours(): ReactNode {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { colours } = frameTexts;
  const name = useId();
  return (
    <fieldset>
      <legend className="muted">{colours.name}</legend>
      {(['auto', 'light', 'dark'] as const).map((scheme) => (
        <label key={scheme}>
          <input type="radio" name={name} checked={colorScheme === scheme} onChange={() => setColorScheme(scheme)} />
          {colours[scheme]}
        </label>
      ))}
    </fieldset>
  );
}
