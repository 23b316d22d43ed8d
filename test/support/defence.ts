/** One daemon's defence without an Asterisk: real counters and bans, and a test that says what time it is and who is known. */
import { type AutomaticBans, createAutomaticBans } from '../../src/bans/automatic-bans.ts';
import { type BanList, openBanList } from '../../src/bans/ban-list.ts';
import type { NewReport } from '../../src/bans/defence-reports.ts';
import type { Offence, Success } from '../../src/bans/offence.ts';
import { createOffenceCounters, networkOf, type OffenceCounters } from '../../src/bans/offence-counters.ts';
import { systemClock } from '../../src/clock.ts';
import type { EpochMs } from '../../src/policy/call.ts';
import { DEFAULT_SETTINGS, type Settings, settingsSchema } from '../../src/policy/settings.ts';
import type { Keys } from '../../src/redis/keys.ts';
import type { TestRedis } from './redis.ts';
import { keptLog } from './silent-log.ts';

export interface TestDefence {
  readonly bans: BanList;
  readonly counters: OffenceCounters;
  readonly automatic: AutomaticBans;
  readonly reports: NewReport[];
  /** Puts in an offence and waits until it is dealt with. */
  readonly offend: (offence: Partial<Offence> & Pick<Offence, 'address'>) => Promise<void>;
  readonly succeed: (success: Partial<Success> & Pick<Success, 'address'>) => Promise<void>;
  readonly close: () => Promise<void>;
}

let sessions = 0;

export const offenceOf = (fields: Partial<Offence> & Pick<Offence, 'address'>): Offence => ({
  at: 0 as EpochMs,
  service: 'sipRegistration',
  kind: 'wrong-password',
  port: 5062,
  attackedPort: 5060,
  transport: 'udp',
  account: '1001',
  session: `call-${++sessions}`,
  isSpoofable: true,
  source: 'pbx1',
  ...fields,
});

export async function openTestDefence(options: {
  readonly server: TestRedis;
  readonly keys: Keys;
  readonly now?: () => number;
  readonly settings?: () => Settings;
  readonly allowed?: ReadonlySet<string>;
  readonly trunks?: ReadonlySet<string>;
}): Promise<TestDefence> {
  const redis = options.server.client();
  const { keys, allowed = new Set(), trunks = new Set() } = options;
  const { log } = keptLog();
  const bans = await openBanList({
    redis,
    keys,
    clock: systemClock,
    // Left out on purpose: the guard of the ban list is not to be needed.
    allowed: { covering: () => undefined, overlapping: () => [], onChange: () => () => undefined },
    log,
    durably: (write) => write(),
  });
  const counters = createOffenceCounters(redis, keys, options.now === undefined ? {} : { now: options.now });
  const reports: NewReport[] = [];
  const automatic = createAutomaticBans({
    counters,
    bans,
    allowedBy: (address) => (allowed.has(address) ? 'office' : undefined),
    peers: {
      find: (address) => (trunks.has(address) ? 'trunk' : undefined),
      inNetwork: (network) => [...trunks].find((trunk) => networkOf(trunk) === network),
    },
    settings: options.settings ?? (() => DEFAULT_SETTINGS),
    reports: { report: (report) => void reports.push(report) },
    clock: systemClock,
    log,
  });
  return {
    bans,
    counters,
    automatic,
    reports,
    offend: async (fields) => {
      automatic.offence(offenceOf(fields));
      await automatic.settled();
    },
    succeed: async (fields) => {
      const at = 0 as EpochMs;
      automatic.success({
        at,
        service: 'sipRegistration',
        account: '1001',
        transport: 'udp',
        source: 'pbx1',
        ...fields,
      });
      await automatic.settled();
    },
    close: async () => {
      await automatic.close();
      bans.close();
      redis.disconnect();
    },
  };
}

/** Settings of automatic bans; what is left out is as on a new install. */
export const autoBan = (autoBan: Record<string, unknown>): Settings => settingsSchema.parse({ autoBan });
