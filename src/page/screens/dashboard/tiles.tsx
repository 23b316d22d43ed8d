/** The figures of the Dashboard, each a link to the list with the same number. */
import { type ReactNode, useId } from 'react';
import { Link, useNavigate } from 'react-router';
import type { Dashboard } from '../../../api/dashboard-routes.ts';
import type { SpendReport } from '../../../api/spend-routes.ts';
import { useLiveState } from '../../api/live.tsx';
import { useKeys } from '../../frame/keys.tsx';
import { formatCount, formatCountdown } from '../../parts/format.ts';
import { useNow } from '../../parts/time.tsx';
import { dashboardTexts } from '../../texts/dashboard.ts';
import { amountIn } from '../calls/cost-tab.tsx';
import { countsOf, sumOf } from './minutes.ts';

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
  const tiles = [
    ...(found === undefined ? [] : tilesOf(found)),
    ...(spend == null ? [] : [spendTile(spend)]),
    ...(found === undefined ? [] : outsideTiles(found)),
  ];
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

const OTHERS = ['hold', 'wait', 'alert'] as const;

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
    // The same minutes as in the charts, and the same calls as in the list that it leads to.
    const since = minutes[0]?.at ?? '';
    const others = OTHERS.flatMap((verdict) => {
      const count = sumOf(countsOf(minutes, verdict));
      return count === 0 ? [] : [texts.others[verdict](formatCount(count))];
    });
    tiles.push({
      name: texts.refused,
      figure: formatCount(sumOf(countsOf(minutes, 'block'))),
      detail: texts.refusedPlus(others.join(', '), sumOf(countsOf(minutes, 'block')) > 0),
      to: `/calls?${new URLSearchParams({ tab: 'refused', since })}`,
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

/** What attacks, and what the packet filter has to do: behind those that keys open. */
function outsideTiles({ attacks, drops }: Dashboard): readonly Tile[] {
  const tiles: Tile[] = [];
  if (attacks !== null)
    tiles.push({
      name: texts.attacks,
      figure: formatCount(sumOf(attacks.map(({ events }) => events))),
      detail: texts.attacksNow(formatCount(sumOf(attacks.slice(-2).map(({ events }) => events)))),
      to: '/blocked-ips?tab=history',
    });
  if (drops !== null) {
    const [most] = drops.sources;
    tiles.push({
      name: texts.drops,
      figure: formatCount(drops.packets),
      detail: most === undefined ? texts.dropsAt(drops.node) : texts.dropsOf(most.address),
      to: '/blocked-ips?tab=counters',
    });
  }
  return tiles;
}

/** By the daemon's clock; while the page hears nothing, nobody knows whether the call still waits. */
function Left({ until }: { readonly until: string }): ReactNode {
  const now = useNow();
  const { state } = useLiveState();
  if (state.word === 'cut') return texts.timeUnknown;
  return texts.heldFor(formatCountdown(Date.parse(until) - now));
}

function spendTile({ currency, budgets }: SpendReport): Tile {
  // Of the whole system, if it has one: that is what somebody has to pay.
  const money = budgets.filter(({ kind, isShadow }) => kind === 'spend' && !isShadow);
  const first =
    money.filter(({ level }) => level === 'hard').find(({ per }) => per === 'system') ?? money[0] ?? budgets[0];
  return {
    name: texts.spend,
    figure: first === undefined ? '–' : amountIn(currency, first.kind, first.used),
    detail:
      first === undefined
        ? texts.noSpend
        : texts.spendOf(amountIn(currency, first.kind, first.of), first.name, first.subject),
    to: '/calls?tab=cost',
  };
}
