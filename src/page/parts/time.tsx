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

/** The daemon's time, anew each interval; while the tab is hidden it stands still. */
export function useNow(everyMs = 1000): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) setNow(serverNow());
    }, everyMs);
    const onShown = (): void => setNow(serverNow());
    document.addEventListener('visibilitychange', onShown);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', onShown);
    };
  }, [everyMs]);
  return now;
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
