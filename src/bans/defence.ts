/**
 * The defence against addresses put together: what Asterisk and our own doors tell of attacks and of log-ins, what is known
 * of who is there by right, counts, bans, and reports to staff.
 */
import type { Redis } from 'ioredis';
import type { AmiConnection } from '../asterisk/ami-connection.ts';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Decision } from '../gate/gate.ts';
import type { Log } from '../log.ts';
import type { AllowEntry } from '../policy/allowlist.ts';
import type { Settings } from '../policy/settings.ts';
import type { Keys } from '../redis/keys.ts';
import { type AsteriskEndpoint, readEndpoints } from './asterisk-endpoints.ts';
import { type AutomaticBansState, createAutomaticBans } from './automatic-bans.ts';
import type { BanList } from './ban-list.ts';
import { attemptsLeft } from './ban-policy.ts';
import { createCallPatterns } from './call-patterns.ts';
import { createCalledCountries } from './called-countries.ts';
import { createDefenceReports, type DefenceReport, type DefenceReports } from './defence-reports.ts';
import { createKnownPeers, type KnownPeers } from './known-peers.ts';
import type { Offence, Success } from './offence.ts';
import { createOffenceCounters } from './offence-counters.ts';
import { type RegisteredPhone, readRegisteredPhones } from './registered-phones.ts';
import { watchSecurity } from './security-watch.ts';

export interface Defence {
  /** For our own doors. Never throws, never waits. */
  readonly offence: (offence: Offence) => void;
  readonly success: (success: Success) => void;
  /** Looks at a decided call for patterns of fraud. Never throws, never waits. */
  readonly decided: (decision: Decision) => void;
  /** Whether an extension called no number of a country in 90 days; undefined where nobody kept count. Never rejects. */
  readonly isFirstCall: (extension: string, country: string) => Promise<boolean | undefined>;
  /** How many more log-ins may fail before an address is banned, and for how long then. Never rejects. */
  readonly logInsLeft: (address: string) => Promise<LogInsLeft | undefined>;
  /** Newest first. @throws {TollgateError} `STORE_UNAVAILABLE`, `STORE_TIMEOUT` */
  readonly reports: DefenceReports['list'];
  /** Addresses of phones and trunks that are known now. */
  readonly peers: KnownPeers['list'];
  /** Extensions that are registered now. Asks every Asterisk. @throws {TollgateError} `AMI_UNAVAILABLE` */
  readonly phones: () => Promise<readonly RegisteredPhone[]>;
  /** What every Asterisk has, and which could not be asked. */
  readonly endpoints: () => Promise<{
    readonly endpoints: readonly AsteriskEndpoint[];
    readonly problems: readonly { readonly asterisk: string; readonly problem: string }[];
  }>;
  readonly state: () => DefenceState;
  readonly close: () => Promise<void>;
}

export interface LogInsLeft {
  readonly tries: number;
  /** As in the settings: `24h`. */
  readonly bannedFor: string;
}

export interface DefenceState extends AutomaticBansState {
  readonly enabled: boolean;
  /** Addresses of phones and trunks that are known now. */
  readonly peers: number;
  /** Asterisks that tell no security events. */
  readonly silent: readonly string[];
}

/** What was counted a moment ago is in the count. */
const COUNTED_WITHIN_MS = 500;

export function startDefence(deps: {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly node: string;
  readonly manager: readonly AmiConnection[];
  readonly bans: BanList;
  readonly allowed: { readonly entryOf: (address: string) => AllowEntry | undefined };
  readonly settings: () => Settings;
  readonly log: Log;
  /** For alerts. */
  readonly onReport?: (report: DefenceReport) => void;
  /** Called for each hostile event, of all daemons once. */
  readonly onHostile?: () => void;
}): Defence {
  const { redis, keys, clock, node, manager, bans, settings, log } = deps;
  const counters = createOffenceCounters(redis, keys);
  const allowedBy = (address: string): string | undefined => deps.allowed.entryOf(address)?.name;
  const { onReport } = deps;
  const reports = createDefenceReports({
    ...{ redis, keys, clock, node, log, claim: counters.claim },
    ...(onReport === undefined ? {} : { onReport }),
  });
  const peers = createKnownPeers({ redis, keys, clock, node, manager, log });
  void peers.refresh();
  const automatic = createAutomaticBans({
    ...{ counters, bans, allowedBy, peers, settings, reports, clock, log },
    onCounted: deps.onHostile,
  });
  const countries = createCalledCountries(redis, keys);
  const patterns = createCallPatterns({
    ...{ settings, reports, allowedBy, peers, node, log },
    countries,
    onOffence: automatic.offence,
  });
  const watch = watchSecurity(manager, {
    clock,
    log,
    onOffence: automatic.offence,
    onSuccess: automatic.success,
  });
  return {
    offence: automatic.offence,
    success: automatic.success,
    decided: patterns.decided,
    isFirstCall: (extension, country) => {
      const { enabled, detect } = settings().autoBan;
      if (!enabled || !detect.callPatterns) return Promise.resolve(undefined);
      return countries.wouldBeFirst(extension, country).catch(() => undefined);
    },
    logInsLeft: async (address) => {
      const { autoBan } = settings();
      const { web } = autoBan.services;
      if (!autoBan.enabled || !web.enabled || allowedBy(address) !== undefined) return undefined;
      await Promise.race([
        automatic.settled(),
        new Promise((resolve) => setTimeout(resolve, COUNTED_WITHIN_MS).unref()),
      ]);
      if (bans.isBanned(address)) return { tries: 0, bannedFor: web.duration };
      const readings = await counters.look('web', address).catch(() => undefined);
      return readings === undefined ? undefined : { tries: attemptsLeft(readings, web), bannedFor: web.duration };
    },
    reports: reports.list,
    peers: peers.list,
    endpoints: async () => {
      const asked = await Promise.all(
        manager.map((each) =>
          readEndpoints(each).then(
            (endpoints) => ({ endpoints, problems: [] }),
            (error: unknown) => ({ endpoints: [], problems: [{ asterisk: each.name, problem: messageOf(error) }] }),
          ),
        ),
      );
      return {
        endpoints: asked.flatMap(({ endpoints }) => endpoints),
        problems: asked.flatMap(({ problems }) => problems),
      };
    },
    phones: async () => (await Promise.all(manager.map(readRegisteredPhones))).flat(),
    state: () => ({
      ...automatic.state(),
      enabled: settings().autoBan.enabled,
      peers: peers.size(),
      silent: watch.silent(),
    }),
    close: async () => {
      watch.stop();
      await automatic.close();
      await peers.close();
    },
  };
}
