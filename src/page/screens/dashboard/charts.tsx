/** The three charts of the Dashboard: what was let go, what was stopped, what attacked. */
import type { ReactNode } from 'react';
import { useNavigate } from 'react-router';
import type { Dashboard } from '../../../api/dashboard-routes.ts';
import { formatClock, formatCount } from '../../parts/format.ts';
import { useNow, useZone } from '../../parts/time.tsx';
import { Verdict } from '../../parts/verdict.tsx';
import { dashboardTexts } from '../../texts/dashboard.ts';
import { verdictTexts } from '../../texts/verdicts.ts';
import { type ChartSeries, MinuteChart } from './minute-chart.tsx';
import { addedUp, type Count, countsOf, largestAt, STOPPED, sumOf, upTo } from './minutes.ts';

const texts = dashboardTexts.charts;
/** It is read every ten seconds. */
const OLD_MS = 30_000;

const gapsOf = (counts: readonly Count[]): readonly string[] => {
  const unknown = counts.filter((count) => count === null).length;
  return unknown === 0 ? [] : [texts.gaps(unknown)];
};

export function Charts({ found }: { readonly found: Dashboard }): ReactNode {
  const navigate = useNavigate();
  const zone = useZone();
  const now = useNow(30_000, { runsOn: true });
  // What was read while the page heard nothing says nothing of the minutes since.
  const isOld = now - Date.parse(found.at) > OLD_MS;
  const until = isOld ? now : Date.parse(found.at);
  const minutes = found.minutes && upTo(found.minutes, until, (at) => ({ at, verdicts: null }));
  const attacks = found.attacks && upTo(found.attacks, until, (at) => ({ at, events: null, bans: 0 }));
  const { patterns } = found;
  const choose = (since: string, until: string): void =>
    void navigate(`/calls?${new URLSearchParams({ since, until })}`);
  const summed = (
    counts: readonly Count[],
    times: readonly string[],
    none: string,
    say: (sum: string, most: string, at: string) => string,
  ): string => {
    const sum = sumOf(counts);
    const largest = largestAt(counts);
    const at = formatClock(Date.parse(times[largest] ?? ''), zone).slice(0, 5);
    return sum === 0 ? none : say(formatCount(sum), formatCount(counts[largest] ?? 0), at);
  };
  const times = (minutes ?? []).map(({ at }) => at);
  const allowed = minutes === null ? [] : countsOf(minutes, 'allow');
  const stopped: readonly ChartSeries[] =
    minutes === null
      ? []
      : STOPPED.map((verdict) => ({
          ink: verdict,
          name: verdictTexts.does[verdict],
          counts: countsOf(minutes, verdict),
        }));
  const [worst] = patterns ?? [];
  return (
    <div className="charts">
      {minutes === null ? (
        <p className="panel muted">{texts.unavailable}</p>
      ) : (
        <>
          <MinuteChart
            title={texts.allowed}
            // Said once: the hatching is the same in all three.
            summary={[summed(allowed, times, texts.nothingAllowed, texts.allowedSum), ...gapsOf(allowed)].join(' ')}
            times={times}
            series={[{ ink: 'allow', name: verdictTexts.does.allow, counts: allowed }]}
            onChoose={choose}
          />
          <MinuteChart
            title={texts.stopped}
            summary={summed(
              addedUp(stopped.filter(({ ink }) => ink !== 'alert').map(({ counts }) => counts)),
              times,
              texts.nothingStopped,
              (sum, most, at) => texts.stoppedSum(sum, most, at, worst?.extension ?? undefined),
            )}
            times={times}
            series={stopped}
            legend={({ ink }) => (ink === 'text' ? null : <Verdict verdict={ink} />)}
            onChoose={choose}
          />
        </>
      )}
      {attacks !== null && (
        <MinuteChart
          title={texts.attacks}
          summary={`${summed(
            attacks.map(({ events }) => events),
            attacks.map(({ at }) => at),
            texts.noAttacks,
            texts.attacksSum,
          )} ${texts.bansOf(sumOf(attacks.map(({ bans }) => bans)))}`}
          times={attacks.map(({ at }) => at)}
          series={[{ ink: 'text', name: texts.events, counts: attacks.map(({ events }) => events) }]}
          onChoose={choose}
        />
      )}
    </div>
  );
}
