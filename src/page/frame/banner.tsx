/**
 * At most one banner, the gravest: isolated, a change of the firewall that nobody kept yet, calls that cannot be decided, a
 * stream that is cut; then a log-in about to end, of itself or for want of use, a newer page, a packet filter that only says what it would do.
 */
import { Button } from '@mantine/core';
import { type ReactNode, useEffect, useRef } from 'react';
import { Link, useLocation } from 'react-router';
import type { FirewallReport } from '../../api/firewall-routes.ts';
import type { Status } from '../../status.ts';
import { useIdleLeft } from '../api/idle.ts';
import { useLiveState } from '../api/live.tsx';
import { useApi } from '../api/queries.ts';
import { useAccount, useSession } from '../api/session.tsx';
import { useAction } from '../parts/action.ts';
import { formatActor, formatClock, formatCountdown, sentence } from '../parts/format.ts';
import { useNow, useZone } from '../parts/time.tsx';
import { hasUnsaved } from '../parts/unsaved-mark.ts';
import { useWaiting } from '../screens/approvals/waiting.ts';
import { frameTexts } from '../texts/frame.ts';
import { announce } from './announcer.tsx';
import {
  keepChange,
  type PendingChange,
  putBack,
  SECTION_OF,
  useFirewallAnswer,
  useReached,
} from './firewall-change.ts';
import { useNewBuild } from './new-build.ts';

const ENDS_SOON_MS = 2 * 60_000;

export function Banner(): ReactNode {
  const { may } = useSession();
  const { endsAt, idleSeconds } = useAccount();
  const idleLeft = useIdleLeft(idleSeconds);
  const { state } = useLiveState();
  const now = useNow(1000, { runsOn: true });
  const { pathname } = useLocation();
  const { data: firewall } = useApi<FirewallReport>(may('firewall:read') ? 'firewall' : undefined);
  const { data: status } = useApi<Status>(may('status:read') ? 'status' : undefined);
  const { count } = useWaiting();
  const isNewBuild = useNewBuild();
  useToldApart();
  const { banner } = frameTexts;
  const store = status?.parts.find(({ name, state: is }) => name === 'store' && is === 'down');
  const left = Date.parse(endsAt) - now;
  const pending = firewall?.pending ?? undefined;
  if (firewall?.isolation != null && pending?.what !== 'isolation')
    return <Said link="/settings/isolate">{banner.isolated}</Said>;
  // Where it is made, the section itself says all of it.
  if (pending !== undefined && pathname !== SECTION_OF[pending.what]) return <Pending pending={pending} now={now} />;
  if (store !== undefined) return <Said link="/health">{banner.noStore(sentence(store.remedy))}</Said>;
  if (state.word === 'cut') return <NotLive now={now} />;
  if (idleLeft < ENDS_SOON_MS && idleLeft < left) return <Idle left={idleLeft} />;
  if (left < ENDS_SOON_MS) return <Said>{banner.ends(formatCountdown(left))}</Said>;
  // Never while somebody is waiting, nor over what is not saved.
  if (isNewBuild && count === 0 && !hasUnsaved())
    return (
      <section className="banner" aria-label={frameTexts.banner.name}>
        <span>{frameTexts.newBuild}</span>
        <Button size="compact-sm" onClick={() => location.reload()}>
          {frameTexts.reload}
        </Button>
      </section>
    );
  if (firewall?.backend === 'dry-run') return <Said>{banner.dryRun}</Said>;
  return null;
}

const Said = ({ children, link }: { readonly children: ReactNode; readonly link?: string }): ReactNode => (
  <section className="banner" aria-label={frameTexts.banner.name}>
    <span>
      {children} {link !== undefined && <Link to={link}>{frameTexts.banner.more}</Link>}
    </span>
  </section>
);

function Idle({ left }: { readonly left: number }): ReactNode {
  const { askAgain } = useSession();
  const { banner } = frameTexts;
  useEffect(() => announce(frameTexts.banner.idle(formatCountdown(ENDS_SOON_MS))), []);
  return (
    <section className="banner" aria-label={banner.name}>
      <span className="number">{banner.idle(formatCountdown(left))}</span>
      <Button size="compact-sm" onClick={askAgain}>
        {banner.stay}
      </Button>
    </section>
  );
}

function NotLive({ now }: { readonly now: number }): ReactNode {
  const { state, retryNow } = useLiveState();
  const seconds = state.triesAgainAt === undefined ? 0 : Math.ceil((state.triesAgainAt - now) / 1000);
  return (
    <section className="banner" aria-label={frameTexts.banner.name}>
      <span>
        {useCutSentence()} <span className="number">{frameTexts.live.nextTry(seconds)}</span>
      </span>
      <Button size="compact-sm" onClick={retryNow}>
        {frameTexts.live.retry}
      </Button>
    </section>
  );
}

function Pending({ pending, now }: { readonly pending: PendingChange; readonly now: number }): ReactNode {
  const { may } = useSession();
  const note = useFirewallAnswer();
  const zone = useZone();
  const { isRunning, error, run } = useAction();
  const reached = useReached(pending);
  const { banner } = frameTexts;
  const change = (work: () => Promise<FirewallReport>): void => void run(async () => note(await work()));
  return (
    <section className="banner" aria-label={frameTexts.banner.name}>
      <span>
        {banner.pending(banner.changes[pending.what], formatActor(pending.by))}{' '}
        <span className="number">{banner.backIn(formatCountdown(Date.parse(pending.revertAt) - now))}</span>{' '}
        {reached.word === 'lost' && banner.noConnection(formatClock(Date.parse(pending.revertAt), zone))}{' '}
        <Link to={SECTION_OF[pending.what]}>{banner.more}</Link> {error !== undefined && sentence(error.message)}
      </span>
      {may('firewall:write') && (
        <span className="row">
          <Button size="compact-sm" loading={isRunning} onClick={() => change(putBack)}>
            {banner.putBack}
          </Button>
          <Button size="compact-sm" loading={isRunning} onClick={() => change(keepChange)}>
            {banner.keep}
          </Button>
        </span>
      )}
    </section>
  );
}

function useCutSentence(): string {
  const { state } = useLiveState();
  const zone = useZone();
  const { live } = frameTexts;
  return state.heardAt === undefined ? live.bannerNever : live.banner(formatClock(state.heardAt, zone));
}

/** Screen readers hear when the page is no longer live and when it is again; the styles dim what may be old. */
function useToldApart(): void {
  const { state } = useLiveState();
  const said = useCutSentence();
  const wasCut = useRef(false);
  const isCut = state.word === 'cut';
  useEffect(() => {
    document.documentElement.dataset['live'] = state.word;
    if (isCut && !wasCut.current) announce(said);
    if (state.word === 'live' && wasCut.current) announce(frameTexts.live.back);
    if (isCut || state.word === 'live') wasCut.current = isCut;
  }, [isCut, said, state.word]);
}
