/** When a block ends: how long that is, and the time itself. */
import type { ReactNode } from 'react';
import { formatAge, formatExactly, formatMoment } from '../../parts/format.ts';
import { useNow, useZone } from '../../parts/time.tsx';
import { blockedTexts as texts } from '../../texts/blocked.ts';

const DAY_MS = 86_400_000;

export function Expires({
  until,
  isShort = false,
}: {
  readonly until: string | null;
  readonly isShort?: boolean;
}): ReactNode {
  const zone = useZone();
  const now = useNow(10_000);
  if (until === null) return texts.never;
  const at = Date.parse(until);
  const isNear = Math.abs(at - now) < DAY_MS;
  const moment = formatMoment(at, now, zone);
  return (
    <time dateTime={until} title={formatExactly(at, zone)} className="number">
      {isNear ? (isShort ? formatAge(at, now, zone) : `${formatAge(at, now, zone)} · ${moment}`) : moment}
    </time>
  );
}
