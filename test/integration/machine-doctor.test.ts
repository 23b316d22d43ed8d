/** The doctor beside a real daemon and real stores: what it finds of them, over the command line and over the API. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import type { DaemonView } from '../../src/doctor/context.ts';
import type { MachineReport } from '../../src/doctor/doctor.ts';
import { examineFromCommandLine } from '../../src/doctor/from-command-line.ts';
import { examineStore } from '../../src/doctor/store-checks.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const levelsOf = ({ findings }: Pick<MachineReport, 'findings'>): Readonly<Record<string, string>> =>
  Object.fromEntries(findings.map(({ check, level }) => [check, level]));
const nobody = (): Promise<never> => Promise.reject(new Error('no daemon is running'));
const noDaemon: DaemonView = {
  parts: nobody,
  portalPorts: nobody,
  users: nobody,
  keys: nobody,
  emergencyNumbers: nobody,
};

describe('of this machine', () => {
  let folder: string | undefined;
  afterEach(async () => {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });
  const examine = async (yaml: string, only: readonly string[]): Promise<MachineReport> => {
    folder = await mkdtemp(join(tmpdir(), 'tollgate-doctor-'));
    const configPath = join(folder, 'tollgate.yaml');
    await writeFile(configPath, yaml, { mode: 0o600 });
    const statePath = folder;
    const load = () => loadConfig({ configPath, statePath, env: {}, cwd: statePath, hostName: 'test' });
    return examineFromCommandLine({ only, load, env: process.env }, noDaemon);
  };

  test('every family ends, and each finding that is not in order says why and what to do', async () => {
    const { findings, counts } = await examine('', ['updates', 'ssh', 'ports', 'secrets', 'accounts', 'certificates']);
    expect(findings.filter(({ check }) => check === 'failed')).toEqual([]);
    expect(counts.bad + counts.warn + counts.unknown + counts.ok).toBe(findings.length);
    expect(findings.filter(({ level, why, command }) => level !== 'ok' && (why === '' || command === ''))).toEqual([]);
    expect(new Set(findings.map(({ family }) => family))).toContain('ports');
  });

  test('an open FastAGI, an open web port, and interfaces that nobody answers are bad', async () => {
    const yaml = `agi: { listen: "127.0.0.1:1", allowFrom: ["0.0.0.0/0"] }
http: { listen: "0.0.0.0:8480" }
asterisk:
  - name: pbx
    ami: { host: 127.0.0.1, port: 1, username: tollgate, password: something-of-sixteen }
    ari: { url: "http://127.0.0.1:1", username: tollgate, password: something-of-sixteen }
`;
    expect(levelsOf(await examine(yaml, ['connections']))).toEqual({
      ...{ daemon: 'bad', 'ami pbx': 'bad', 'ari pbx': 'bad', fastagi: 'bad', 'fastagi-open': 'bad' },
      ...{ web: 'bad', firewall: 'warn' },
    });
  });

  test('a configuration that cannot be used is told with its mistake', async () => {
    const { findings } = await examine('agi: { lisen: x }\n', ['connections']);
    expect(findings).toMatchObject([{ check: 'configuration', level: 'bad', what: expect.stringContaining('lisen') }]);
  });
});

describe('of a store', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());
  const examine = async (): Promise<Readonly<Record<string, string>>> =>
    levelsOf({ findings: await examineStore({ url: redis.socketPath, prefix: 'tollgate', tenant: 'default' }) });

  test('that throws keys away and keeps nothing both are told, and a good one has nothing against it', async () => {
    const client = redis.client();
    await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await client.config('SET', 'appendonly', 'no');
    expect(await examine()).toEqual({ store: 'ok', 'store-eviction': 'bad', 'store-durability': 'warn' });
    await client.config('SET', 'maxmemory-policy', 'noeviction');
    await client.config('SET', 'appendonly', 'yes');
    expect(await examine()).toEqual({ store: 'ok' });
  });

  test('that is away is bad, within seconds', async () => {
    const away = await examineStore({ url: 'redis://127.0.0.1:1/0', prefix: 'tollgate', tenant: 'default' });
    expect(levelsOf({ findings: away })).toEqual({ store: 'bad' });
  });
});

describe('of the running daemon', () => {
  let daemon: TestDaemon;
  beforeAll(async () => {
    daemon = await startTestDaemon({ announce: () => undefined });
  });
  afterAll(() => daemon.stop());

  test('over the API it says how the daemon, its people and its portal are', async () => {
    const key = await daemon.run(['keys', 'add', 'page', '--scope', 'settings:write', '--json']);
    const { key: bearer } = JSON.parse(key.out) as { readonly key: string };
    const url = `http://127.0.0.1:${daemon.webPort}/api/v1/doctor/machine?only=accounts,connections,ports`;
    const asked = await Promise.all([1, 2].map(() => fetch(url, { headers: { authorization: `Bearer ${bearer}` } })));
    const [report, same] = (await Promise.all(asked.map((answer) => answer.json()))) as MachineReport[];
    expect(levelsOf(report ?? { findings: [] })).toMatchObject({
      ...{ daemon: 'ok', 'second-factor': 'warn', users: 'ok', keys: 'ok', 'default-deny': 'warn', asterisk: 'warn' },
    });
    expect(same).toEqual(report);
    const remote = await daemon.run(['doctor', '--only', 'accounts', '--json'], {
      env: { TOLLGATE_URL: `http://127.0.0.1:${daemon.webPort}`, TOLLGATE_KEY: bearer },
    });
    expect(remote.exitCode).toBe(1);
    expect(new Set((JSON.parse(remote.out) as MachineReport).findings.map(({ family }) => family))).toEqual(
      new Set(['accounts']),
    );
  });
});
