/**
 * The stage itself: what the demo and every other end-to-end test stand on.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, expect, it, vi } from 'vitest';
import { cacheFolder } from '../../src/demo/debian-root.ts';
import { ensurePrograms } from '../../src/demo/programs.ts';
import type { Stage } from '../../src/demo/stage.ts';
import { startTestStage } from '../support/stage.ts';

const execute = promisify(execFile);
const open: Stage[] = [];
const build = async (...options: Parameters<typeof startTestStage>) => {
  const stage = await startTestStage(...options);
  open.push(stage);
  return stage;
};
const plain = `
[from-phones]
exten => _X.,1,Dial(PJSIP/\${EXTEN}@carrier-a)
 same => n,Dial(PJSIP/\${EXTEN}@carrier-b)
 same => n,Hangup(34)
`;

afterEach(async () => {
  await Promise.all(open.splice(0).map((stage) => stage.stop()));
});

it('a call refused by the first carrier reaches the second one, and both have recorded it', async () => {
  const stage = await build({
    dialplan: plain,
    carriers: { 'carrier-a': { refuseWith: 503 }, 'carrier-b': { ringMs: 200 } },
  });
  const call = await stage.placeCall({ destination: '15551234', holdMs: 300 });
  expect(call).toMatchObject({ status: 200, destination: '15551234', from: '1001', talked: { endedBy: 'caller' } });
  expect(call.progress.map(({ status }) => status)).toContain(180);
  expect(call.talked?.forMs).toBeGreaterThanOrEqual(290);
  const [refused] = await stage.carrier('carrier-a').calls();
  const [answered] = await stage.carrier('carrier-b').calls();
  expect(refused).toMatchObject({ destination: '15551234', from: '1001' });
  expect(answered?.atMs).toBeGreaterThan(refused?.atMs ?? Number.POSITIVE_INFINITY);
});

it('a carrier may hang up, a caller may cancel, and a wrong password is refused', async () => {
  const stage = await build({
    dialplan: plain,
    carriers: { 'carrier-a': { hangUpAfterMs: 100 }, 'carrier-b': { ringMs: 10_000 } },
  });
  expect((await stage.placeCall({ destination: '100', holdMs: 5_000 })).talked?.endedBy).toBe('called');
  expect((await stage.placeCall({ destination: '101', password: 'wrong' })).status).toBe(401);
  await stage.asterisk.reloadDialplan('[from-phones]\nexten => _X.,1,Dial(PJSIP/${EXTEN}@carrier-b)\n');
  const cancelled = await stage.placeCall({ destination: '102', cancelAfterMs: 300 });
  expect(cancelled.status).toBe(487);
  expect(cancelled.decidedAfterMs).toBeLessThan(1_500);
});

it('a batch is placed at its rate and reported in its order, with every arrival timed', async () => {
  const stage = await build({ dialplan: plain });
  const destinations = Array.from({ length: 20 }, (_, index) => `2000${index}`);
  const calls = await stage.placeCalls({ destinations, ratePerSecond: 20 });
  expect(calls.map(({ destination }) => destination)).toEqual(destinations);
  expect(new Set(calls.map(({ status }) => status))).toEqual(new Set([200]));
  const arrivals = await stage.carrier('carrier-a').calls();
  expect(arrivals).toHaveLength(20);
  expect((arrivals.at(-1)?.atMs ?? 0) - (arrivals[0]?.atMs ?? 0)).toBeGreaterThan(700);
});

it('AMI and ARI let the stage’s account in, and calls are in the CDR file', async () => {
  const stage = await build({ dialplan: plain });
  const { ari } = stage.asterisk;
  const login = Buffer.from(`${ari.username}:${ari.password}`).toString('base64');
  expect((await fetch(`${ari.url}/ari/asterisk/info`, { headers: { authorization: `Basic ${login}` } })).status).toBe(
    200,
  );
  expect(await stage.asterisk.cli('manager show user tollgate')).toContain('originate');
  await stage.placeCall({ destination: '15551234' });
  await expect.poll(() => readFile(stage.asterisk.cdrFile, 'utf8').catch(() => '')).toContain('"15551234"');
});

it('several stages stand side by side and leave neither process nor file behind', async () => {
  // Other tests have stages of their own in the usual folder.
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-test-'));
  vi.stubEnv('TMPDIR', folder);
  const stages = await Promise.all([build({ dialplan: plain }), build({ dialplan: plain })]);
  for (const stage of stages) expect((await stage.placeCall({ destination: '15551234' })).status).toBe(200);
  const pids = stages.map((stage) => stage.asterisk.pid());
  await Promise.all(open.splice(0).map((stage) => stage.stop()));
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow();
  expect(await readdir(folder)).toEqual([]);
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

it('a killed Asterisk is gone at once, and a call to it has no status', async () => {
  const stage = await build({ dialplan: plain });
  await stage.asterisk.kill();
  expect(stage.asterisk.running()).toBe(false);
  const call = await stage.placeCall({ destination: '1', timeoutMs: 1_000 });
  expect(call.status).toBeUndefined();
});

it('programs that are not installed come from the private packages and run from a PATH that holds nothing else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-test-'));
  try {
    // The cache of the machine is used, so that packages are not downloaded for every run.
    await symlink(cacheFolder(process.env), join(folder, 'cache'));
    const env = { ...process.env, PATH: join(folder, 'empty'), TOLLGATE_CACHE: join(folder, 'cache') };
    const programs = await ensurePrograms({ env });
    expect(programs.searchPath).toBe(`${join(folder, 'empty')}:${join(folder, 'cache/bin')}`);
    const run = { env: { PATH: programs.searchPath } };
    expect((await execute(programs.redisServer, ['--version'], run)).stdout).toMatch(/server v=/);
    expect((await execute(programs.redisBenchmark, ['--version'], run)).stdout).toMatch(/benchmark/);
    const version = await execute(programs.sipp, ['-v'], run).catch((error: { readonly stdout: string }) => error);
    expect(version.stdout).toMatch(/SIPp v3/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
