/**
 * What is counted of one address, network or account, as a value read from the bytes that lua-scripts/record-offence.lua
 * keeps. Pure: the time is an argument, and everything that is counted is counted here.
 */
import type { EpochMs } from '../policy/call.ts';
import type { Offence, OffenceKind } from './offence.ts';

/** One event of the last 30. */
export interface CountedEvent {
  readonly at: EpochMs;
  readonly kind: OffenceKind;
  /** False: anybody can have sent it in this address's name. */
  readonly isCertain: boolean;
  readonly transport: Offence['transport'];
  readonly port: number | null;
  /** At most 24 bytes of it; empty where there was none. */
  readonly account: string;
}

interface Slice {
  readonly number: number;
  readonly total: number;
  readonly certain: number;
}

export interface OffenceRecord {
  /** Oldest first. */
  readonly events: readonly CountedEvent[];
  readonly slices: readonly Slice[];
  /** In which slice each of the others was last seen: accounts of an address, addresses of a network or an account. */
  readonly others: readonly number[];
}

export const NO_OFFENCES: OffenceRecord = { events: [], slices: [], others: [] };

const SLICE_MS = 21_600_000;
const KINDS: readonly OffenceKind[] = [
  'wrong-password',
  'unknown-account',
  'acl',
  'scan',
  'malformed',
  'log-in',
  'call-pattern',
];
const TRANSPORTS: readonly Offence['transport'][] = [null, 'udp', 'tcp', 'tls', 'ws', 'wss'];
const CERTAIN = 128;
const LONGEST_ACCOUNT = 24;

/** What is kept of an event besides its time: one byte of flags, the port, the account. */
export function eventBytes(
  event: Pick<Offence, 'kind' | 'transport' | 'isSpoofable' | 'port' | 'account'>,
): Buffer<ArrayBuffer> {
  const account = accountBytes(event.account ?? '');
  const bytes = Buffer.alloc(3 + account.length);
  const flags = KINDS.indexOf(event.kind) | (TRANSPORTS.indexOf(event.transport) << 4);
  bytes.writeUInt8(flags | (event.isSpoofable ? 0 : CERTAIN), 0);
  bytes.writeUInt16LE(event.port ?? 0, 1);
  account.copy(bytes, 3);
  return bytes;
}

export const accountBytes = (account: string): Buffer => Buffer.from(account, 'utf8').subarray(0, LONGEST_ACCOUNT);

/** An account as it comes back in {@link CountedEvent}. */
export const accountText = (account: string): string => accountBytes(account).toString('utf8');

export function readOffenceRecord(bytes: Buffer, now: EpochMs): OffenceRecord {
  if (bytes.length < 2) return NO_OFFENCES;
  const current = sliceOf(now);
  const [sliceCount, otherCount] = [bytes.readUInt8(0), bytes.readUInt8(1)];
  let at = 2;
  const slices: Slice[] = [];
  for (; slices.length < sliceCount; at += 7) {
    const number = Math.min(bytes.readUIntLE(at, 3), current);
    slices.push({ number, total: bytes.readUInt16LE(at + 3), certain: bytes.readUInt16LE(at + 5) });
  }
  const others: number[] = [];
  for (; others.length < otherCount; at += 7) others.push(Math.min(bytes.readUIntLE(at + 4, 3), current));
  const events: CountedEvent[] = [];
  while (at < bytes.length) {
    const length = bytes.readUInt8(at + 6);
    const flags = bytes.readUInt8(at + 13);
    const port = bytes.readUInt16LE(at + 14);
    events.push({
      at: Math.min(bytes.readUIntLE(at, 6), now) as EpochMs,
      kind: KINDS[flags & 0xf] ?? 'wrong-password',
      isCertain: flags >= CERTAIN,
      transport: TRANSPORTS[(flags >> 4) & 0x7] ?? null,
      port: port === 0 ? null : port,
      account: bytes.toString('utf8', at + 16, at + 7 + length),
    });
    at += 7 + length;
  }
  return { events, slices, others };
}

const sliceOf = (at: EpochMs): number => Math.floor(at / SLICE_MS);

/** Those younger than a length of time; exact for up to 30. */
export const eventsWithin = (record: OffenceRecord, now: EpochMs, windowMs: number): readonly CountedEvent[] =>
  record.events.filter(({ at }) => now - at < windowMs);

/**
 * Events of the last hours, a multiple of six. Counted in slices of six hours: never anything older, and all that is
 * younger by six hours.
 */
export function totalOf(record: OffenceRecord, now: EpochMs, hours: number, which: 'all' | 'certain' = 'all'): number {
  const first = sliceOf(now) - hours / 6;
  return record.slices
    .filter(({ number }) => number > first)
    .reduce((sum, { total, certain }) => sum + (which === 'all' ? total : certain), 0);
}

/** How many others were seen in the last hours; counted as {@link totalOf} does, up to 32. */
export const othersWithin = (record: OffenceRecord, now: EpochMs, hours: number): number =>
  record.others.filter((number) => number > sliceOf(now) - hours / 6).length;
