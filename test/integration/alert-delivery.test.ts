/** What was accepted arrives, whatever is down or killed meanwhile, and a storm becomes few messages. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Message } from '../../src/alerts/message.ts';
import { connectRedis } from '../../src/redis/connection.ts';
import type { AlertProcessOrder } from '../support/alert-process.ts';
import { alertKeys, movedClock, someAlert, startTestAlerts, type TestAlerts, until } from '../support/alerts.ts';
import { answering, type HttpReceiver, hanging, startHttpReceiver } from '../support/http-receiver.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { keptLog } from '../support/silent-log.ts';

let store: TestRedis;
let redis: Redis;
let receiver: HttpReceiver;
let running: TestAlerts[] = [];
const folders: string[] = [];

beforeAll(async () => {
  store = await startRedis();
  redis = store.client();
});
afterAll(async () => {
  await store.stop();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  receiver = await startHttpReceiver();
});
afterEach(async () => {
  process.kill(store.pid, 'SIGCONT');
  for (const each of running) await each.stop();
  running = [];
  await receiver.stop();
  await redis.flushall();
});

const hook = (fields: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> => ({
  kind: 'webhook',
  url: receiver.url,
  secret: 'a secret of 20 chars',
  perMinute: 600,
  ...fields,
});
const chat = (path: string): Readonly<Record<string, unknown>> => ({
  kind: 'slack',
  webhookUrl: `${receiver.url}/${path}`,
  perMinute: 600,
});
async function start(
  settings: Readonly<Record<string, unknown>>,
  options: Omit<Partial<Parameters<typeof startTestAlerts>[0]>, 'settings'> = {},
): Promise<TestAlerts> {
  const each = await startTestAlerts({ redis, settings, ...options });
  running.push(each);
  return each;
}
const folder = async (): Promise<string> => {
  const made = await mkdtemp(join(tmpdir(), 'tollgate-alerts-'));
  folders.push(made);
  return made;
};
const messages = (): Message[] => receiver.received.map(({ body }) => JSON.parse(body) as Message);
const events = (): string[] => messages().map(({ event }) => event);
/** Lets time pass quickly until it has come to that. */
async function moveUntil(
  clock: TestAlerts['clock'],
  ms: number,
  what: () => boolean | Promise<boolean>,
): Promise<void> {
  await until(async () => {
    clock.move(ms);
    await new Promise((resolve) => setTimeout(resolve, 100));
    return what();
  }, 40_000);
}
const waiting = async ({ alerts }: TestAlerts): Promise<number> =>
  (await alerts.channels()).reduce((sum, each) => sum + each.waiting, 0);

describe('an alert', () => {
  test('is sent once, and at its end once more', async () => {
    const each = await start({ channels: { hook: hook() } });
    each.alerts.raise(someAlert());
    await receiver.until(1);
    each.alerts.resolve('component', 'pbx1 store', 'it is back');
    await receiver.until(2);
    expect(events()).toEqual(['raised', 'resolved']);
    expect(await each.alerts.list('open', 10)).toEqual([]);
    expect(await waiting(each)).toBe(0);
  });

  test('that several nodes see is one incident', async () => {
    const nodes = await Promise.all(['a', 'b', 'c'].map((node) => start({ channels: { hook: hook() } }, { node })));
    for (const { alerts } of nodes) {
      alerts.raise(someAlert({ kind: 'ban', about: '203.0.113.9', severity: 'warning', once: '203.0.113.9 1' }));
    }
    await receiver.until(1);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(receiver.received).toHaveLength(1);
    expect(await nodes[0]?.alerts.list('all', 10)).toMatchObject([{ count: 1 }]);
  });

  test('is counted exactly when several nodes raise it at the same time', async () => {
    const nodes = await Promise.all(['a', 'b', 'c'].map((node) => start({ channels: { hook: hook() } }, { node })));
    for (let turn = 0; turn < 20; turn++) {
      for (const { alerts } of nodes) alerts.raise(someAlert());
      await new Promise((resolve) => setTimeout(resolve, 110));
    }
    await until(() => nodes.every(({ alerts }) => alerts.state().waiting === 0));
    const incidents = async () => (await nodes[0]?.alerts.list('all', 10)) ?? [];
    await until(async () => (await incidents())[0]?.count === 60, 5000);
    expect(await incidents()).toHaveLength(1);
    expect(receiver.received).toHaveLength(1);
  });

  test('that becomes critical in quiet hours does not wait for their end any more', async () => {
    const clock = movedClock(Date.parse('2026-05-05T23:00:00Z'));
    const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
    const nights = { timezone: 'Etc/UTC', windows: [{ days, from: '22:00', to: '07:00' }] };
    const routes = [{ to: ['hook'], quiet: 'nights' }];
    const each = await start({ channels: { hook: hook() }, routes }, { clock, schedules: { nights } });
    each.alerts.raise(someAlert({ kind: 'fraud', severity: 'warning' }));
    await until(async () => (await waiting(each)) === 1);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(receiver.received).toEqual([]);
    each.alerts.raise(someAlert({ kind: 'fraud' }));
    await receiver.until(1);
    expect(messages()[0]?.event).toBe('raised');
  });

  test('goes to the next step unless somebody acknowledges, and the others hear who has it', async () => {
    const routes = [{ to: ['first'], escalate: [{ after: '10m', to: ['second'] }] }];
    const channels = { first: hook({ url: `${receiver.url}/first` }), second: hook({ url: `${receiver.url}/second` }) };
    const each = await start({ channels, routes });
    each.alerts.raise(someAlert());
    each.alerts.raise(someAlert({ about: 'pbx1 AMI', title: 'AMI down' }));
    await receiver.until(2);
    const [open] = (await each.alerts.list('open', 10)).filter(({ alert }) => alert.title === 'AMI down');
    expect((await each.alerts.acknowledge(open?.id ?? '', 'cli anna'))?.isFirst).toBe(true);
    expect((await each.alerts.acknowledge(open?.id ?? '', 'cli bert'))?.isFirst).toBe(false);
    expect(await each.alerts.acknowledge('nothing', 'cli bert')).toBeUndefined();
    await receiver.until(3);
    each.clock.move(11 * 60_000);
    await receiver.until(4);
    expect(
      receiver.received.map(({ path }, at) => `${path} ${events()[at]} ${messages()[at]?.title}`).slice(2),
    ).toEqual(['/first acknowledged Acknowledged: AMI down', '/second escalated Still open: store on pbx1 is down']);
  });

  test('waits for the end of quiet hours and then comes as one with the others, but not if it is critical', async () => {
    const clock = movedClock(Date.parse('2026-05-05T23:00:00Z'));
    const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
    const nights = { timezone: 'Etc/UTC', windows: [{ days, from: '22:00', to: '07:00' }] };
    const routes = [{ to: ['slack'], quiet: 'nights' }];
    const each = await start({ channels: { slack: chat('s') }, routes }, { clock, schedules: { nights } });
    for (let at = 0; at < 4; at++)
      each.alerts.raise(someAlert({ kind: 'defence', about: `a${at}`, title: `Report ${at}` }));
    each.alerts.raise(someAlert());
    await receiver.until(1);
    clock.move(7 * 3_600_000);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const titles = (): string[] => receiver.received.map(({ body }) => JSON.parse(body).text);
    expect(titles()).toEqual(['store on pbx1 is down']);
    clock.move(2 * 3_600_000);
    await receiver.until(2);
    await until(async () => (await waiting(each)) === 0);
    expect(titles()).toEqual(['store on pbx1 is down', '4 alerts during quiet hours']);
    for (let at = 0; at < 4; at++) expect(receiver.received[1]?.body).toContain(`Report ${at}`);
  });

  test('of a held call carries the links of its recipient, and is of no use when the call is over', async () => {
    const channels = { anna: { ...hook(), person: 'Anna' } };
    const each = await start({ channels }, { publicUrl: 'https://gate.example.com' });
    const approval = { id: 'A1', expiresAt: each.clock.now() };
    const late = { id: 'A2', expiresAt: (each.clock.now() - 1000) as typeof approval.expiresAt };
    const soon = { ...approval, expiresAt: (each.clock.now() + 60_000) as typeof approval.expiresAt };
    each.alerts.raise(someAlert({ kind: 'approval-waiting', about: 'A2', approval: late }));
    each.alerts.raise(someAlert({ kind: 'approval-waiting', about: 'A1', approval: soon }));
    await receiver.until(1);
    await until(async () => (await waiting(each)) === 0);
    expect(messages()).toMatchObject([
      {
        links: [
          { text: 'Decide as Anna', url: 'https://gate.example.com/a/A1-Anna' },
          { text: 'Show and acknowledge' },
        ],
      },
    ]);
    const token = messages()[0]?.links[1]?.url.split('/').at(-1) ?? '';
    expect(await each.alerts.links.read(token)).toMatchObject({ person: 'Anna' });
    const [letter = ''] = token;
    expect(await each.alerts.links.read(`${letter === 'A' ? 'B' : 'A'}${token.slice(1)}`)).toBeUndefined();
  });
});

describe('a channel that fails', () => {
  test('for an hour has everything afterwards, once, in order for each incident, and was tried ever less often', async () => {
    receiver.answer = answering(503);
    const each = await start({ channels: { hook: hook() } });
    for (let at = 0; at < 5; at++) each.alerts.raise(someAlert({ about: `part ${at}` }));
    await receiver.until(1);
    for (let minute = 0; minute < 60; minute++) {
      each.clock.move(60_000);
      if (minute === 30) for (let at = 0; at < 5; at++) each.alerts.resolve('component', `part ${at}`, 'it is back');
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    const tries = receiver.received.length;
    expect(tries).toBeLessThan(60);
    expect(each.alerts.state().failing).toMatchObject([{ channel: 'hook', problem: '127.0.0.1 answered 503: ok' }]);
    receiver.answer = answering(200);
    await moveUntil(each.clock, 30_000, async () => (await waiting(each)) === 0);
    expect(each.alerts.state().failing).toEqual([]);
    const taken = messages().slice(tries);
    expect(taken).toHaveLength(10);
    expect(new Set(taken.map(({ id }) => id)).size).toBe(10);
    for (let at = 0; at < 5; at++) {
      const [first] = taken.filter(({ event }) => event === 'raised');
      const ofOne = taken.filter(({ incident }) => incident === first?.incident).map(({ event }) => event);
      expect(ofOne).toEqual(['raised', 'resolved']);
    }
    console.info(`a receiver that was down for an hour was tried ${tries} times, then got 10 of 10 messages`);
  });

  test('and says when to come again is left alone until then', async () => {
    receiver.answer = answering(429, '', { 'retry-after': '600' });
    const each = await start({ channels: { hook: hook() } });
    each.alerts.raise(someAlert({ about: 'a' }));
    await receiver.until(1);
    each.alerts.raise(someAlert({ about: 'b' }));
    for (let minute = 0; minute < 9; minute++) {
      each.clock.move(60_000);
      await new Promise((resolve) => setTimeout(resolve, 120));
    }
    expect(receiver.received).toHaveLength(1);
    receiver.answer = answering(200);
    await moveUntil(each.clock, 30_000, () => receiver.received.length === 3);
  });

  test('keeps no other waiting', async () => {
    receiver.answer = (response, { path }) => {
      if (path === '/good') response.end('ok');
    };
    const channels = { bad: hook({ url: `${receiver.url}/bad` }), good: hook({ url: `${receiver.url}/good` }) };
    const each = await start({ channels });
    for (let at = 0; at < 4; at++) each.alerts.raise(someAlert({ about: `part ${at}` }));
    await until(() => receiver.received.filter(({ path }) => path === '/good').length === 4, 5000);
    expect(receiver.received.filter(({ path }) => path === '/bad').length).toBeLessThanOrEqual(1);
  });

  test('and rings at somebody is tried only as long as nobody has it and it is not over', async () => {
    const each = await start({ channels: { phone: { kind: 'phone', endpoint: '2001' } } });
    for (const about of ['a', 'b', 'c']) each.alerts.raise(someAlert({ about }));
    await until(() => each.log.some(({ problem }) => String(problem).startsWith('no Asterisk connected by ARI')));
    const [first] = await each.alerts.list('open', 10);
    await each.alerts.acknowledge(first?.id ?? '', 'cli anna');
    each.alerts.resolve('component', first?.alert.about === 'a' ? 'b' : 'a', 'it is back');
    await moveUntil(each.clock, 60_000, async () => (await waiting(each)) === 1);
    for (let minute = 0; minute < 10; minute++) {
      each.clock.move(60_000);
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    expect(await waiting(each)).toBe(1);
    expect(await each.alerts.dead(10)).toEqual([]);
  });

  test('for a day is given up, listed with what it said, and tried again when somebody asks', async () => {
    receiver.answer = answering(500, 'out of order');
    const each = await start({ channels: { hook: hook() } });
    each.alerts.raise(someAlert());
    await receiver.until(1);
    await moveUntil(each.clock, 3 * 3_600_000, async () => (await each.alerts.dead(10)).length === 1);
    const [letter] = await each.alerts.dead(10);
    expect(letter).toMatchObject({ delivery: { channel: 'hook' }, problem: '127.0.0.1 answered 500: out of order' });
    receiver.answer = answering(200);
    expect(await each.alerts.retry(['another'])).toBe(0);
    expect(await each.alerts.retry([letter?.delivery.id ?? ''])).toBe(1);
    const before = receiver.received.length;
    await moveUntil(each.clock, 600_000, () => receiver.received.length > before);
    expect(messages().at(-1)?.id).toBe(letter?.delivery.id);
    expect(await each.alerts.dead(10)).toEqual([]);
  });

  test('takes no more a minute than it may', async () => {
    const each = await start({ channels: { hook: hook({ perMinute: 10 }) } });
    for (let at = 0; at < 30; at++) each.alerts.raise(someAlert({ about: `part ${at}` }));
    const perMinute: number[] = [];
    for (let minute = 0; minute < 4; minute++) {
      const before = receiver.received.length;
      for (let tenth = 0; tenth < 10; tenth++) {
        each.clock.move(6000);
        await new Promise((resolve) => setTimeout(resolve, 130));
      }
      perMinute.push(receiver.received.length - before);
    }
    expect(Math.max(...perMinute)).toBeLessThanOrEqual(15);
    expect(perMinute.slice(1).every((count) => count <= 11)).toBe(true);
    expect(receiver.received).toHaveLength(30);
  });
});

describe('a daemon that is killed', () => {
  const spawned: ChildProcess[] = [];
  afterEach(() => {
    for (const child of spawned.splice(0)) child.kill('SIGKILL');
  });
  const child = async (order: Pick<AlertProcessOrder, 'node' | 'alerts'>): Promise<ChildProcess> => {
    const whole: AlertProcessOrder = {
      ...order,
      socketPath: store.socketPath,
      stateDir: await folder(),
      settings: { channels: { hook: hook() }, allowNetworks: ['127.0.0.0/8'] },
    };
    const program = join(import.meta.dirname, '../support/alert-process.ts');
    const made = spawn(process.execPath, ['--import', 'tsx', program, JSON.stringify(whole)], { stdio: 'ignore' });
    spawned.push(made);
    return made;
  };
  const kill = async (each: ChildProcess): Promise<void> => {
    const ended = once(each, 'exit');
    each.kill('SIGKILL');
    await ended;
  };
  const accepted = (): Promise<number> => redis.hlen(alertKeys.alertIncidents);

  test('between accepting and sending loses nothing', async () => {
    receiver.answer = hanging;
    const first = await child({ node: 'n1', alerts: 20 });
    await until(async () => (await accepted()) === 20, 20_000);
    await receiver.until(1);
    await kill(first);
    receiver.answer = answering(200);
    const taken = receiver.received.length;
    const other = await start({ channels: { hook: hook() } });
    await moveUntil(other.clock, 10_000, async () => (await waiting(other)) === 0);
    const after = messages().slice(taken);
    expect(new Set(after.map(({ incident }) => incident)).size).toBe(20);
    expect(after).toHaveLength(20);
    // What was on its way when the first one died was sent again, with the same id.
    expect(after.map(({ id }) => id)).toContain(messages()[0]?.id);
  });

  test('again and again at any moment loses nothing that was accepted, and what comes twice has the same id', async () => {
    receiver.answer = (response) => void setTimeout(() => response.end('ok'), 5);
    for (let turn = 0; turn < 3; turn++) {
      const each = await child({ node: `n${turn}`, alerts: 200 });
      const before = await accepted();
      await until(async () => (await accepted()) > before + 5 + turn * 7, 20_000);
      await kill(each);
    }
    const count = await accepted();
    const last = await start({ channels: { hook: hook() } });
    await moveUntil(last.clock, 10_000, async () => (await waiting(last)) === 0);
    const ids = messages().map(({ id }) => id);
    expect(new Set(messages().map(({ incident }) => incident)).size).toBe(count);
    expect(new Set(ids).size).toBe(count);
    console.info(`3 kills: ${count} accepted, ${new Set(ids).size} arrived, ${ids.length - new Set(ids).size} twice`);
  });
});

describe('while the store is away', () => {
  const connect = async (): Promise<{ readonly redis: Redis; readonly close: () => void }> => {
    const connection = connectRedis(
      { kind: 'socket', path: store.socketPath },
      { log: keptLog().log, heartbeatMs: 200 },
    );
    await connection.untilUp(5000);
    return connection;
  };

  test('a critical alert is sent without it, and not again when it is back, even by a daemon that was started since', async () => {
    const stateDir = await folder();
    const connection = await connect();
    const routes = [{ to: ['hook'] }];
    const each = await startTestAlerts({
      redis: connection.redis,
      settings: { channels: { hook: hook() }, routes },
      stateDir,
    });
    process.kill(store.pid, 'SIGSTOP');
    each.alerts.raise(someAlert());
    each.alerts.raise(someAlert({ kind: 'defence', about: 'later', title: 'Not urgent' }));
    await receiver.until(1);
    expect(messages()).toMatchObject([{ event: 'raised', title: 'store on pbx1 is down' }]);
    await until(async () => (await readdir(stateDir)).includes('alerts-spool.jsonl'));
    await new Promise((resolve) => setTimeout(resolve, 1500));
    // As if it were killed: nothing is written any more.
    connection.close();
    await each.stop();
    process.kill(store.pid, 'SIGCONT');
    expect(await redis.hlen(alertKeys.alertIncidents)).toBe(0);

    const after = await start({ channels: { hook: hook() }, routes }, { stateDir });
    await receiver.until(2);
    after.alerts.resolve('component', 'pbx1 store', 'it is back');
    await receiver.until(3);
    expect(messages().map(({ event, title }) => `${event} ${title}`)).toEqual([
      'raised store on pbx1 is down',
      'raised Not urgent',
      'resolved Over: store on pbx1 is down',
    ]);
    expect(messages()[2]?.incident).toBe(messages()[0]?.incident);
    await until(async () => !(await readdir(stateDir)).includes('alerts-spool.jsonl'));
  });

  test('no more is kept in memory than has room, and what is dropped is counted', async () => {
    const connection = await connect();
    const each = await startTestAlerts({ redis: connection.redis, settings: {}, stateDir: await folder() });
    process.kill(store.pid, 'SIGSTOP');
    for (let at = 0; at < 5000; at++) each.alerts.raise(someAlert({ about: `part ${at}` }));
    expect(each.alerts.state().waiting).toBeLessThanOrEqual(1000);
    expect(each.alerts.state().dropped).toBe(4000);
    process.kill(store.pid, 'SIGCONT');
    await each.stop();
    connection.close();
  });
});

describe('a storm', () => {
  test('of 10,000 exceeded limits in a minute becomes a handful of messages, of one subject or of a thousand', async () => {
    for (const subjects of [1, 1000]) {
      const each = await start({ channels: { hook: hook() } });
      const before = receiver.received.length;
      for (let second = 0; second < 60; second++) {
        for (let at = 0; at < 167; at++) {
          const subject = `extension ${1000 + ((second * 167 + at) % subjects)}`;
          const fields = {
            about: `r${subjects} ${subject}`,
            rule: `r${subjects}`,
            subject,
            title: `${subject} exceeded r`,
          };
          each.alerts.raise(someAlert({ kind: 'limit-exceeded', ...fields }));
        }
        each.clock.move(1000);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await moveUntil(each.clock, 30_000, async () => (await each.alerts.list('open', 10)).length === 0);
      await until(async () => (await waiting(each)) === 0);
      const sent = messages().slice(before);
      const told = sent.filter(({ event }) => event !== 'resolved');
      const counted = await each.alerts.list('all', 100);
      const mine = counted.filter(({ alert }) => alert.rule === `r${subjects}`);
      expect(mine.reduce((sum, { count }) => sum + count, 0)).toBe(10_020);
      expect(told.length).toBeLessThanOrEqual(subjects === 1 ? 2 : 12);
      console.info(
        `10,020 alerts of ${subjects}: ${told.length} messages; ${told.map(({ title }) => title).join(' | ')}`,
      );
      await each.stop();
      running = [];
    }
  });
});
