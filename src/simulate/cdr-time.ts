/**
 * Times of a call record as epoch milliseconds: wall-clock time of one zone, ISO 8601 with an offset, or epoch seconds.
 *
 * In autumn an hour is shown twice. Where the record's unique id says when its channel was made, the reading that agrees
 * with it is taken, else the first. A time that the clock skipped in spring is read with the offset before the change.
 */
import { IANAZone } from 'luxon';

export interface CdrClock {
  readonly zone: string;
  /** @param nearMs roughly when it was; undefined where nobody knows. @returns undefined for what is no time */
  readonly read: (text: string, nearMs: number | undefined) => number | undefined;
  /** `2026-11-21T09`: the hour on the wall. */
  readonly hourOf: (atMs: number) => string;
}

const QUARTER_MS = 900_000;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

const WALL = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?$/;
/** As cdr_custom writes `CDR(start,f)`, and VICIdial its `start_epoch`. */
const EPOCH = /^\d{9,10}(?:\.\d{1,9})?$/;

/** @param zoneName in the IANA data */
export function createCdrClock(zoneName: string): CdrClock {
  const zone = IANAZone.create(zoneName);
  /** By quarter of an hour on the wall, in which no zone changes its offset: the offsets, in ms, that it may have. */
  const offsets = new Map<number, readonly number[]>();

  const offsetsAt = (wallMs: number): readonly number[] => {
    const quarter = Math.floor(wallMs / QUARTER_MS);
    const known = offsets.get(quarter);
    if (known !== undefined) return known;
    const candidates = [-DAY_MS, DAY_MS].map((aside) => zone.offset(wallMs + aside) * MINUTE_MS);
    const possible = [...new Set(candidates)].filter((offset) => zone.offset(wallMs - offset) * MINUTE_MS === offset);
    const found = possible.length > 0 ? possible : candidates.slice(0, 1);
    offsets.set(quarter, found);
    return found;
  };

  const fromWall = (wallMs: number, nearMs: number | undefined): number => {
    const [first = 0, second] = offsetsAt(wallMs);
    if (second === undefined || nearMs === undefined) return wallMs - first;
    const [one, other] = [wallMs - first, wallMs - second];
    return Math.abs(one - nearMs) <= Math.abs(other - nearMs) ? one : other;
  };

  return {
    zone: zone.name,
    read: (text, nearMs) => {
      const [, year, month, day, hour, minute, second, fraction = '', offset] = WALL.exec(text) ?? [];
      if (year === undefined) return EPOCH.test(text) ? Math.floor(Number(text) * 1000) : undefined;
      const wallMs =
        Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)) +
        (fraction === '' ? 0 : Math.floor(Number(`0${fraction}`) * 1000));
      // MySQL writes this for no time at all.
      if (year === '0000' || Number(month) > 12 || Number(day) > 31 || Number(hour) > 23) return undefined;
      return offset === undefined ? fromWall(wallMs, nearMs) : wallMs - offsetMs(offset);
    },
    hourOf: (atMs) => new Date(atMs + zone.offset(atMs) * MINUTE_MS).toISOString().slice(0, 13),
  };
}

function offsetMs(text: string): number {
  if (text === 'Z') return 0;
  const minutes = Number(text.slice(1, 3)) * 60 + Number(text.slice(-2));
  return (text.startsWith('-') ? -minutes : minutes) * MINUTE_MS;
}
