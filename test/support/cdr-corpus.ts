/**
 * Files of call records as an Asterisk with 200 phones, a call centre and two carriers would write them, made from a seed.
 *
 * Working hours and durations are those of an office; records stand in the order in which calls end, as Asterisk writes
 * them. There are inbound and internal calls, calls that go over the second carrier after the first one failed, forwarded
 * calls that left through a Local channel, an emergency call a day, and one night of toll fraud on extension 1007.
 */

export interface CdrCorpus {
  /** One CSV record each, without its line end, in the order of a file. */
  readonly lines: Iterable<string>;
}

export interface CorpusOptions {
  readonly seed: number;
  readonly records: number;
  /** First midnight, epoch ms; times are written in UTC. */
  readonly fromMs?: number;
  readonly recordsPerDay?: number;
}

const DAY_MS = 86_400_000;
/** A Monday. */
const FROM_MS = Date.UTC(2026, 10, 2);
const FRAUD_DAY = 2;

/** Master.csv of cdr_csv with every optional column: loguniqueid, loguserfield, newcdrcolumns. */
export function cdrCorpus(options: CorpusOptions): CdrCorpus {
  const { seed, records, fromMs = FROM_MS, recordsPerDay = 10_000 } = options;
  return {
    lines: {
      *[Symbol.iterator]() {
        const random = randomOf(seed);
        const channels = { made: 0 };
        let left = records;
        for (let day = 0; left > 0; day++) {
          const made = oneDay(
            random,
            channels,
            fromMs + day * DAY_MS,
            Math.min(left, recordsPerDay),
            day === FRAUD_DAY,
          );
          const some = made.slice(0, left).sort((one, other) => one.endMs - other.endMs);
          left -= some.length;
          for (const { line } of some) yield line;
        }
      },
    },
  };
}

interface Made {
  readonly endMs: number;
  readonly line: string;
}

function oneDay(
  random: () => number,
  channels: { made: number },
  midnightMs: number,
  records: number,
  withFraud: boolean,
): Made[] {
  const made: Made[] = [];
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const below = (most: number): number => Math.floor(random() * most);
  const national = (): string => `1305555${String(below(10_000)).padStart(4, '0')}`;
  const channel = (endpoint: string): string => `PJSIP/${endpoint}-${(channels.made++).toString(16).padStart(8, '0')}`;

  const record = (call: {
    readonly from: string;
    readonly to: string;
    readonly src: string;
    readonly dst: string;
    readonly dial: string;
    readonly startMs: number;
    readonly rings: number;
    readonly talks: number;
    readonly disposition: string;
    readonly linkedid: string;
    readonly accountcode?: string;
  }): void => {
    const { startMs, rings, talks, linkedid } = call;
    const answerMs = startMs + rings * 1000;
    const endMs = answerMs + talks * 1000;
    const answered = call.disposition === 'ANSWERED';
    const quoted = [
      call.accountcode ?? '',
      call.src,
      call.dst,
      'from-internal',
      `"Phone ${call.src}" <${call.src}>`,
      call.from,
      call.to,
      'Dial',
      call.dial,
      wall(startMs),
      answered ? wall(answerMs) : '',
      wall(endMs),
    ];
    const cells = [
      ...quoted.map(quote),
      rings + talks,
      answered ? talks : 0,
      ...[call.disposition, 'DOCUMENTATION', linkedid, '', '', linkedid].map(quote),
      channels.made,
    ];
    made.push({ endMs, line: cells.join(',') });
  };
  const outcome = (): { rings: number; talks: number; disposition: string } => {
    const chance = random();
    const rings = 3 + below(20);
    if (chance < 0.62) return { rings, talks: Math.ceil(-Math.log(1 - random()) * 150), disposition: 'ANSWERED' };
    return { rings, talks: 0, disposition: chance < 0.85 ? 'NO ANSWER' : 'BUSY' };
  };
  const uniqueid = (startMs: number): string => `${Math.floor(startMs / 1000)}.${channels.made}`;

  /** Over the first carrier, and over the second where the first fails. */
  const outbound = (extension: string, dst: string, startMs: number, from?: string, accountcode?: string): void => {
    const linkedid = uniqueid(startMs);
    const caller = {
      from: from ?? channel(extension),
      src: extension,
      dst,
      linkedid,
      ...(accountcode && { accountcode }),
    };
    const fails = random() < 0.03;
    const dial = (trunk: string): string => `PJSIP/${dst}@${trunk},60,T`;
    if (fails) {
      const failed = { rings: 1, talks: 0, disposition: 'FAILED' };
      record({ ...caller, ...failed, to: '', dial: dial('carrier-a'), startMs });
    }
    const trunk = fails ? 'carrier-b' : 'carrier-a';
    record({ ...caller, ...outcome(), to: channel(trunk), dial: dial(trunk), startMs: startMs + (fails ? 1000 : 0) });
  };

  outbound('1003', '911', midnightMs + 14 * 3_600_000);
  if (withFraud) {
    for (let at = 0; at < 400; at++) {
      outbound('1007', `01153${String(50_000_000 + below(9_999_999))}`, midnightMs + 3 * 3_600_000 + at * 4000);
    }
  }
  while (made.length < records) {
    // Two humps, before and after lunch.
    const hour = (random() < 0.5 ? 9.5 : 14.5) + (random() + random() + random() - 1.5) * 2.4;
    const startMs = midnightMs + Math.floor(hour * 3600) * 1000;
    const kind = random();
    if (kind < 0.45) outbound(String(2001 + below(50)), national(), startMs);
    else if (kind < 0.7) outbound(String(1001 + below(150)), national(), startMs);
    else if (kind < 0.72) {
      const number = pick(['442079460', '498912345', '525555010']);
      outbound(String(1001 + below(40)), `011${number}${below(999)}`, startMs);
    } else if (kind < 0.74) {
      const forwarder = String(1001 + below(20));
      const half = `Local/${national()}@from-internal-${(channels.made++).toString(16).padStart(8, '0')};2`;
      outbound(forwarder, national(), startMs, half, forwarder);
    } else if (kind < 0.87) {
      const called = String(1001 + below(150));
      const [from, src, linkedid] = [channel('carrier-a'), national(), uniqueid(startMs)];
      record({
        from,
        src,
        dst: called,
        to: channel(called),
        dial: `PJSIP/${called},20`,
        startMs,
        linkedid,
        ...outcome(),
      });
    } else {
      const [caller, called] = [String(1001 + below(150)), String(1001 + below(150))];
      const dial = `PJSIP/${called}/sip:${called}@192.0.2.9:5060,20`;
      const linkedid = uniqueid(startMs);
      record({
        from: channel(caller),
        src: caller,
        dst: called,
        to: channel(called),
        dial,
        startMs,
        linkedid,
        ...outcome(),
      });
    }
  }
  return made;
}

const wall = (atMs: number): string => new Date(atMs).toISOString().slice(0, 19).replace('T', ' ');
const quote = (cell: string): string => `"${cell.replaceAll('"', '""')}"`;

/** Mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
