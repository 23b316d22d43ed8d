/**
 * Blocked addresses with evidence, as the defence makes them: put into a daemon's store by the defence's own ban list, since
 * real attacks need an Asterisk and take minutes.
 */
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Ban, Evidence } from '../../src/bans/ban.ts';
import { openBanList } from '../../src/bans/ban-list.ts';
import { systemClock } from '../../src/clock.ts';
import type { EpochMs } from '../../src/policy/call.ts';
import { createKeys } from '../../src/redis/keys.ts';
import type { TestDaemon } from './daemon.ts';
import { NASTY } from './page-data.ts';
import { keptLog } from './silent-log.ts';

const ATTACKS: readonly (Pick<Ban, 'address' | 'service' | 'reason' | 'defenceType' | 'protocol' | 'attackedPort'> & {
  readonly hours: number | null;
  readonly events: readonly string[];
})[] = [
  {
    address: '192.0.2.140',
    service: 'sip',
    reason: '10 failed SIP registrations within 5 minutes',
    defenceType: 'SIP registration',
    protocol: 'udp',
    attackedPort: 5060,
    hours: 24,
    events: ['100', '101', '102', 'admin', NASTY, '200', '201', '202', '1000', '1001'].map(
      (user) => `wrong password as ${user} (failed SIP registrations) from 192.0.2.140:5071 over UDP`,
    ),
  },
  {
    address: '198.51.100.64/26',
    service: 'sip',
    reason: '5 addresses of one network scanned within 24 hours',
    defenceType: 'neighbours',
    protocol: 'tcp',
    attackedPort: null,
    hours: 7 * 24,
    events: ['70', '81', '93'].map((host) => `scan (refused SIP calls) from 198.51.100.${host}:5066 over TCP`),
  },
  {
    address: '2001:db8:77::/64',
    service: 'web',
    reason: '5 failed log-ins within 10 minutes',
    defenceType: 'log-in',
    protocol: 'tcp',
    attackedPort: 8480,
    hours: null,
    events: ['owner', 'admin'].map((user) => `failed log-in as ${user} (failed web log-ins) from 2001:db8:77::5`),
  },
];

/** @param options.many further addresses, blocked for a day; `isMore`: these alone, the others are there */
export async function fillWithBans(
  tollgate: Pick<TestDaemon, 'stateDir'>,
  options: { readonly many?: number; readonly isMore?: boolean } = {},
): Promise<void> {
  const redis = new Redis({ path: join(tollgate.stateDir, 'redis.sock'), maxRetriesPerRequest: 1 });
  const bans = await openBanList({
    redis,
    keys: createKeys({ prefix: 'tollgate', tenant: 'default' }),
    clock: systemClock,
    allowed: { covering: () => undefined, overlapping: () => [], onChange: () => () => undefined },
    log: keptLog().log,
    durably: (write) => write(),
  });
  try {
    const now = Date.now();
    const evidenceOf = (events: readonly string[]): readonly Evidence[] =>
      events.map((event, at) => ({ at: (now - (events.length - at) * 25_000) as EpochMs, event }));
    for (const { hours, events, ...attack } of options.isMore === true ? [] : ATTACKS)
      await bans.add({
        ...attack,
        origin: 'automatic',
        lastsMs: hours === null ? null : hours * 3_600_000,
        offences: events.length,
        evidence: evidenceOf(events),
        by: 'pbx1',
      });
    for (let at = 0; at < (options.many ?? 0); at++)
      await bans.add({
        address: `100.64.${Math.floor(at / 200)}.${1 + (at % 200)}`,
        service: 'sip',
        origin: 'automatic',
        lastsMs: 86_400_000,
        offences: 10,
        reason: '10 failed SIP registrations within 5 minutes',
        defenceType: 'SIP registration',
        protocol: 'udp',
        attackedPort: 5060,
        by: 'pbx1',
      });
  } finally {
    bans.close();
    redis.disconnect();
  }
}
