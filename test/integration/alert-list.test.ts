/** Of what staff are told: each thing of the list, made to happen to a whole daemon. Further ones need a line here. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KIND_NAMES } from '../../src/alerts/alert.ts';
import type { Message } from '../../src/alerts/message.ts';
import { placeAgiCall } from '../support/agi-call.ts';
import { until } from '../support/alerts.ts';
import { deskOn, wantedApproval } from '../support/approval.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { startFakeAmi } from '../support/fake-ami.ts';
import { startFakeAri } from '../support/fake-ari.ts';
import { type HttpReceiver, startHttpReceiver } from '../support/http-receiver.ts';
import { addUser, logIn, request } from '../support/people.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let store: TestRedis;
let admin: Redis;
let receiver: HttpReceiver;
let tollgate: TestDaemon;
const ends: Array<() => unknown> = [];

beforeAll(async () => {
  store = await startRedis();
  admin = store.client();
  receiver = await startHttpReceiver();
  const [ami, ari] = [await startFakeAmi(), await startFakeAri()];
  await Promise.all([ami.close(), ari.stop()]);
  const channels = { ops: { kind: 'webhook', url: receiver.url, secret: 'a secret of 20 chars', perMinute: 600 } };
  const account = { username: 'tollgate', password: 'secret' };
  const asterisk = [
    {
      name: 'pbx',
      ami: { host: '127.0.0.1', port: ami.port, ...account },
      ari: { url: `http://127.0.0.1:${ari.port}`, app: 'tollgate', ...account },
    },
  ];
  tollgate = await startTestDaemon({
    env: {
      TOLLGATE_NODE: 'pbx-1',
      TOLLGATE_REDIS__URL: store.socketPath,
      TOLLGATE_HTTP__TRUSTED_PROXIES: '127.0.0.1',
      TOLLGATE_ASTERISK: JSON.stringify(asterisk),
      TOLLGATE_ALERTS: JSON.stringify({ channels, routes: [{ to: ['ops'] }], allowNetworks: ['127.0.0.0/8'] }),
    },
  });
  // Asterisk is away at first, and comes when it was told of.
  await until(() => ['AMI pbx', 'ARI pbx'].every((part) => told(`component: ${part} on pbx-1 is down`)), 30_000);
  const [amiAgain, ariAgain] = [await startFakeAmi({}, ami.port), await startFakeAri(ari.port)];
  ends.push(amiAgain.close, ariAgain.stop);
});
afterAll(async () => {
  process.kill(store.pid, 'SIGCONT');
  await tollgate.stop();
  for (const end of ends) await end();
  await receiver.stop();
  await store.stop();
});

const messages = (): Message[] => receiver.received.map(({ body }) => JSON.parse(body) as Message);
const named = ({ kind, title }: Message): string => `${kind}: ${title}`;
const told = (name: string): boolean => messages().some((message) => named(message) === name);
const call = (extension: string, destination = '15551234567') =>
  placeAgiCall(tollgate.agiPort, { destination, extension });
const ok = async (...args: string[]): Promise<void> => {
  expect(await tollgate.run(args)).toMatchObject({ exitCode: 0 });
};
const from = (address: string) => ({ 'x-forwarded-for': address });
const attack = async (address: string): Promise<void> => {
  for (let time = 0; time < 5; time += 1) {
    await request(tollgate.webPort, 'POST', 'session', { user: 'anna', password: `wrong ${time}` }, from(address));
  }
};

/** What happens, and what staff are told of it. */
const CASES: Readonly<Record<string, () => Promise<unknown>>> = {
  'limit-exceeded: extension 5001 exceeded rule watch': async () => {
    for (let time = 0; time < 2; time += 1) await call('5001');
  },
  'repeated-refusals: extension 5002 is refused again and again by rule strict': async () => {
    for (let time = 0; time < 11; time += 1) await call('5002');
  },
  'shadow: Shadow rule trial would have acted': async () => {
    for (let time = 0; time < 2; time += 1) await call('5003');
  },
  'approval-waiting: A call waits for approval: extension 1001 to 15555550100': async () => {
    const desk = deskOn([admin, store.client()]);
    ends.push(desk.close);
    await desk.open(wantedApproval({ node: 'pbx-1' }));
  },
  'ban: 198.51.100.66 is banned': () => attack('198.51.100.66'),
  'defence: An allowed address attacks: 198.51.100.7': async () => {
    await ok('allow', 'add', '198.51.100.7', '--name', 'office');
    await attack('198.51.100.7');
  },
  'fraud: First call to a high-risk country: extension 5004 CU': () => call('5004', '0115355512345'),
  'rules-changed: The default rule was changed by cli tester': () => ok('rules', 'set', 'default', '--limit', '9/1s'),
  'rules-changed: The allowlist was changed by cli tester': () =>
    ok('allow', 'add', '198.51.100.8', '--name', 'branch'),
  'log-in: anna logged in from a new address': async () => {
    const anna = await addUser(tollgate, 'anna', 'viewer');
    await logIn(tollgate.webPort, anna, from('192.0.2.1'));
  },
  'component: Over: AMI pbx on pbx-1 is down': () => Promise.resolve(),
  'component: Over: ARI pbx on pbx-1 is down': () => Promise.resolve(),
  'component: store on pbx-1 is down': () => Promise.resolve(process.kill(store.pid, 'SIGSTOP')),
  'component: Over: store on pbx-1 is down': () => Promise.resolve(process.kill(store.pid, 'SIGCONT')),
};

/** Made to happen where they belong. */
const ELSEWHERE: ReadonlySet<string> = new Set(['test', 'locked']);

test('the list holds every kind of alert', () => {
  const listed = new Set(Object.keys(CASES).map((name) => name.split(':')[0]));
  expect(KIND_NAMES.filter((kind) => !listed.has(kind) && !ELSEWHERE.has(kind))).toEqual([]);
});

test.each(Object.entries(CASES))('staff are told: %s', async (name, happens) => {
  if (name.startsWith('limit-exceeded')) {
    await tollgate.apply(`homeCountry: US
dialling: { international: ["011"] }
rules:
  - { id: default, limits: ["50/1s"] }
  - { id: watch, appliesTo: { extensions: ["5001"] }, limits: ["1/1h"], action: alert }
  - { id: strict, appliesTo: { extensions: ["5002"] }, limits: ["1/1h"] }
  - { id: trial, appliesTo: { extensions: ["5003"] }, limits: ["1/1h"], mode: shadow }`);
  }
  await happens();
  await until(() => told(name), 30_000).catch(() => expect(messages().map(named)).toContain(name));
  const over = messages().filter(({ title }) => name.endsWith(`Over: ${title.replace('Over: ', '')}`));
  if (over.length > 0) {
    expect(over.map(({ event }) => event)).toEqual(['raised', 'resolved']);
    expect(new Set(over.map(({ incident }) => incident)).size).toBe(1);
  }
});

test('a log-in from an address, or an IPv6 network, that its user has used before is told to nobody', async () => {
  const bert = await addUser(tollgate, 'bert', 'viewer');
  const counted = async (): Promise<number> => {
    const { out } = await tollgate.run(['alerts', 'list', '--all', '--json']);
    return (JSON.parse(out) as { kind: string; subject: string }[]).filter(
      ({ kind, subject }) => kind === 'log-in' && subject === 'bert',
    ).length;
  };
  for (const address of ['192.0.2.1', '192.0.2.1', '2001:db8::1', '2001:db8::2', '192.0.2.1', '192.0.2.2']) {
    await logIn(tollgate.webPort, bert, from(address));
  }
  await until(async () => (await counted()) === 3);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await counted()).toBe(3);
});
