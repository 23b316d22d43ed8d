/**
 * Single attackers against a host that defends itself: a real Asterisk, a real Tollgate, the real packet filter, and real
 * SIP from other addresses. Needs networks of its own, so root (or user namespaces), `ip` and `nft`; skipped without.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BanAnswerReport, LiftReport } from '../../src/api/bans-routes.ts';
import type { AsteriskVersion } from '../../src/demo/asterisk.ts';
import { ATTACKER, canHaveNetworks } from '../support/network-namespace.ts';
import { attackerAt, attackerAt6, SILENCE_MS, SIP, type Siege, startSiege, WAIT } from '../support/siege.ts';

const possible = await canHaveNetworks();
const ATTEMPTS = 5;
const PHONE = ATTACKER.far4;

describe.skipIf(!possible).each<AsteriskVersion>([22, 16])('with Asterisk %i (needs root, ip and nft)', (version) => {
  let siege: Siege;

  beforeAll(async () => {
    siege = await startSiege({ version, attempts: ATTEMPTS });
    const password = siege.asterisk.phones['1001'] ?? '';
    await siege.outside.ask('phone', { ...SIP, name: 'phone', from: PHONE, user: '1001', password });
    expect(await siege.outside.ask('register', 'phone')).toBe(200);
  });
  afterAll(async () => {
    await siege?.stop();
  });

  test.each([
    ['udp', ATTACKER.v4],
    ['tcp', ATTACKER.other4],
  ] as const)(
    'a password guesser over %s is dropped from the configured attempt on, and not before; the phone beside it calls on',
    async (transport, from) => {
      await siege.outside.ask('keepCalling', { name: 'phone', destination: '3055550100', pauseMs: 100 });
      expect(await siege.open(from, transport)).toBe('open');
      const name = `${transport} ${from}`;
      expect(await siege.guess(name, ATTEMPTS - 1)).toEqual(Array(ATTEMPTS - 1).fill(401));
      await siege.untilJudged();
      expect((await siege.bans()).map(({ address }) => address)).not.toContain(from);
      expect((await siege.kernel()).has(from)).toBe(false);
      expect(await siege.knock(name)).toBe(401);

      const sentAt = Date.now();
      await siege.provoke(name);
      const seenMs = await siege.untilBanned(from, sentAt);
      const before = (await siege.kernel()).get(from) ?? 0;
      expect(await siege.knock(name, SILENCE_MS)).toBe(0);
      expect((await siege.kernel()).get(from)).toBeGreaterThan(before);
      const answer = JSON.parse(await siege.cli('bans', 'show', from, '--json')) as BanAnswerReport & {
        offences: number;
      };
      expect(answer).toMatchObject({ banned: true, offences: ATTEMPTS, origin: 'automatic', service: 'sip' });

      const calls = await siege.outside.ask('endCalls', 'phone');
      expect(calls.failed).toEqual([]);
      expect(calls.answered).toBeGreaterThan(0);
      expect(await siege.outside.ask('register', 'phone')).toBe(200);
      siege.note(
        `${transport}: banned at attempt ${ATTEMPTS} of ${ATTEMPTS}`,
        `seen in the kernel ${seenMs} ms after the guess; ${calls.answered} calls beside it, none failed`,
      );
    },
  );

  test('a lift lets it in at once, and it has all attempts again', async () => {
    const startMs = performance.now();
    const [lifted] = JSON.parse(await siege.cli('bans', 'lift', ATTACKER.v4, '--json')) as LiftReport[];
    const liftedMs = Math.round(performance.now() - startMs);
    expect(lifted).toMatchObject({ lifted: true, kernel: { arrived: true, backend: 'nftables' } });
    expect(await siege.knock(`udp ${ATTACKER.v4}`)).toBe(401);
    const answeredMs = Math.round(performance.now() - startMs);
    expect((await siege.kernel()).has(ATTACKER.v4)).toBe(false);
    expect(await siege.guess(`udp ${ATTACKER.v4}`, ATTEMPTS - 1)).toEqual(Array(ATTEMPTS - 1).fill(401));
    await siege.untilJudged();
    expect(await siege.knock(`udp ${ATTACKER.v4}`)).toBe(401);
    await siege.provoke(`udp ${ATTACKER.v4}`);
    await siege.untilBanned(ATTACKER.v4);
    siege.note('bans lift', `out of the kernel after ${liftedMs} ms, next packet answered after ${answeredMs} ms`);
  });

  test('an allowed address under the same attack is never banned, and staff are told', async () => {
    const office = attackerAt(3);
    await siege.cli('allow', 'add', office, '--name', 'Office');
    await siege.open(office, 'udp');
    expect(await siege.guess(`udp ${office}`, 6 * ATTEMPTS)).toEqual(Array(6 * ATTEMPTS).fill(401));
    await siege.untilJudged();
    expect((await siege.bans()).map(({ address }) => address)).not.toContain(office);
    expect((await siege.kernel()).has(office)).toBe(false);
    await expect
      .poll(siege.reports, WAIT)
      .toContainEqual(expect.objectContaining({ kind: 'allowed-address', address: office }));
    siege.note('allowed address', `${6 * ATTEMPTS} wrong passwords, all answered, no ban`);
  });

  test('an attacker who takes another address of his IPv6 /64 each time has its attempts together', async () => {
    for (let host = 1; host < ATTEMPTS; host += 1) {
      expect(await siege.open(attackerAt6(7, host), 'udp')).toBe('open');
      expect(await siege.guess(`udp ${attackerAt6(7, host)}`, 1)).toEqual([401]);
    }
    await siege.untilJudged();
    expect([...(await siege.kernel()).keys()].filter((each) => each.includes(':'))).toEqual([]);
    await siege.open(attackerAt6(7, ATTEMPTS), 'udp');
    await siege.provoke(`udp ${attackerAt6(7, ATTEMPTS)}`);
    await siege.untilBanned('fd80:0:0:7::/64');
    await siege.open(attackerAt6(7, 0xbeef), 'udp');
    expect(await siege.knock(`udp ${attackerAt6(7, 0xbeef)}`, SILENCE_MS)).toBe(0);
    await siege.open(attackerAt6(8, 1), 'udp');
    expect(await siege.knock(`udp ${attackerAt6(8, 1)}`)).toBe(401);
    siege.note('IPv6, another address each time', `/64 banned at attempt ${ATTEMPTS}, the next /64 is not`);
  });

  test('open TCP and WebSocket connections of an address die with its ban, those of others live on', async () => {
    const [attacker, other] = [attackerAt(5, 1), attackerAt(5, 2)];
    for (const transport of ['tcp', 'ws'] as const) {
      for (const from of [attacker, other]) expect(await siege.open(from, transport)).toBe('open');
    }
    expect(await siege.knock(`tcp ${attacker}`)).toBe(401);
    const sentAt = Date.now();
    await siege.provoke(`ws ${attacker}`, ATTEMPTS);
    const seenMs = await siege.untilBanned(attacker, sentAt);
    expect(
      await Promise.all([siege.knock(`tcp ${attacker}`, SILENCE_MS), siege.knock(`ws ${attacker}`, SILENCE_MS)]),
    ).toEqual([0, 0]);
    expect(await Promise.all([siege.knock(`tcp ${other}`), siege.knock(`ws ${other}`)])).toEqual([401, 401]);
    expect(await siege.open(attacker, 'tcp')).toBe('timeout');
    siege.note('open TCP and WebSocket', `silent with the ban, ${seenMs} ms after the first of ${ATTEMPTS} guesses`);
  });

  test('the tables of other programs are what they were', async () => {
    expect(await siege.foreignTable()).toBe(siege.foreignTableAtFirst);
  });
});
