/** Times on the screen: the daemon's time, in the zone that the viewer chose, exact on hover and focus. */
import { type ReactNode, useEffect, useState } from 'react';
import { serverNow } from '../api/server-clock.ts';
import { useDeviceChoice } from '../frame/device.ts';
import { formatAge, formatClock, formatExactly, formatMoment } from './format.ts';

export const ZONE_CHOICE = 'zone';

/** The zone that times are shown in; undefined: the one of this device. */
export function useZone(): string | undefined {
  const [zone] = useDeviceChoice(ZONE_CHOICE, '');
  return zone === '' ? undefined : zone;
}

/** Its name, for the one place of a screen that says it. */
export const useZoneName = (): string => useZone() ?? Intl.DateTimeFormat().resolvedOptions().timeZone;

/**
 * The daemon's time, anew each interval. It stands still while the tab is hidden, and while the page hears nothing: what is
 * shown is of the moment when it was last heard, and nothing counts down that nobody knows to go on.
 *
 * @param options.runsOn for what goes on without the page, such as a change that is put back by itself
 */
export function useNow(everyMs = 1000, { runsOn = false }: { readonly runsOn?: boolean } = {}): number {
  const [now, setNow] = useState(runsOn ? serverNow : shownTime);
  useEffect(() => {
    const show = (): void => {
      if (!document.hidden) setNow(runsOn ? serverNow() : shownTime());
    };
    const timer = setInterval(show, everyMs);
    document.addEventListener('visibilitychange', show);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', show);
    };
  }, [everyMs, runsOn]);
  return now;
}

/** When the page was found to hear nothing. */
let stoodStillAt: number | undefined;

function shownTime(): number {
  if (document.documentElement.dataset['live'] !== 'cut') {
    stoodStillAt = undefined;
    return serverNow();
  }
  stoodStillAt ??= serverNow();
  return stoodStillAt;
}

/** @param props.as `moment` for tables, `age` for cards, `clock` without the day */
export function Time({
  at,
  as = 'moment',
}: {
  /** ISO 8601. */
  readonly at: string;
  readonly as?: 'moment' | 'age' | 'clock';
}): ReactNode {
  const zone = useZone();
  const now = useNow(as === 'age' ? 1000 : 60_000);
  const ms = Date.parse(at);
  const text =
    as === 'age' ? formatAge(ms, now, zone) : as === 'clock' ? formatClock(ms, zone) : formatMoment(ms, now, zone);
  return (
    <time dateTime={at} title={formatExactly(ms, zone)} className="number">
      {text}
    </time>
  );
}
