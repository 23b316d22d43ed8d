/** `firewall`, `bans` and `allow` as a person uses them, on a real daemon whose packet filter only says what it would do. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { AddedBan, BanAnswerReport, BanReport, LiftReport } from '../../../src/api/bans-routes.ts';
import type { ChangedFirewall, FirewallReport } from '../../../src/api/firewall-routes.ts';
import type { AuditRecord } from '../../../src/people/audit-record.ts';
import { createKeys } from '../../../src/redis/keys.ts';
import { startTestDaemon, type TestDaemon } from '../../support/daemon.ts';

const ME = '203.0.113.9';
const ssh = (port: number, address = ME) => ({ SSH_CONNECTION: `${address} ${port} 198.51.100.1 22` });

let tollgate: TestDaemon;

beforeAll(async () => {
  tollgate = await startTestDaemon({ env: { TOLLGATE_FIREWALL__BACKEND: 'dry-run' } });
});
afterAll(() => tollgate.stop());
afterEach(async () => {
  await tollgate.run(['firewall', 'portal', 'off', '--force']);
  await tollgate.run(['firewall', 'release', '--force']);
  const { out } = await tollgate.run(['allow', 'list', '--json']);
  for (const { id } of JSON.parse(out) as { readonly id: string }[]) await tollgate.run(['allow', 'remove', id]);
});

const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) => tollgate.run(args, { env });
const ok = async (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> => {
  const { exitCode, out, error } = await run(args, env);
  expect({ args, exitCode, error }).toEqual({ args, exitCode: 0, error: '' });
  return out;
};
const json = async <T>(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<T> =>
  JSON.parse(await ok([...args, '--json'], env)) as T;
const status = (): Promise<FirewallReport> => json<FirewallReport>(['firewall', 'status']);

describe('the portal', () => {
  test('is on at once, says how long it lasts, and stays once a new connection confirms it', async () => {
    await ok(['allow', 'add', ME, '--name', 'Me']);
    const said = await ok(['firewall', 'portal', 'on', '--preset', 'sip,web', '--port', 'tcp/2222'], ssh(1000));
    expect(said).toContain('The portal is on');
    expect(said).toMatch(/NOT CONFIRMED and is undone by itself in (60|59) s/);
    expect(await status()).toMatchObject({
      backend: 'dry-run',
      inForce: false,
      portal: { ports: ['tcp/443', 'tcp/2222', 'tcp/5060-5061', 'udp/5060-5061'] },
      pending: { what: 'portal', by: 'cli tester' },
    });
    expect(await ok(['firewall', 'status'])).toMatch(/NOT CONFIRMED/);
    const same = await run(['firewall', 'confirm'], ssh(1000));
    expect([same.exitCode, same.error]).toEqual([1, expect.stringContaining('log in anew')]);
    expect(same.error).toMatch(/is undone by itself in \d+ s/);
    expect(await ok(['firewall', 'confirm'], ssh(1001))).toBe('Confirmed: the change stays.\n');
    expect(await status()).toMatchObject({ pending: null, portal: { ports: expect.any(Array) } });
    const late = await run(['firewall', 'undo']);
    expect([late.exitCode, late.error]).toEqual([1, expect.stringContaining('no change of the firewall waits')]);
  });

  test('is undone by itself unless it is confirmed, and says so afterwards', async () => {
    await ok(['firewall', 'portal', 'on', '--confirm-within', '10s']);
    await vi.waitFor(async () => expect((await status()).portal).toBeNull(), { timeout: 15_000, interval: 500 });
    expect((await status()).lastUndone).toMatchObject({ what: 'portal', by: 'cli tester', undoneBy: null });
    expect(await ok(['firewall', 'status'])).toContain('nobody confirmed it in time');
    await vi.waitFor(async () => {
      const [last] = await json<AuditRecord[]>(['audit', 'list', '--limit', '1']);
      expect(last).toMatchObject({ by: 'clock', action: 'firewall.revert', subject: 'firewall test' });
    });
  }, 30_000);

  test('is refused to whoever would be cut off by it, unless he insists', async () => {
    const refused = await run(['firewall', 'portal', 'on'], ssh(1000));
    expect([refused.exitCode, refused.error]).toEqual([1, expect.stringContaining(`tollgate allow add ${ME}`)]);
    expect(await status()).toMatchObject({ portal: null, pending: null });
    expect(await ok(['firewall', 'portal', 'on', '--force'], ssh(1000))).toContain('The portal is on');
    expect(await ok(['firewall', 'undo'])).toBe('Undone: it is as it was before.\n');
    expect(await status()).toMatchObject({ portal: null, pending: null });
  });

  test('keeps an edit of the allowlist from cutting off the person who makes it', async () => {
    await ok(['allow', 'add', ME, '--name', 'Me']);
    await ok(['allow', 'add', '198.51.100.7', '--name', 'Other']);
    await ok(['firewall', 'portal', 'on'], ssh(1000));
    for (const args of [
      ['allow', 'remove', 'Me'],
      ['allow', 'set', 'Me', '--address', '192.0.2.1'],
    ]) {
      const refused = await run(args, ssh(1000));
      expect([refused.exitCode, refused.error]).toEqual([1, expect.stringContaining('cut you off')]);
    }
    await ok(['allow', 'remove', 'Other'], ssh(1000));
    await ok(['allow', 'add', '203.0.113.0/24', '--name', 'Office'], ssh(1000));
    await ok(['allow', 'remove', 'Me'], ssh(1000));
    await ok(['allow', 'remove', 'Office', '--force'], ssh(1000));
  });

  test('with ports or presets that are none is refused, with each of them named', async () => {
    const { exitCode, error } = await run(['firewall', 'portal', 'on', '--preset', 'spi,web', '--port', '443']);
    expect(exitCode).toBe(1);
    expect(error).toContain('presets[0]: "spi" is not known; did you mean sip?');
    expect(error).toContain('ports[0]: "443" is no port; write tcp/443');
    const soon = await run(['firewall', 'portal', 'on', '--confirm-within', '5s']);
    expect([soon.exitCode, soon.error]).toEqual([1, expect.stringContaining('from 10 to 600')]);
    expect((await status()).portal).toBeNull();
  });
});

describe('isolation', () => {
  test('keeps evidence of the moment, and ends by release', async () => {
    await ok(['bans', 'add', '192.0.2.66', '--reason', 'guesses passwords']);
    const done = await json<ChangedFirewall>(['firewall', 'isolate', '--reachable', ME, '198.51.100.0/24'], ssh(1));
    expect(done).toMatchObject({ changed: true, isolation: { reachable: [ME, '198.51.100.0/24'] } });
    const [file = ''] = (await readdir(tollgate.stateDir)).filter((name) => name.startsWith('isolation-'));
    expect(done.notes).toEqual([expect.stringContaining(file)]);
    const lines = (await readFile(join(tollgate.stateDir, file), 'utf8')).trim().split('\n');
    const kinds = lines.map((line) => JSON.parse(line) as { readonly kind: string; readonly value: unknown });
    expect(kinds[0]).toMatchObject({ kind: 'isolation', value: { node: 'test', by: 'cli tester' } });
    expect(kinds).toContainEqual({
      kind: 'ban',
      value: expect.objectContaining({ address: '192.0.2.66', reason: 'guesses passwords' }),
    });
    expect(kinds.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['plan', 'firewall', 'counters']));
    expect(kinds.filter(({ kind }) => kind === 'not read')).toEqual([]);
    expect(await ok(['firewall', 'release'])).toContain('The isolation is over.');
    expect(await status()).toMatchObject({ isolation: null, pending: null });
    await ok(['bans', 'lift', '192.0.2.66']);
  });

  test('is refused to whoever it would not reach', async () => {
    const refused = await run(['firewall', 'isolate', '--reachable', '198.51.100.7'], ssh(1));
    expect([refused.exitCode, refused.error]).toEqual([1, expect.stringContaining(`--reachable ${ME}`)]);
    expect((await status()).isolation).toBeNull();
  });
});

describe('bans', () => {
  test('say that they are in the packet filter, and out of it, as that is read back', async () => {
    const added = await json<AddedBan>(['bans', 'add', '192.0.2.66']);
    expect(added.kernel).toMatchObject({ arrived: true, backend: 'dry-run' });
    const [lifted] = await json<LiftReport[]>(['bans', 'lift', '192.0.2.66']);
    expect(lifted).toMatchObject({ lifted: true, kernel: { arrived: true, backend: 'dry-run' } });
  });

  test('your own address is not banned, wherever you type', async () => {
    const { exitCode, error } = await run(['bans', 'add', ME], ssh(1));
    expect([exitCode, error]).toEqual([1, expect.stringContaining('you would be cut off')]);
  });

  test('explain answers for an address that is banned, allowed, or neither', async () => {
    await ok(['allow', 'add', ME, '--name', 'Me']);
    await ok(['bans', 'add', '192.0.2.66', '--reason', 'guesses passwords']);
    const banned = await ok(['bans', 'explain', '192.0.2.66']);
    expect(banned).toContain('192.0.2.66 is banned.');
    expect(banned).toContain('guesses passwords');
    expect(banned).toContain('In the dry run: banned by 192.0.2.66');
    expect(await ok(['bans', 'explain', ME])).toContain('is allowed by Me');
    const neither = await ok(['bans', 'explain', '192.0.2.1']);
    expect(neither).toContain('is not banned');
    expect(await json<BanAnswerReport>(['bans', 'explain', '192.0.2.66'])).toMatchObject({
      banned: true,
      kernel: { bans: ['192.0.2.66'], backend: 'dry-run' },
    });
    await ok(['bans', 'lift', '192.0.2.66']);
  });

  test('and allowed addresses that nothing came from for a time are pointed out', async () => {
    await ok(['allow', 'add', ME, '--name', 'Me']);
    await ok(['bans', 'add', '192.0.2.66']);
    expect(await json<unknown[]>(['allow', 'list', '--unused', '90d'])).toEqual([]);
    expect(await json<BanReport[]>(['bans', 'list', '--unused', '90d'])).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const unused = await json<BanReport[]>(['bans', 'list', '--unused', '1s']);
    expect(unused.map(({ address, dropped }) => [address, dropped])).toEqual([['192.0.2.66', null]]);
    await ok(['bans', 'lift', '192.0.2.66']);
  });
});

test('a daemon without a packet filter says so, and closes nothing', async () => {
  const plain = await startTestDaemon();
  const [portal, now, whole] = [
    await plain.run(['firewall', 'portal', 'on']),
    await plain.run(['firewall', 'status']),
    await plain.run(['status']),
  ];
  const added = await plain.run(['bans', 'add', '192.0.2.66']);
  await plain.stop();
  expect([portal.exitCode, portal.error]).toEqual([1, expect.stringContaining('firewall.backend')]);
  expect([now.exitCode, now.out]).toEqual([0, expect.stringContaining('nothing is dropped')]);
  expect([whole.exitCode, whole.out]).toEqual([0, expect.stringContaining('no packet filter')]);
  expect(added.out).not.toContain('kernel');
});

test('what is confirmed is there after a restart, and what is not ends with the daemon', async () => {
  const env = { TOLLGATE_FIREWALL__BACKEND: 'dry-run' };
  const first = await startTestDaemon({ env });
  await first.run(['firewall', 'portal', 'on', '--preset', 'web']);
  await first.run(['firewall', 'confirm']);
  await first.run(['firewall', 'isolate', '--reachable', ME]);
  await first.daemon.close();
  const second = await startTestDaemon({ env, stateDir: first.stateDir });
  const { out } = await second.run(['firewall', 'status', '--json']);
  await second.stop();
  await first.stop();
  expect(JSON.parse(out)).toMatchObject({
    portal: { ports: ['tcp/443'] },
    isolation: null,
    pending: null,
    lastUndone: { what: 'isolation', undoneBy: 'the daemon, which stopped' },
  });
});

test('taking a trunk off the allowlist says so, and a portal names whom it keeps out', async () => {
  const env = { TOLLGATE_FIREWALL__BACKEND: 'dry-run' };
  const first = await startTestDaemon({ env });
  // As another daemon writes what its Asterisk knows.
  const keys = createKeys({ prefix: 'tollgate', tenant: 'default' });
  const redis = new Redis({ path: join(first.stateDir, 'redis.sock') });
  await redis.set(keys.knownPeers('pbx9'), 't 198.51.100.7\np 203.0.113.80');
  await redis.hset(keys.peerNodes, 'pbx9', `stamp ${Date.now()}`);
  await first.run(['allow', 'add', '198.51.100.7', '--name', 'Carrier A']);
  redis.disconnect();
  await first.daemon.close();
  const second = await startTestDaemon({ env, stateDir: first.stateDir });
  await vi.waitFor(async () => {
    const { out } = await second.run(['status']);
    expect(out).toContain('2 known phones and trunks');
  });
  const [closed, removed, again] = [
    await second.run(['firewall', 'portal', 'on']),
    await second.run(['allow', 'remove', 'Carrier A']),
    await second.run(['firewall', 'portal', 'on', '--preset', 'sip']),
  ];
  await second.stop();
  await first.stop();
  expect(closed.out).toContain('kept out of these ports: registered phones at 203.0.113.80');
  expect(closed.out).not.toContain('trunks at');
  expect(removed.out).toContain('198.51.100.7 is a trunk of yours');
  expect(again.out).toContain('kept out of these ports: trunks at 198.51.100.7');
});
