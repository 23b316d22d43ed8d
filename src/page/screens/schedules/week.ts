/**
 * The windows of a schedule as a week of half hours, and back: what the grid shows and paints. Pure.
 *
 * A window is a span of the week that belongs to the day it begins on; painting adds a span to the week or takes one out.
 * Which windows then stand for it is made anew: each crosses one midnight at most, which is what a window can say.
 */
import type { ScheduleWindow, Weekday } from '../../../policy/schedule.ts';

export const DAYS: readonly Weekday[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
export const DAY = 1440;
export const WEEK = 7 * DAY;
export const CELL = 30;
export const CELLS = DAY / CELL;

/** Minutes after Monday 00:00. `to` may lie behind the end of the week: Sunday night goes on into Monday. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export const minutesOf = (text: string): number => {
  const [, hours = '', minutes = ''] = /^(\d\d?):(\d\d)$/.exec(text) ?? [];
  return hours === '' ? Number.NaN : Number(hours) * 60 + Number(minutes);
};
const two = (value: number): string => String(value).padStart(2, '0');
export const clock = (minute: number): string => `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;

/** Whether it ends on the following day. */
export const isOvernight = ({ from, to, nextDay }: ScheduleWindow): boolean =>
  nextDay === true || minutesOf(to) <= minutesOf(from);

export function spansOf(windows: readonly ScheduleWindow[]): readonly Span[] {
  return windows.flatMap((window) => {
    const [from, to] = [minutesOf(window.from), minutesOf(window.to) + (isOvernight(window) ? DAY : 0)];
    if (!Number.isFinite(from) || !Number.isFinite(to)) return [];
    return window.days.map((day) => ({ from: DAYS.indexOf(day) * DAY + from, to: DAYS.indexOf(day) * DAY + to }));
  });
}

/** In order and apart from each other, within the week. */
export function merged(spans: readonly Span[]): readonly Span[] {
  const pieces = spans
    .flatMap(({ from, to }) =>
      to <= WEEK
        ? [{ from, to }]
        : [
            { from, to: WEEK },
            { from: 0, to: to - WEEK },
          ],
    )
    .toSorted((a, b) => a.from - b.from);
  const joined: Span[] = [];
  for (const piece of pieces) {
    const last = joined.at(-1);
    if (last === undefined || piece.from > last.to) joined.push(piece);
    else joined[joined.length - 1] = { from: last.from, to: Math.max(last.to, piece.to) };
  }
  return joined;
}

/** The same with what runs over Sunday night in one piece. */
export function stretches(spans: readonly Span[]): readonly Span[] {
  const all = merged(spans);
  const [first, last] = [all[0], all.at(-1)];
  if (first === undefined || last === undefined || first === last || first.from !== 0 || last.to !== WEEK) return all;
  return [...all.slice(1, -1), { from: last.from, to: WEEK + first.to }];
}

export const added = (spans: readonly Span[], more: Span): readonly Span[] => merged([...spans, more]);
export const without = (spans: readonly Span[], less: Span): readonly Span[] =>
  merged(spans).flatMap(({ from, to }) =>
    [
      { from, to: Math.min(to, less.from) },
      { from: Math.max(from, less.to), to },
    ].filter((span) => span.to > span.from),
  );

/** How much of a half hour is open: none, all, or the part before or after its middle. */
export function openness(spans: readonly Span[], cell: number): 'closed' | 'partly' | 'open' {
  const [from, to] = [cell * CELL, (cell + 1) * CELL];
  const open = spans.reduce((sum, span) => sum + Math.max(0, Math.min(to, span.to) - Math.max(from, span.from)), 0);
  return open === 0 ? 'closed' : open >= CELL ? 'open' : 'partly';
}

/** The windows that stand for it, days with the same hours together, in the order of the week. */
export function windowsOf(spans: readonly Span[]): ScheduleWindow[] {
  const pieces = stretches(spans).flatMap(split);
  const found = new Map<string, { readonly window: Omit<ScheduleWindow, 'days'>; readonly days: Weekday[] }>();
  for (const { from, to } of pieces) {
    const midnight = Math.floor(from / DAY) * DAY;
    const [begin, end] = [from - midnight, to - midnight];
    const text = { from: clock(begin), to: end > DAY ? clock(end - DAY) : clock(end) };
    const window = end > DAY && end - DAY > begin ? { ...text, nextDay: true } : text;
    const key = JSON.stringify(window);
    const day = DAYS[(midnight / DAY) % 7] ?? 'mon';
    const kept = found.get(key);
    if (kept === undefined) found.set(key, { window, days: [day] });
    else kept.days.push(day);
  }
  return [...found.values()].map(({ window, days }) => ({ ...window, days: inOrder(days) }));
}

const inOrder = (days: readonly Weekday[]): [Weekday, ...Weekday[]] => {
  const [first = 'mon', ...rest] = DAYS.filter((day) => days.includes(day));
  return [first, ...rest];
};

/** Cut at midnights until what is left ends on the following day. */
function split({ from, to }: Span): readonly Span[] {
  const midnight = (Math.floor(from / DAY) + 1) * DAY;
  return to > midnight + DAY || (to > midnight && from % DAY === 0 && to === midnight + DAY)
    ? [{ from, to: midnight }, ...split({ from: midnight, to })]
    : [{ from, to }];
}

/** The window that a half hour belongs to, as people read it: `18:00 to 08:00`. */
export function partOf(spans: readonly Span[], cell: number): string | undefined {
  const at = cell * CELL;
  const found = stretches(spans).find(
    ({ from, to }) => (at + CELL > from && at < to) || (at + WEEK + CELL > from && at + WEEK < to),
  );
  return found === undefined
    ? undefined
    : `${clock(found.from % DAY)} to ${found.to % DAY === 0 ? '24:00' : clock(found.to % DAY)}`;
}

/** Of each day, where its open time comes from the day before and goes on into the next one. */
export function crossings(spans: readonly Span[], day: number): { readonly comes: boolean; readonly goes: boolean } {
  const crosses = (midnight: number): boolean =>
    spans.some(
      ({ from, to }) => (from < midnight && to > midnight) || (from < midnight + WEEK && to > midnight + WEEK),
    );
  return { comes: crosses(day * DAY), goes: crosses((day + 1) * DAY) };
}
