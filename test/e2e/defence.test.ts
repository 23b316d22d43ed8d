/** The defence on a real Asterisk, 22 and 16: who is there by right, and that wrong passwords are counted to the attempt. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type AmiConnection, connectAmi } from '../../src/asterisk/ami-connection.ts';
import { readPeers } from '../../src/bans/asterisk-peers.ts';
import { openBanList } from '../../src/bans/ban-list.ts';
import { type Defence, startDefence } from '../../src/bans/defence.ts';
import type { DefenceReport } from '../../src/bans/defence-reports.ts';
import { createOffenceCounters } from '../../src/bans/offence-counters.ts';
import { readRegisteredPhones } from '../../src/bans/registered-phones.ts';
import { systemClock } from '../../src/clock.ts';
import { type Asterisk, type AsteriskVersion, startAsterisk } from '../../src/demo/asterisk.ts';
import { DEFAULT_SETTINGS } from '../../src/policy/settings.ts';
import { createKeys } from '../../src/redis/keys.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { keptLog } from '../support/silent-log.ts';
import { createSipPhone, type SipPhone } from '../support/sip-phone.ts';

const WAIT = { timeout: 20_000 };

const trunks = `
[by-address]
type = endpoint
context = from-carriers
disallow = all
allow = ulaw
[by-address]
type = identify
endpoint = by-address
match = 203.0.113.0/24
match = 198.51.100.7
[registered-to]
type = registration
transport = udp
server_uri = sip:192.0.2.30:5060
client_uri = sip:us@192.0.2.30
`;

describe.each<AsteriskVersion>([22, 16])('on Asterisk %i', (version) => {
  let asterisk: Asterisk;
  let server: TestRedis;
  let connection: AmiConnection;
  let defence: Defence;
  const reports: DefenceReport[] = [];
  const phones: SipPhone[] = [];
  const keys = createKeys({ prefix: `t${Math.random().toString(36).slice(2)}`, tenant: 'd' });
  const closers: Array<() => unknown> = [];

  const phone = async (address: string, password: string): Promise<SipPhone> => {
    const made = await createSipPhone({ user: '1001', password, address, sipPort: asterisk.sipPort });
    phones.push(made);
    return made;
  };

  beforeAll(async () => {
    server = await startRedis();
    asterisk = await startAsterisk({
      env: process.env,
      version,
      carriers: { 'carrier-a': { host: '192.0.2.20', port: 5060 } },
      dialplan: '[from-phones]\n[from-carriers]\n',
      modules: ['res_pjsip_outbound_registration'],
      files: { 'pjsip.conf': trunks },
    });
    const { log } = keptLog();
    connection = connectAmi({ name: 'pbx1', ...asterisk.ami, log, clock: systemClock });
    await vi.waitUntil(() => connection.state().up, { timeout: 20_000 });
    const redis = server.client();
    const allowed = { covering: () => undefined, overlapping: () => [], onChange: () => () => undefined };
    const deps = { redis, keys, clock: systemClock, log };
    const bans = await openBanList({ ...deps, allowed, durably: (write) => write() });
    defence = startDefence({
      ...deps,
      node: 'pbx1',
      manager: [connection],
      bans,
      allowed: { entryOf: () => undefined },
      settings: () => DEFAULT_SETTINGS,
      onReport: (report) => void reports.push(report),
    });
    closers.push(
      () => bans.close(),
      () => defence.close(),
    );
  });
  afterAll(async () => {
    for (const each of phones) each.close();
    for (const close of closers.reverse()) await close();
    await connection.close();
    await asterisk.stop();
    await server.stop();
  });

  it('phones that are registered and trunks of every kind are known', async () => {
    const good = await phone('127.0.0.2', asterisk.phones['1001'] ?? '');
    expect(await good.register()).toBe(200);
    const peers = await readPeers(connection);
    expect(peers.phones).toEqual(['127.0.0.2']);
    expect(await readRegisteredPhones(connection)).toEqual([
      { extension: '1001', address: '127.0.0.2', asterisk: connection.name },
    ]);
    expect([...peers.trunks].sort()).toEqual(['192.0.2.20', '192.0.2.30', '198.51.100.7', '203.0.113.0/24']);
    await expect.poll(() => defence.state().peers, WAIT).toBe(5);
  });

  it('wrong passwords are counted to the attempt: nine are none too many, the tenth is', async () => {
    const bad = await phone('127.0.0.3', 'wrong');
    const counters = createOffenceCounters(server.client(), keys);
    for (let attempt = 1; attempt <= 9; attempt += 1) expect(await bad.register()).toBe(401);
    await expect.poll(() => defence.state().counted, WAIT).toBeGreaterThanOrEqual(9);
    expect(reports).toEqual([]);
    expect(await bad.register()).toBe(401);
    // Addresses of this host are not banned, which is said instead.
    await expect
      .poll(() => reports, WAIT)
      .toMatchObject([{ kind: 'not-banned', address: '127.0.0.3', account: '1001' }]);
    expect(reports[0]?.sentence).toContain('10 failed SIP registrations within 5m');
    expect(await counters.claim('ban 127.0.0.3', 1)).toBe(false);
  });

  it('wrong passwords from the address of a registered phone are reported, and it is spared', async () => {
    const bad = await phone('127.0.0.2', 'wrong');
    for (let attempt = 1; attempt <= 12; attempt += 1) expect(await bad.register()).toBe(401);
    await expect
      .poll(() => reports.find(({ kind }) => kind === 'spared')?.sentence, WAIT)
      .toMatch('127.0.0.2 is a registered phone');
  });
});
