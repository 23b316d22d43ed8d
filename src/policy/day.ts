/** Days of a time zone. Pure. */
import { DateTime } from 'luxon';
import type { EpochMs } from './call.ts';

/** When the day of a moment is over there; days of 23 and 25 hours are as long as they are. */
export const endOfDay = (at: EpochMs, zone: string): EpochMs =>
  DateTime.fromMillis(at, { zone }).plus({ days: 1 }).startOf('day').toMillis() as EpochMs;
