/** The watch on connections to manager interfaces that come and go. */
import { afterEach, expect, it } from 'vitest';
import { type AmiConnection, connectAmi } from '../../src/asterisk/ami-connection.ts';
import { type SecurityWatch, watchSecurity } from '../../src/bans/security-watch.ts';
import { systemClock } from '../../src/clock.ts';
import { type FakeAmi, startFakeAmi } from '../support/fake-ami.ts';
import { offenceLine, successLine } from '../support/security-lines.ts';
import { keptLog } from '../support/silent-log.ts';

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const wrongPassword = (session: string, address = '203.0.113.9'): readonly string[] => [
  'Event: ChallengeResponseFailed',
  'Privilege: security,all',
  'EventTV: 2026-11-20T09:20:48.319+0000',
  'Severity: Error',
  'Service: PJSIP',
  'EventVersion: 1',
  'AccountID: 1001',
  `SessionID: ${session}`,
  'LocalAddress: IPV4/UDP/198.51.100.1/5060',
  `RemoteAddress: IPV4/UDP/${address}/15081`,
  'Challenge: nonce',
  'Response: response',
  'ExpectedResponse: ',
];
const line = 'sipRegistration wrong-password 1001 203.0.113.9 udp spoofable';

interface Scene {
  readonly connections: readonly AmiConnection[];
  readonly watch: SecurityWatch;
  readonly seen: readonly string[];
  readonly lines: readonly Readonly<Record<string, unknown>>[];
}

async function watched(
  asterisks: Readonly<Record<string, FakeAmi>>,
  options: { readonly onOffence?: () => void; readonly ownEventWithinMs?: number } = {},
): Promise<Scene> {
  const { log, lines } = keptLog();
  const seen: string[] = [];
  const timings = { retryFirstMs: 1, retryMaxMs: 2 };
  const connections = Object.entries(asterisks).map(([name, { host, port }]) =>
    connectAmi({ name, host, port, username: 'tollgate', password: 'secret', log, clock: systemClock, timings }),
  );
  const watch = watchSecurity(connections, {
    clock: systemClock,
    log,
    onOffence: (offence) => {
      seen.push(`${offence.source}: ${offenceLine(offence)}`);
      options.onOffence?.();
    },
    onSuccess: (success) => seen.push(successLine(success)),
    ...(options.ownEventWithinMs === undefined ? {} : { ownEventWithinMs: options.ownEventWithinMs }),
  });
  closers.push(async () => {
    watch.stop();
    for (const connection of connections) await connection.close();
  });
  await expect.poll(() => connections.every(({ state }) => state().up)).toBe(true);
  return { connections, watch, seen, lines };
}

/** Resolves when every connection has gone down and come up again. */
const backAfterLoss = ({ connections }: Scene): Promise<unknown> =>
  Promise.all(
    connections.map(
      ({ onState }) =>
        new Promise<void>((resolve) => {
          const end = onState((up) => {
            if (!up) return;
            end();
            resolve();
          });
        }),
    ),
  );

async function fake(): Promise<FakeAmi> {
  const asterisk = await startFakeAmi();
  closers.push(asterisk.close);
  return asterisk;
}

it('an offence names the Asterisk that told of it, and is told once', async () => {
  const [one, two] = [await fake(), await fake()];
  const { seen } = await watched({ one, two });
  one.send(...wrongPassword('a'));
  one.send(...wrongPassword('a'));
  await expect.poll(() => seen).toEqual([`one: ${line}`]);
  two.send(...wrongPassword('b'));
  await expect.poll(() => seen).toEqual([`one: ${line}`, `two: ${line}`]);
});

it('attempts are remembered over an outage, so that none is counted twice for it', async () => {
  const asterisk = await fake();
  const scene = await watched({ pbx: asterisk });
  const { seen } = scene;
  asterisk.send(...wrongPassword('a'));
  await expect.poll(() => seen).toHaveLength(1);
  const back = backAfterLoss(scene);
  asterisk.dropConnections();
  await back;
  asterisk.send(...wrongPassword('a'));
  asterisk.send(...wrongPassword('b'));
  await expect.poll(() => seen).toHaveLength(2);
});

it('each time without a connection is noted with its Asterisk, from and until, and is logged', async () => {
  const [one, two] = [await fake(), await fake()];
  const { watch, lines } = await watched({ one, two });
  const first = watch.gaps().length;
  expect(watch.gaps().every(({ until }) => until !== null)).toBe(true);
  one.behave({ login: 'refuse' });
  one.dropConnections();
  await expect.poll(() => watch.gaps().length).toBe(first + 1);
  expect(watch.gaps().at(-1)).toMatchObject({ asterisk: 'one', until: null });
  two.dropConnections();
  await expect
    .poll(() => watch.gaps().find(({ asterisk, until }) => asterisk === 'two' && until === null))
    .toBe(undefined);
  const gaps = watch.gaps().filter(({ until }) => until !== null);
  for (const { from, until } of gaps) expect(until).toBeGreaterThanOrEqual(from);
  const logged = lines.filter(({ msg }) => msg === 'security events of this time were missed');
  expect(logged).toHaveLength(gaps.length);
  expect(logged.at(-1)).toMatchObject({ level: 'warn', asterisk: 'two', from: expect.stringMatching(/^20.*Z$/) });
});

it('of an Asterisk that comes and goes the last hundred gaps are kept', async () => {
  const asterisk = await fake();
  const scene = await watched({ pbx: asterisk });
  for (let round = 0; round < 110; round += 1) {
    const back = backAfterLoss(scene);
    asterisk.dropConnections();
    await back;
  }
  const gaps = scene.watch.gaps();
  expect(gaps).toHaveLength(100);
  expect(gaps.map(({ from }) => from)).toEqual(gaps.map(({ from }) => from).sort((a, b) => a - b));
});

it('an Asterisk that says nothing of our own log-in is named, until it tells of something', async () => {
  const asterisk = await fake();
  const { watch, lines, seen } = await watched({ pbx: asterisk }, { ownEventWithinMs: 50 });
  await expect.poll(() => watch.silent()).toEqual(['pbx']);
  expect(lines.filter(({ msg }) => String(msg).includes('read=security'))).toHaveLength(1);
  asterisk.send(...wrongPassword('a'));
  await expect.poll(() => seen).toHaveLength(1);
  expect(watch.silent()).toEqual([]);
});

it('events that were spoiled are logged once a minute, without what they hold', async () => {
  const asterisk = await fake();
  const { lines, seen } = await watched({ pbx: asterisk });
  for (let count = 0; count < 20; count += 1) {
    asterisk.send(...wrongPassword('a'), 'RemoteAddress: IPV4/TCP/192.0.2.9/1', 'Secret: hunter2');
  }
  asterisk.send(...wrongPassword('b'));
  await expect.poll(() => seen).toEqual([`pbx: ${line}`]);
  expect(lines.filter(({ msg }) => String(msg).includes('spoiled'))).toHaveLength(1);
  expect(JSON.stringify(lines)).not.toMatch(/192\.0\.2\.9|hunter2/);
});

it('a listener that throws loses no later offence', async () => {
  const asterisk = await fake();
  const { seen } = await watched(
    { pbx: asterisk },
    {
      onOffence: () => {
        throw new Error('broken');
      },
    },
  );
  asterisk.send(...wrongPassword('a'));
  asterisk.send(...wrongPassword('b'));
  await expect.poll(() => seen).toHaveLength(2);
});

it('after stop nothing is passed on, and an end of the connection is no gap', async () => {
  const asterisk = await fake();
  const scene = await watched({ pbx: asterisk });
  const { watch, seen } = scene;
  const gaps = watch.gaps();
  watch.stop();
  const back = backAfterLoss(scene);
  asterisk.send(...wrongPassword('a'));
  asterisk.dropConnections();
  await back;
  expect(seen).toEqual([]);
  expect(watch.gaps()).toEqual(gaps);
});
