/** Broken dependencies, one by one, against the direction that is written down for each. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { Outage } from '../../src/gate/journal.ts';
import type { DecisionReport, ExplanationReport } from '../../src/gate/report.ts';
import { type AgiCall, placeAgiCall } from '../support/agi-call.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { startRedis } from '../support/redis.ts';

const DEADLINE_MS = 250;
const STRICT = 'rules: [{ id: strict, limits: ["50/1h"], whenStoreFails: block }]';
const LOOSE = 'rules: [{ id: loose, limits: ["50/1h"], whenStoreFails: allow }]';

const closers: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function daemon(options: Parameters<typeof startTestDaemon>[0] = {}): Promise<TestDaemon> {
  const env = { TOLLGATE_AGI__DEADLINE_MS: String(DEADLINE_MS), ...options.env };
  const tollgate = await startTestDaemon({ ...options, env });
  closers.push(() => tollgate.stop());
  return tollgate;
}

async function apply(tollgate: TestDaemon, policy: string): Promise<void> {
  const { exitCode, error } = await tollgate.run(['policy', 'apply', '-'], { input: policy });
  expect({ exitCode, error }).toEqual({ exitCode: 0, error: '' });
}

const call = async (
  tollgate: TestDaemon,
  fields: AgiCall = {},
): Promise<Readonly<Record<string, string>> & { readonly tookMs: number }> => {
  const startedMs = performance.now();
  const variables = await placeAgiCall(tollgate.agiPort, { destination: '15551234567', extension: '1001', ...fields });
  return Object.assign({ tookMs: performance.now() - startedMs }, variables);
};

const ask = async <T>(tollgate: TestDaemon, ...args: string[]): Promise<T> =>
  JSON.parse((await tollgate.run([...args, '--json'])).out) as T;
const used = async (tollgate: TestDaemon): Promise<number | null | undefined> =>
  (await ask<ExplanationReport>(tollgate, 'explain', '1555', '-e', '1001')).findings[0]?.used;

const storePid = (tollgate: TestDaemon): number => {
  const started = tollgate.log.findLast((line) => line['part'] === 'redis-server' && typeof line['pid'] === 'number');
  return Number(started?.['pid']);
};

describe('the private store stands still', () => {
  for (const [policy, verdict] of [
    [STRICT, 'block'],
    [LOOSE, 'allow'],
  ] as const) {
    test(`a rule whose whenStoreFails is ${verdict} does so within the deadline, and an emergency number passes at once`, async () => {
      const tollgate = await daemon();
      await apply(tollgate, policy);
      process.kill(storePid(tollgate), 'SIGSTOP');
      try {
        const ordinary = await call(tollgate);
        const emergency = await call(tollgate, { destination: '911' });
        expect(ordinary).toMatchObject({ TOLLGATE_VERDICT: verdict });
        expect(ordinary.tookMs).toBeLessThan(DEADLINE_MS);
        expect(emergency).toMatchObject({ TOLLGATE_VERDICT: 'allow', TOLLGATE_REASON: 'emergency number' });
      } finally {
        process.kill(storePid(tollgate), 'SIGCONT');
      }
    });
  }

  test('after a few time-outs calls no longer wait, and requests that reach the woken store have spent nothing', async () => {
    const tollgate = await daemon();
    await apply(tollgate, STRICT);
    await call(tollgate);
    process.kill(storePid(tollgate), 'SIGSTOP');
    const together = await Promise.all(Array.from({ length: 20 }, () => call(tollgate)));
    const later = await call(tollgate);
    process.kill(storePid(tollgate), 'SIGCONT');
    expect(together.every((each) => each['TOLLGATE_VERDICT'] === 'block')).toBe(true);
    expect(later.tookMs).toBeLessThan(0.8 * DEADLINE_MS);
    await expect
      .poll(async () => (await ask<{ state: string }>(tollgate, 'status')).state, { timeout: 5000 })
      .toBe('working');
    expect(await used(tollgate)).toBe(1);
  });

  test('the outage and every call that passed or was refused in it are in the journal', async () => {
    const tollgate = await daemon();
    await apply(tollgate, STRICT);
    process.kill(storePid(tollgate), 'SIGSTOP');
    const answers = [];
    for (let turn = 0; turn < 5; turn++) answers.push(await call(tollgate));
    process.kill(storePid(tollgate), 'SIGCONT');
    await expect
      .poll(() => ask<Outage[]>(tollgate, 'calls', 'list', '--outages'), { timeout: 5000 })
      .toMatchObject([{ node: 'test', allowed: 0, refused: 5, notKept: 0 }]);
    const kept = await ask<DecisionReport[]>(tollgate, 'calls', 'list');
    expect(kept.map((each) => each.id).reverse()).toEqual(answers.map((each) => each['TOLLGATE_DECISION']));
    expect(kept.every((each) => each.store === 'failed' && each.verdict === 'block' && each.rule === 'strict')).toBe(
      true,
    );
  });
});

describe('the private store is killed', () => {
  test('it is started again by itself with what calls had used and with the policy', async () => {
    const tollgate = await daemon();
    await apply(tollgate, STRICT);
    for (let turn = 0; turn < 3; turn++) await call(tollgate);
    process.kill(storePid(tollgate), 'SIGKILL');
    await expect
      .poll(
        async () => (await call(tollgate, { destination: '15550000001', uniqueId: 'again.1' }))['TOLLGATE_VERDICT'],
        { timeout: 5000 },
      )
      .toBe('allow');
    expect(await used(tollgate)).toBe(4);
    expect(await ask(tollgate, 'rules', 'list')).toMatchObject([{ id: 'strict' }]);
  });
});

describe('an external store', () => {
  const external = async (): Promise<{
    readonly env: Readonly<Record<string, string>>;
    readonly pid: number;
    readonly port: number;
    readonly folder: string;
  }> => {
    const folder = await mkdtemp(join(tmpdir(), 'tollgate-external-'));
    const port = await freePort();
    const pid = await startExternal(port, folder);
    closers.push(async () => rm(folder, { recursive: true, force: true }));
    return { env: { TOLLGATE_REDIS__URL: `redis://127.0.0.1:${port}/0` }, pid, port, folder };
  };

  test('that is gone makes each rule decide for itself at once; when it is back empty, the policy is written into it again', async () => {
    const store = await external();
    const tollgate = await daemon({ env: store.env });
    await apply(tollgate, STRICT);
    expect(await call(tollgate)).toMatchObject({ TOLLGATE_VERDICT: 'allow' });
    process.kill(store.pid, 'SIGKILL');
    await sleep(100);
    const refused = await call(tollgate);
    expect(refused).toMatchObject({ TOLLGATE_VERDICT: 'block', TOLLGATE_RULE: 'strict' });
    expect(refused.tookMs).toBeLessThan(0.8 * DEADLINE_MS);
    expect(await call(tollgate, { destination: '112' })).toMatchObject({ TOLLGATE_VERDICT: 'allow' });
    expect((await tollgate.run(['rules', 'add', 'late', '--limit', '1/1s'])).error).toContain('store is not answering');
    const status = await tollgate.run(['status']);
    expect(status.exitCode).toBe(1);
    expect(status.out).toContain('whenStoreFails');
    await startExternal(store.port, store.folder);
    await expect.poll(async () => (await call(tollgate))['TOLLGATE_VERDICT'], { timeout: 8000 }).toBe('allow');
    const second = await daemon({ env: store.env });
    await expect.poll(() => ask(second, 'rules', 'list')).toMatchObject([{ id: 'strict' }]);
  });

  test('that is away at the start does not keep the daemon from deciding by the last policy it saw', async () => {
    const store = await external();
    const stateDir = await mkdtemp(join(tmpdir(), 'tollgate-state-'));
    closers.push(async () => rm(stateDir, { recursive: true, force: true }));
    const first = await startTestDaemon({ env: store.env, stateDir });
    await apply(first, STRICT);
    await first.stop();
    process.kill(store.pid, 'SIGKILL');
    const second = await daemon({ env: store.env, stateDir });
    expect(await call(second)).toMatchObject({ TOLLGATE_VERDICT: 'block', TOLLGATE_RULE: 'strict' });
    expect(await call(second, { destination: '911' })).toMatchObject({ TOLLGATE_VERDICT: 'allow' });
    await startExternal(store.port, store.folder);
    await expect.poll(async () => (await call(second))['TOLLGATE_VERDICT'], { timeout: 8000 }).toBe('allow');
  });
});

test('every daemon on one store follows a changed policy within a second, and an unusable one in the store changes nothing', async () => {
  const redis = await startRedis();
  closers.push(() => redis.stop());
  const env = { TOLLGATE_REDIS__URL: redis.socketPath };
  const [one, two] = [await daemon({ env }), await daemon({ env })];
  await apply(one, STRICT);
  await expect.poll(() => ask(two, 'rules', 'list'), { timeout: 1000 }).toMatchObject([{ id: 'strict' }]);
  await redis
    .client()
    .hset('tollgate:{default}:policy', { version: '99', document: '{"rules":[{"id":"broken","limits":["0/1s"]}]}' });
  await sleep(600);
  expect(await ask(one, 'rules', 'list')).toMatchObject([{ id: 'strict' }]);
  expect(await ask(two, 'rules', 'list')).toMatchObject([{ id: 'strict' }]);
});

test('changes made on two daemons at the same time are all there afterwards', async () => {
  const redis = await startRedis();
  closers.push(() => redis.stop());
  const env = { TOLLGATE_REDIS__URL: redis.socketPath };
  const daemons = [await daemon({ env }), await daemon({ env })];
  await Promise.all(
    daemons.flatMap((tollgate, node) =>
      Array.from({ length: 5 }, (_, turn) => tollgate.run(['trunks', 'set', `t${node}${turn}`])),
    ),
  );
  await sleep(600);
  for (const tollgate of daemons) expect(await ask<unknown[]>(tollgate, 'trunks', 'list')).toHaveLength(10);
});

async function startExternal(port: number, folder: string): Promise<number> {
  const server = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--daemonize', 'no'],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  closers.push(async () => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill('SIGKILL');
    await once(server, 'exit');
  });
  for await (const text of server.stdout) if (String(text).includes('Ready to accept connections')) break;
  return server.pid ?? 0;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
