/** The figures of the Dashboard, each a link to the list with the same number. */
import { type ReactNode, useId } from 'react';
import { Link, useNavigate } from 'react-router';
import type { Dashboard } from '../../../api/dashboard-routes.ts';
import type { SpendReport } from '../../../api/spend-routes.ts';
import { serverNow } from '../../api/server-clock.ts';
import { useKeys } from '../../frame/keys.tsx';
import { formatCount, formatCountdown } from '../../parts/format.ts';
import { useNow } from '../../parts/time.tsx';
import { dashboardTexts } from '../../texts/dashboard.ts';
import { amountIn } from '../calls/cost-tab.tsx';
import { countsOf, STOPPED, sumOf } from './minutes.ts';

const texts = dashboardTexts.tiles;

interface Tile {
  readonly name: string;
  readonly figure: string;
  readonly detail: ReactNode;
  readonly to: string;
}

/** @param spend undefined: not read; null: may not be seen */
export function Tiles({
  found,
  spend,
}: {
  readonly found: Dashboard | undefined;
  readonly spend: SpendReport | null | undefined;
}): ReactNode {
  const tiles = [...(found === undefined ? [] : tilesOf(found)), ...(spend == null ? [] : [spendTile(spend)])];
  const navigate = useNavigate();
  useKeys(
    tiles.slice(0, 5).map(({ name, to }, index) => ({
      keys: String(index + 1),
      says: dashboardTexts.tileKey(name),
      run: () => void navigate(to),
    })),
  );
  return (
    <ul className="tiles">
      {tiles.map((tile) => (
        <li key={tile.name}>
          <TileLink tile={tile} />
        </li>
      ))}
    </ul>
  );
}

function TileLink({ tile: { name, figure, detail, to } }: { readonly tile: Tile }): ReactNode {
  const id = useId();
  return (
    <Link to={to} className="tile" aria-labelledby={id}>
      <span id={id} className="tile-words">
        <span className="tile-name">{name}</span>
        <span className="tile-figure number" data-long={figure.length > 12 || undefined}>
          {figure}
        </span>
        <span className="tile-detail">{detail}</span>
      </span>
    </Link>
  );
}

const HOUR_MS = 3_600_000;

function tilesOf({ callsAtOnce, minutes, held, bans }: Dashboard): readonly Tile[] {
  const tiles: Tile[] = [];
  if (callsAtOnce !== null) {
    const { now, ceiling } = callsAtOnce;
    tiles.push({
      name: texts.out,
      figure: ceiling === null ? formatCount(now) : texts.outOf(formatCount(now), formatCount(ceiling)),
      detail: ceiling === null ? texts.noCeiling : texts.ofCeiling,
      to: '/calls?tab=under-way',
    });
  }
  if (minutes !== null) {
    const stopped = STOPPED.filter((verdict) => verdict !== 'alert').map((verdict) =>
      sumOf(countsOf(minutes, verdict)),
    );
    const since = new Date(Math.floor(serverNow() / 60_000) * 60_000 - HOUR_MS + 60_000).toISOString();
    tiles.push({
      name: texts.stopped,
      figure: formatCount(sumOf(stopped)),
      detail: texts.stoppedPlus(formatCount(sumOf(countsOf(minutes, 'alert')))),
      to: `/calls?tab=refused&since=${encodeURIComponent(since)}`,
    });
  }
  if (held !== null)
    tiles.push({
      name: texts.held,
      figure: formatCount(held.waiting),
      detail: held.nextExpiresAt === null ? texts.heldNone : <Left until={held.nextExpiresAt} />,
      to: '/approvals',
    });
  if (bans !== null)
    tiles.push({
      name: texts.bans,
      figure: formatCount(bans.total),
      detail: texts.bansPlus(formatCount(bans.lastHour)),
      to: '/blocked-ips',
    });
  return tiles;
}

function Left({ until }: { readonly until: string }): ReactNode {
  const now = useNow();
  return texts.heldFor(formatCountdown(Date.parse(until) - now));
}

function spendTile({ currency, budgets }: SpendReport): Tile {
  // Of the whole system, if it has one: that is what somebody has to pay.
  const money = budgets.filter(({ kind, isShadow }) => kind === 'spend' && !isShadow);
  const first =
    money.filter(({ level }) => level === 'hard').find(({ per }) => per === 'system') ?? money[0] ?? budgets[0];
  return {
    name: texts.spend,
    figure:
      first === undefined
        ? '–'
        : texts.spendOf(amountIn(currency, first.kind, first.used), amountIn(currency, first.kind, first.of)),
    detail: first === undefined ? texts.noSpend : texts.spendFor(first.name, first.subject),
    to: '/calls?tab=cost',
  };
}
