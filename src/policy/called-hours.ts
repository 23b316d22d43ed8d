/**
 * A schedule read by the clock of whoever is called, wherever that may be.
 *
 * It is open when it is open in every zone that the called party may be in, and closed as soon as one of them is outside
 * the windows: 12 CFR 1006, comment 6(b)(1)(i)-2, reads "local time" so where one does not know which of several places
 * it is. The zones are those of the number, and the one that came with the call, if one did: it can make the hours
 * shorter and never longer. Where neither tells anything, it is the zone of the policy.
 */
import { IANAZone } from 'luxon';
import { type CallAttempt, type EpochMs, showName } from './call.ts';
import { calledZones } from './called-zone.ts';
import { compileSchedule, type Schedule, type ScheduleDocument } from './schedule.ts';

/** Part of a schedule: when it is open, by one or several clocks. */
export type Hours = Pick<Schedule, 'isOpen' | 'nextChange'>;

export interface HoursOfCall extends Hours {
  /** Whose clocks count, by their names in the IANA data; never empty. */
  readonly zones: readonly string[];
  /** `in America/Denver or America/Los_Angeles`, and the zone that came with the call where there is none of that name. */
  readonly describe: (isOpen: boolean) => string;
}

export type CalledHours = (call: Pick<CallAttempt, 'destination' | 'calledZone'>) => HoursOfCall;

/** Places that numbers may be in: some 350 of the table, and combinations with what a dialplan passes. */
const MOST_REMEMBERED = 1000;
/**
 * So many edges are looked at, two weeks of a window a day in eleven zones. Windows that overlap nowhere in that time are
 * said to overlap never; that is for sentences, whether it is open now never depends on it.
 */
const MOST_STEPS = 400;

/**
 * @param document a schedule whose `timezone` is `called`
 * @param policyZone where nothing is known of the number
 */
export function compileCalledHours(document: ScheduleDocument, policyZone: string): CalledHours {
  const inZone = new Map<string, Schedule | undefined>();
  const scheduleIn = (zone: string): Schedule | undefined => {
    if (inZone.has(zone)) return inZone.get(zone);
    if (inZone.size >= MOST_REMEMBERED) inZone.clear();
    const schedule = IANAZone.isValidZone(zone) ? compileSchedule(document, zone) : undefined;
    inZone.set(zone, schedule);
    return schedule;
  };
  const remembered = new Map<string, HoursOfCall>();
  return ({ destination, calledZone }) => {
    const ofNumber = calledZones(destination);
    const key = `${ofNumber.join(' ')}|${calledZone ?? ''}`;
    const known = remembered.get(key);
    if (known !== undefined) return known;
    const given = calledZone === undefined ? undefined : scheduleIn(calledZone);
    const schedules = ofNumber.flatMap((zone) => scheduleIn(zone) ?? []);
    if (given !== undefined && !schedules.includes(given)) schedules.push(given);
    // A runtime whose zone data is older than the table may know none of them.
    if (schedules.length === 0) schedules.push(compileSchedule(document, policyZone));
    const zones = schedules.map(({ zone }) => zone);
    const ignored = given === undefined ? calledZone : undefined;
    const hours: HoursOfCall = Object.freeze({ ...openInAll(schedules), zones, describe: describer(zones, ignored) });
    if (remembered.size >= MOST_REMEMBERED) remembered.clear();
    remembered.set(key, hours);
    return hours;
  };
}

const MOST_SHOWN = 4;

function describer(zones: readonly string[], ignored: string | undefined): HoursOfCall['describe'] {
  const shown = zones.slice(0, MOST_SHOWN);
  if (zones.length > MOST_SHOWN) shown.push(`${zones.length - MOST_SHOWN} more`);
  const note = ignored === undefined ? '' : ` (there is no time zone ${showName(ignored)}, which came with the call)`;
  const [open, closed] = [' and ', ' or '].map((word) => `in ${shown.join(word)}${note}`);
  return (isOpen) => (isOpen ? open : closed) ?? '';
}

/** Remembers its last answer, which holds until the change that it names: calls come much more often than changes. */
function openInAll(schedules: readonly Schedule[]): Hours {
  let since = Number.POSITIVE_INFINITY;
  let until = Number.NEGATIVE_INFINITY;
  let answer: EpochMs | undefined;
  const nextChange = (at: EpochMs): EpochMs | undefined => {
    if (at >= since && at < until) return answer;
    const clocks = schedules.map((schedule) => ({
      schedule,
      open: schedule.isOpen(at),
      change: schedule.nextChange(at),
    }));
    const isOpenInAll = (): boolean => clocks.every(({ open }) => open);
    const before = isOpenInAll();
    since = at;
    for (let step = 0; step < MOST_STEPS; step++) {
      const first = Math.min(...clocks.map(({ change }) => change ?? Number.POSITIVE_INFINITY)) as EpochMs;
      until = first;
      for (const clock of clocks) {
        if (clock.change !== first) continue;
        clock.open = !clock.open;
        clock.change = clock.schedule.nextChange(first);
      }
      answer = isOpenInAll() === before ? undefined : first;
      if (answer !== undefined || first === Number.POSITIVE_INFINITY) break;
    }
    return answer;
  };
  return { isOpen: (at) => schedules.every((each) => each.isOpen(at)), nextChange };
}
