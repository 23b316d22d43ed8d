/** The portal, isolation and bans of a real daemon in a network of its own, met by real packets from another one. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { AlertReport } from '../../src/api/alert-report.ts';
import type { BanAnswerReport, LiftReport } from '../../src/api/bans-routes.ts';
import type { FirewallReport } from '../../src/api/firewall-routes.ts';
import { ensurePrograms } from '../../src/demo/programs.ts';
import { createTollgateProcess, type TollgateProcess } from '../../src/demo/tollgate-process.ts';
import { runCli } from '../support/command-line.ts';
import { ATTACKER, canHaveNetworks, createNetworkPair, HOST, type NetworkPair } from '../support/network-namespace.ts';
import { programArgs } from '../support/program.ts';

const SIP = 5060;
const OTHER_PORT = 9000;
const [FRIEND, STRANGER] = [ATTACKER.v4, ATTACKER.other4];
const ssh = (port: number) => ({ SSH_CONNECTION: `${FRIEND} ${port} ${HOST.v4} 22` });
const possible = await canHaveNetworks();

describe.skipIf(!possible)('a daemon that keeps addresses out', () => {
  let pair: NetworkPair;
  let tollgate: TollgateProcess;

  beforeAll(async () => {
    const { searchPath } = await ensurePrograms({ env: process.env });
    pair = await createNetworkPair();
    await pair.host.probe.echo(SIP);
    await pair.host.probe.echo(OTHER_PORT);
    tollgate = await createTollgateProcess({
      program: [...pair.host.command, process.execPath, ...programArgs],
      env: { ...process.env, PATH: searchPath, TOLLGATE_FIREWALL__BACKEND: 'nftables' },
    });
    await tollgate.start();
    await ok(['allow', 'add', FRIEND, '--name', 'Friend']);
    await ok(['allow', 'add', ATTACKER.v6, '--name', 'Friend by IPv6']);
  });
  afterAll(async () => {
    await tollgate.stop();
    await pair.close();
  });
  afterEach(async () => {
    // A disk that is busy with other tests may keep the store from answering for a moment.
    const openAgain = async (): Promise<void> => {
      await ok(['firewall', 'release', '--force']);
      await ok(['firewall', 'portal', 'off', '--force']);
    };
    await vi.waitFor(openAgain, { timeout: 45_000, interval: 500 });
  });

  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    runCli(tollgate.stateDir, args, { input: '', signal: new AbortController().signal, env });
  const ok = async (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> => {
    const { exitCode, out, error } = await run(args, env);
    expect({ args, exitCode, error }).toEqual({ args, exitCode: 0, error: '' });
    return out;
  };
  const json = async <T>(args: readonly string[]): Promise<T> => JSON.parse(await ok([...args, '--json'])) as T;
  const status = (): Promise<FirewallReport> => json<FirewallReport>(['firewall', 'status']);
  const answered = (from: string, port = SIP): Promise<boolean> =>
    pair.attacker.probe.udp(from, from.includes(':') ? HOST.v6 : HOST.v4, port);
  const opens = async (from: string, port = SIP): Promise<boolean> =>
    typeof (await pair.attacker.probe.open('tcp', from, from.includes(':') ? HOST.v6 : HOST.v4, port)) === 'number';
  const everybodyIsIn = async (): Promise<void> => {
    await vi.waitFor(async () => expect(await answered(STRANGER)).toBe(true), { timeout: 45_000, interval: 50 });
  };

  test('the portal lets the allowlist in and drops strangers, by UDP and TCP, IPv4 and IPv6, on its ports alone', async () => {
    const before = await pair.attacker.probe.open('tcp', STRANGER, HOST.v4, SIP);
    await ok(['firewall', 'portal', 'on', '--preset', 'sip'], ssh(1000));
    expect([
      await answered(FRIEND),
      await opens(FRIEND),
      await answered(ATTACKER.v6),
      await opens(ATTACKER.v6),
    ]).toEqual([true, true, true, true]);
    expect([
      await answered(STRANGER),
      await opens(STRANGER),
      await answered(ATTACKER.other6),
      await opens(ATTACKER.other6),
      typeof before === 'number' && (await pair.attacker.probe.ask(before)),
    ]).toEqual([false, false, false, false, false]);
    expect([await answered(STRANGER, OTHER_PORT), await opens(STRANGER, OTHER_PORT)]).toEqual([true, true]);
    const { dropped, inForce, portal } = await status();
    expect([inForce, portal?.ports]).toEqual([true, ['tcp/5060-5061', 'udp/5060-5061']]);
    expect(dropped?.portal.packets).toBeGreaterThan(3);
    await ok(['allow', 'add', STRANGER, '--name', 'No stranger any more']);
    await everybodyIsIn();
    await ok(['allow', 'remove', 'No stranger any more']);
  });

  test('a portal that nobody confirms is out of the kernel at its time', async () => {
    await ok(['firewall', 'portal', 'on', '--preset', 'sip', '--confirm-within', '10s'], ssh(1000));
    expect(await answered(STRANGER)).toBe(false);
    await everybodyIsIn();
    expect((await status()).lastUndone).toMatchObject({ what: 'portal', undoneBy: null });
  });

  test('one that a new connection confirms stays', async () => {
    await ok(['firewall', 'portal', 'on', '--preset', 'sip', '--confirm-within', '10s'], ssh(1000));
    expect((await run(['firewall', 'confirm'], ssh(1000))).exitCode).toBe(1);
    await ok(['firewall', 'confirm'], ssh(1001));
    await new Promise((resolve) => setTimeout(resolve, 10_500));
    expect([await answered(STRANGER), await answered(FRIEND)]).toEqual([false, true]);
  });

  test('a daemon that is killed and comes back too late undoes it first', async () => {
    await ok(['firewall', 'portal', 'on', '--preset', 'sip', '--confirm-within', '10s'], ssh(1000));
    await tollgate.kill();
    await new Promise((resolve) => setTimeout(resolve, 10_500));
    expect(await answered(STRANGER)).toBe(false);
    await tollgate.start();
    await everybodyIsIn();
    expect(await status()).toMatchObject({ portal: null, pending: null, lastUndone: { undoneBy: null } });
  });

  test('a daemon that is killed and comes back in time keeps it, and undoes it at its time', async () => {
    await ok(['firewall', 'portal', 'on', '--preset', 'sip', '--confirm-within', '20s'], ssh(1000));
    await tollgate.kill();
    await tollgate.start();
    const { pending } = await status();
    expect(pending?.secondsLeft).toBeLessThan(20);
    expect(await answered(STRANGER)).toBe(false);
    await everybodyIsIn();
    expect((await status()).pending).toBeNull();
  });

  test('an isolated host is reached by those who were named and by nobody else, until it is released', async () => {
    await ok(['firewall', 'isolate', '--reachable', FRIEND], ssh(1000));
    expect([await answered(FRIEND, OTHER_PORT), await opens(FRIEND, OTHER_PORT)]).toEqual([true, true]);
    expect([
      await answered(STRANGER, OTHER_PORT),
      await opens(STRANGER, OTHER_PORT),
      await answered(ATTACKER.v6, OTHER_PORT),
    ]).toEqual([false, false, false]);
    expect(await ok(['status'])).toContain('ISOLATED');
    await ok(['firewall', 'confirm'], ssh(1001));
    await ok(['firewall', 'release'], ssh(1001));
    expect([await answered(STRANGER, OTHER_PORT), await answered(ATTACKER.v6, OTHER_PORT)]).toEqual([true, true]);
  });

  test('a ban is in the kernel when it is answered, counts what it drops, and is out of it when the lift is answered', async () => {
    expect(await ok(['bans', 'add', STRANGER, '--reason', 'guesses passwords'])).toMatch(
      /In the kernel after \d+ ms\./,
    );
    expect(await answered(STRANGER)).toBe(false);
    await vi.waitFor(
      async () => {
        const explained = await json<BanAnswerReport>(['bans', 'explain', STRANGER]);
        expect(explained).toMatchObject({ banned: true, reason: 'guesses passwords', kernel: { bans: [STRANGER] } });
        expect(explained.kernel?.traffic?.packets).toBeGreaterThan(0);
      },
      { timeout: 5000, interval: 500 },
    );
    expect((await status()).sources).toContainEqual(expect.objectContaining({ address: STRANGER, why: 'banned' }));
    const [lifted] = await json<LiftReport[]>(['bans', 'lift', STRANGER]);
    expect(await answered(STRANGER)).toBe(true);
    expect(lifted?.kernel).toMatchObject({ arrived: true, backend: 'nftables' });
  });

  test('what somebody else changes in the kernel is mended, and staff are told', async () => {
    await pair.host.run('nft', 'delete', 'table', 'inet', 'tollgate');
    await vi.waitFor(
      async () => {
        const alerts = await json<AlertReport[]>(['alerts', 'list', '--all']);
        expect(alerts).toContainEqual(
          expect.objectContaining({
            kind: 'defence',
            subject: 'packet filter',
            sentence: expect.stringMatching(/^It was mended: ./),
          }),
        );
      },
      { timeout: 30_000, interval: 500 },
    );
  });

  test('packet protection is switched on by a setting, shows whom it blocks, and lets in again whoever is lifted', async () => {
    await ok(['settings', 'set', 'packetProtection.packetsPerSecond', '1000']);
    await ok(['settings', 'set', 'packetProtection.enabled', 'true']);
    const flood = { from: STRANGER, to: HOST.v4, port: OTHER_PORT, perSecond: 4000, forMs: 1000 };
    await vi.waitFor(
      async () => {
        await pair.attacker.probe.flood(flood);
        expect((await status()).blocked.map(({ address }) => address)).toEqual([STRANGER]);
      },
      { timeout: 15_000, interval: 100 },
    );
    expect([await answered(STRANGER), await answered(ATTACKER.far4)]).toEqual([false, true]);
    const [lifted] = await json<LiftReport[]>(['bans', 'lift', STRANGER]);
    expect(lifted).toMatchObject({ lifted: true, detail: 'was blocked by packet protection' });
    expect(await answered(STRANGER)).toBe(true);
    await ok(['settings', 'reset', 'packetProtection']);
  });
});
