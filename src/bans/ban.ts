/**
 * A ban as a value: an address or a network that is kept out, since when, until when, and why.
 *
 * The record is its form in the store: a line of numbers that scripts compare, and a line of JSON that they leave alone.
 */
import { z } from 'zod';
import type { EpochMs } from '../policy/call.ts';

export const ORIGINS = ['manual', 'automatic'] as const;
export type BanOrigin = (typeof ORIGINS)[number];

/** Above this many addresses, by family, a ban is a mistake more often than it is meant. */
export const WIDEST = { 4: 1n << 16n, 6: 1n << 96n } as const;

export interface Ban {
  /** Canonical: `203.0.113.9`, `203.0.113.0/24`, `2001:db8::/64`. */
  readonly address: string;
  /** What was attacked: `sip`, `web`, `api`, `ami`, …; `all` for a ban by hand. */
  readonly service: string;
  readonly origin: BanOrigin;
  readonly since: EpochMs;
  /** Null: for ever. */
  readonly until: EpochMs | null;
  /** How many hostile events it stands for; 0 for a ban by hand. */
  readonly offences: number;
  /** How often the address was banned in the last 90 days, this ban included. */
  readonly timesBanned: number;
  /** One sentence. */
  readonly reason: string;
  /** Which detector: `log-in`, `SIP registration`, `by hand`, … */
  readonly defenceType: string;
  /** `udp`, `tcp`, `tls`, `ws`; null where it is not known. */
  readonly protocol: string | null;
  readonly attackedPort: number | null;
  readonly by: string;
}

/** One event that speaks for a ban. */
export interface Evidence {
  readonly at: EpochMs;
  /** One sentence: `failed SIP registration as 100 from port 5062`. */
  readonly event: string;
}

export const MOST_EVIDENCE = 20;
const LONGEST_EVENT = 300;

export type BanChangeKind = 'add' | 'change' | 'lift' | 'expire' | 'restore';

/** One change of the ban list. */
export interface BanChange {
  readonly what: BanChangeKind;
  readonly at: EpochMs;
  /** Who lifted it; empty where nobody did. */
  readonly by: string;
  /** As it is now; after lift and expire, as it was. */
  readonly ban: Ban;
}

const details = z.object({
  service: z.string(),
  origin: z.enum(ORIGINS),
  reason: z.string(),
  defenceType: z.string(),
  protocol: z.string().nullable(),
  attackedPort: z.int().nullable(),
  by: z.string(),
});
export type BanDetails = Readonly<z.infer<typeof details>>;

/** Fields in one order, so that equal details are equal text. */
export const detailsText = (ban: BanDetails): string => JSON.stringify(details.parse(ban));

/** Undefined for what no daemon has written. */
export function readRecord(address: string, record: string): Ban | undefined {
  const end = record.indexOf('\n');
  const [since, until, offences, timesBanned] = record.slice(0, end).split(' ').map(Number);
  if (end < 0 || since === undefined || until === undefined || offences === undefined || timesBanned === undefined) {
    return undefined;
  }
  try {
    const read = details.parse(JSON.parse(record.slice(end + 1)));
    const times = { since: since as EpochMs, until: until === 0 ? null : (until as EpochMs) };
    return { address, ...times, offences, timesBanned, ...read };
  } catch {
    return undefined;
  }
}

export function writeRecord(ban: Ban): string {
  return `${ban.since} ${ban.until ?? 0} ${ban.offences} ${ban.timesBanned}\n${detailsText(ban)}`;
}

export const evidenceText = (evidence: readonly Evidence[]): string =>
  evidence
    .slice(-MOST_EVIDENCE)
    .map(({ at, event }) => JSON.stringify({ at, event: event.slice(0, LONGEST_EVENT) }))
    .join('\n');

const evidenceSchema = z.object({ at: z.int().transform((at) => at as EpochMs), event: z.string() });

export const readEvidence = (text: string): Evidence[] =>
  text.split('\n').flatMap((line) => {
    try {
      return [evidenceSchema.parse(JSON.parse(line))];
    } catch {
      return [];
    }
  });

/**
 * User names that events of the evidence tell of, each once, in the order in which they were tried. A name may hold anything:
 * what stands behind it is written by us.
 */
export const namesTried = (evidence: readonly Pick<Evidence, 'event'>[]): readonly string[] => [
  ...new Set(evidence.flatMap(({ event }) => / as (.+) \([^()]*\) from \S+(?: over \w+)?$/s.exec(event)?.[1] ?? [])),
];

export const isOver = (ban: Ban, now: EpochMs): boolean => ban.until !== null && ban.until <= now;
