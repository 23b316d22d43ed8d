/** Numbers, times, phone numbers and addresses as the page writes them. Pure: what the time is now is an argument. */

const numbers = new Intl.NumberFormat();
/** `12,480`, by locale. */
export const formatCount = (count: number): string => numbers.format(count);

const money = new Map<string, Intl.NumberFormat>();
export function formatMoney(amount: number, currency: string): string {
  let format = money.get(currency);
  if (format === undefined) {
    format = new Intl.NumberFormat(undefined, { style: 'currency', currency });
    money.set(currency, format);
  }
  return format.format(amount);
}

const two = (value: number): string => String(value).padStart(2, '0');

/** `0:41`, for countdowns; never below zero. */
export function formatCountdown(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
}

/** `18 s`, `2 m 05 s`, `3 h 10 m`, `2 d 4 h`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes} m` : `${minutes} m ${two(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${two(minutes % 60)} m`;
  return hours % 24 === 0 ? `${Math.floor(hours / 24)} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const DAY_MS = 86_400_000;

/** `18 s ago`, `in 23 h`; the time itself when it is more than a day away. */
export function formatAge(at: number, now: number, zone?: string): string {
  const ms = now - at;
  if (Math.abs(ms) >= DAY_MS) return formatMoment(at, now, zone);
  if (Math.abs(ms) < 1000) return 'now';
  const [largest = ''] = /^\d+ \w/.exec(formatDuration(Math.abs(ms))) ?? [];
  return ms > 0 ? `${largest} ago` : `in ${largest}`;
}

type ZonedParts = Readonly<Record<'weekday' | 'day' | 'month' | 'year' | 'time', string>>;

/** By zone: making one takes a hundred times as long as using it, and a list has one in each row. */
const zoned = new Map<string | undefined, Intl.DateTimeFormat>();

function formatOf(zone: string | undefined): Intl.DateTimeFormat {
  const known = zoned.get(zone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  });
  zoned.set(zone, format);
  return format;
}

function partsOf(at: number, zone: string | undefined): ZonedParts {
  const found = new Map(
    formatOf(zone)
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes): string => found.get(type) ?? '';
  return {
    weekday: part('weekday'),
    day: part('day'),
    month: part('month'),
    year: part('year'),
    time: `${part('hour')}:${part('minute')}:${part('second')}`,
  };
}

const dateOf = ({ day, month, year }: ZonedParts): string => `${day} ${month} ${year}`;

/** `14:02:09` today, `Thu 19 Nov 14:02` before and after, with the year where it is another one. */
export function formatMoment(at: number, now: number, zone?: string): string {
  const [then, today] = [partsOf(at, zone), partsOf(now, zone)];
  if (dateOf(then) === dateOf(today)) return then.time;
  const year = then.year === today.year ? '' : ` ${then.year}`;
  return `${then.weekday} ${then.day} ${then.month}${year} ${then.time.slice(0, 5)}`;
}

/** `14:02:09`, whatever day it is. */
export const formatClock = (at: number, zone?: string): string => partsOf(at, zone).time;

/** All of it, for hover: `Fri 20 Nov 2026 14:02:09, America/New_York`. */
export function formatExactly(at: number, zone?: string): string {
  const then = partsOf(at, zone);
  const named = zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  return `${then.weekday} ${dateOf(then)} ${then.time}, ${named}`;
}

/** Country codes of one and two digits; all others have three. ITU-T E.164, assigned codes. */
const SHORT_CODES = /^(?:1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])/;

/** `+12125550147` as `+1 212 555 0147`; what is no number in full stays as it is. Spaces do not break. */
export function formatPhone(number: string): string {
  if (!/^\+\d{7,15}$/.test(number)) return number;
  const digits = number.slice(1);
  const code = SHORT_CODES.exec(digits)?.[0] ?? digits.slice(0, 3);
  const rest = digits.slice(code.length);
  if (code === '1' && rest.length === 10) return joined('+1', rest.slice(0, 3), rest.slice(3, 6), rest.slice(6));
  const groups: string[] = [];
  let left = rest;
  while (left.length > 4) {
    groups.push(left.slice(0, 3));
    left = left.slice(3);
  }
  return joined(`+${code}`, ...groups, left);
}
const joined = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join('\u00a0');

/** Only the last four digits, for those who may not see who was called. */
export const maskPhone = (number: string): string => `…${number.slice(-4)}`;

/** `web anna` as `anna`, `link Anna` as `Anna, by link`. */
export function formatActor(by: string): string {
  const [, way = '', name = by] = /^(web|cli|link|phone|key|api) (.+)$/.exec(by) ?? [];
  switch (way) {
    case 'cli':
      return `${name}, by command line`;
    case 'link':
      return `${name}, by link`;
    case 'phone':
      return `phone ${name}`;
    case 'key':
    case 'api':
      return `API key ${name}`;
    default:
      return name;
  }
}

/** First letter large; for sentences of the daemon, which begin small. */
export const capital = (sentence: string): string => sentence.charAt(0).toUpperCase() + sentence.slice(1);
/** With a full stop, if it has none. */
export const sentence = (text: string): string => (/[.!?]$/.test(text) ? capital(text) : `${capital(text)}.`);
