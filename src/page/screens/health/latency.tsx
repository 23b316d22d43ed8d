/** How long decisions and the store took in the last hour: the middle one, the slowest of a hundred, and its bars by minute. */
import type { ReactNode } from 'react';
import type { Status } from '../../../status.ts';
import { formatCount } from '../../parts/format.ts';
import { healthTexts } from '../../texts/health.ts';

const texts = healthTexts.latency;

type Latency = Status['latency']['store'];

export function Took({ latency, what }: { readonly latency: Latency; readonly what: string }): ReactNode {
  const { count, p50Ms, p99Ms, minutes } = latency;
  if (p50Ms === null || p99Ms === null) return <span className="muted">{texts.none}</span>;
  return (
    <span className="health-took" title={texts.title}>
      <span className="number">{texts.took(String(p50Ms), String(p99Ms))}</span>
      <Bars minutes={minutes} label={texts.bars(what, String(Math.max(...minutes.map((each) => each ?? 0))))} />
      <span className="muted">{texts.of(formatCount(count))}</span>
    </span>
  );
}

const HEIGHT = 16;

/** Minutes in which there was nothing have no bar. */
function Bars({ minutes, label }: { readonly minutes: readonly (number | null)[]; readonly label: string }): ReactNode {
  const most = Math.max(...minutes.map((each) => each ?? 0));
  return (
    <svg
      className="health-bars"
      role="img"
      aria-label={label}
      viewBox={`0 0 ${minutes.length * 3} ${HEIGHT}`}
      width={minutes.length * 3}
      height={HEIGHT}
    >
      <rect className="health-base" x={0} y={HEIGHT - 1} width={minutes.length * 3} height={1} />
      {minutes.map((value, at) => {
        if (value === null) return null;
        const height = Math.max(2, (value / most) * HEIGHT);
        // biome-ignore lint/suspicious/noArrayIndexKey: a place in time is what a bar is
        return <rect key={at} x={at * 3} y={HEIGHT - height} width={2} height={height} />;
      })}
    </svg>
  );
}
