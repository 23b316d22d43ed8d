/**
 * The frame around every screen: menu, top bar with the live state, one banner at most, messages, and on a phone the bar at
 * the bottom. Nothing of it is there before somebody is logged in, and an owner without a second factor sees only how to set
 * one up.
 */
import { Loader } from '@mantine/core';
import { lazy, type ReactNode, Suspense, useState } from 'react';
import { Outlet, useLocation, useNavigate } from 'react-router';
import { LiveProvider } from '../api/live.tsx';
import { useAccount, useSession } from '../api/session.tsx';
import { Failed } from '../parts/states.tsx';
import { Notices } from '../parts/undo.tsx';
import { ApprovalWatch } from '../screens/approvals/approval-watch.tsx';
import { LogIn } from '../screens/log-in/log-in.tsx';
import { frameTexts } from '../texts/frame.ts';
import { Banner } from './banner.tsx';
import { activeKeys, type KeyBinding, useKeys } from './keys.tsx';
import { entriesFor } from './menu.ts';
import { BottomBar, SideMenu } from './menus.tsx';
import { usePhone } from './phone.ts';
import { TopBar } from './top-bar.tsx';

const Palette = lazy(async () => ({ default: (await import('./palette.tsx')).Palette }));
const KeyList = lazy(async () => ({ default: (await import('./key-list.tsx')).KeyList }));
const LogInAgain = lazy(async () => ({ default: (await import('../screens/log-in/log-in-again.tsx')).LogInAgain }));
const FirstFactor = lazy(async () => ({
  default: (await import('../screens/first-run/first-factor.tsx')).FirstFactor,
}));

export function Shell(): ReactNode {
  const { standing, session, askAgain } = useSession();
  if (standing === 'unknown') return <Loader className="whole" aria-label={frameTexts.product} />;
  if (standing === 'unreachable')
    return (
      <main className="whole">
        <Failed error={new Error(frameTexts.unreachable)} retry={askAgain} />
      </main>
    );
  if (session === undefined || standing === 'none') return <LogIn />;
  if (session.secondFactorNeeded)
    return (
      <Suspense fallback={null}>
        <FirstFactor />
      </Suspense>
    );
  return (
    <LiveProvider user={session.user}>
      <Frame />
      <Suspense fallback={null}>{standing === 'ended' && <LogInAgain />}</Suspense>
    </LiveProvider>
  );
}

function Frame(): ReactNode {
  const session = useAccount();
  const isPhone = usePhone();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const [opened, setOpened] = useState<'palette' | readonly KeyBinding[]>();
  const entries = entriesFor(session);
  useKeys([
    { keys: 'mod+k', says: frameTexts.search, run: () => setOpened('palette') },
    { keys: '?', says: frameTexts.keysHelp, run: () => setOpened(activeKeys()) },
    ...entries.map(({ key, name, path }) => ({
      keys: `g ${key}`,
      says: frameTexts.goTo(name),
      run: () => void navigate(path),
    })),
  ]);
  return (
    <div className="frame">
      <a className="skip" href="#content">
        {frameTexts.skip}
      </a>
      <TopBar onSearch={() => setOpened('palette')} />
      {!isPhone && <SideMenu entries={entries} />}
      <div className="middle">
        <Banner />
        <main id="content" tabIndex={-1} data-path={pathname}>
          <Outlet />
        </main>
      </div>
      {isPhone && <BottomBar entries={entries} />}
      <ApprovalWatch />
      <Notices />
      <Suspense fallback={null}>
        {opened === 'palette' && <Palette entries={entries} onClose={() => setOpened(undefined)} />}
        {opened !== undefined && opened !== 'palette' && <KeyList keys={opened} onClose={() => setOpened(undefined)} />}
      </Suspense>
    </div>
  );
}
