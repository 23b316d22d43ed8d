/** Valkey as the external store, from Debian's packages: it can also wait for the append-only files. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { PackagesUnavailable } from '../../../src/demo/debian-mirror.ts';
import { ensureDebianRoot } from '../../../src/demo/debian-root.ts';
import { placeAgiCall } from '../../support/agi-call.ts';
import { startTestDaemon, type TestDaemon } from '../../support/daemon.ts';
import { type SentinelFleet, startSentinels } from '../../support/redis-fleet.ts';

const program = await ensureDebianRoot(
  { name: 'valkey', suite: 'trixie', packages: ['valkey-server'] },
  { env: process.env },
).then(
  (root) => root.commandLine('usr/bin/valkey-server'),
  (error: unknown) => {
    if (!(error instanceof PackagesUnavailable)) throw error;
    console.log(`without Valkey this test is skipped: ${error.message}`);
    return undefined;
  },
);

describe.skipIf(program === undefined)('a daemon on Valkey with replicas and append-only files', () => {
  let fleet: SentinelFleet;
  let daemon: TestDaemon;

  beforeAll(async () => {
    fleet = await startSentinels({ program: program ?? [], settings: ['--appendonly', 'yes'] });
    daemon = await startTestDaemon({ env: fleet.env });
  });
  afterAll(async () => {
    await daemon?.stop();
    await fleet?.stop();
  });

  test('acknowledges a change when it is on the disk of every server, and says so', async () => {
    await daemon.apply('rules: [{ id: two, countPer: system, limits: ["2/1h"], whenStoreFails: block }]');
    expect((await daemon.run(['status'])).out).toContain('changes are on 2 of 2 replicas and synced to every disk');
    const verdicts: Array<string | undefined> = [];
    for (let turn = 0; turn < 3; turn++) {
      const answer = await placeAgiCall(daemon.agiPort, { destination: '15551234567', extension: '1001' });
      verdicts.push(answer['TOLLGATE_VERDICT']);
    }
    expect(verdicts).toEqual(['allow', 'allow', 'block']);
  });

  test('goes on with what was counted when a replica has taken over', async () => {
    await fleet.servers[0].kill();
    await vi.waitUntil(async () => (await fleet.primary()).name !== 'server-1', { timeout: 30_000, interval: 50 });
    await vi.waitUntil(
      async () => {
        const answer = await placeAgiCall(daemon.agiPort, { destination: '15551234567', extension: '1001' });
        expect(answer['TOLLGATE_VERDICT']).toBe('block');
        return !/cannot be read/.test(answer['TOLLGATE_REASON'] ?? '');
      },
      { timeout: 30_000, interval: 100 },
    );
  });
});
