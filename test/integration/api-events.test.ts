/** The stream of events over real HTTP, on two daemons with one store. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { placeAgiCall } from '../support/agi-call.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { addUser, type LoggedIn, logIn, sessionAt } from '../support/people.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let store: TestRedis;
let here: TestDaemon;
let there: TestDaemon;
let operator: LoggedIn;
let supervisor: LoggedIn;
const open: Stream[] = [];

beforeAll(async () => {
  store = await startRedis();
  const env = { TOLLGATE_REDIS__URL: store.socketPath };
  [here, there] = await Promise.all([startTestDaemon({ env }), startTestDaemon({ env })]);
  operator = await logIn(here.webPort, await addUser(here, 'olga', 'operator'));
  supervisor = await logIn(here.webPort, await addUser(here, 'sam', 'supervisor'));
});
afterEach(() => {
  for (const stream of open.splice(0)) stream.stop();
});
afterAll(async () => {
  await Promise.all([here.stop(), there.stop()]);
  await store.stop();
});

interface Told {
  readonly id: string;
  readonly event: string;
  readonly data: Record<string, unknown>;
}
interface Stream {
  readonly told: Told[];
  readonly stop: () => void;
  readonly ended: Promise<void>;
  /** The first that fits, within 30 s. */
  readonly until: (fits: (told: Told) => boolean) => Promise<Told>;
}

async function follow(port: number, { cookie }: LoggedIn, lastEventId?: string, query = ''): Promise<Stream> {
  const control = new AbortController();
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/events${query}`, {
    headers: { cookie, ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }) },
    signal: control.signal,
  });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toContain('text/event-stream');
  const told: Told[] = [];
  const read = async (): Promise<void> => {
    let rest = '';
    for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const blocks = (rest + chunk).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? '';
        told.push({ id: field('id'), event: field('event'), data: JSON.parse(field('data')) });
      }
    }
  };
  const stream: Stream = {
    told,
    stop: () => control.abort(),
    ended: read().catch(() => undefined),
    until: async (fits) => {
      for (let tries = 0; tries < 600; tries++) {
        const found = told.find(fits);
        if (found !== undefined) return found;
        await sleep(50);
      }
      throw new Error(`not told: ${JSON.stringify(told)}`);
    },
  };
  open.push(stream);
  await stream.until(({ event }) => event === 'hello');
  return stream;
}

const ban = (address: string): Promise<unknown> => operator.send('POST', 'bans', { address, reason: 'told live' });
const isBanOf = (address: string) => (told: Told) => told.event === 'ban' && told.data['address'] === address;

describe('the stream of events', () => {
  test('tells what happens on any daemon once, and each role what it may see', async () => {
    const far = await sessionAt(there.webPort, operator);
    const [all, some] = [await follow(there.webPort, far), await follow(here.webPort, supervisor)];
    await ban('203.0.113.1');
    await placeAgiCall(here.agiPort, { extension: '1001', destination: '+12125550147' });
    await operator.send('PATCH', 'rules/default', { name: 'Told live' });
    await all.until(isBanOf('203.0.113.1'));
    await all.until(({ event, data }) => event === 'rule' && data['subject'] === 'rule default');
    const call = await all.until(({ event }) => event === 'call');
    expect(call.data).toMatchObject({ verdict: 'allow', extension: '1001', shadow: [] });
    await some.until(({ id }) => id === call.id);
    await all.until(({ event, data }) => event === 'heartbeat' && typeof data['serverTime'] === 'string');
    expect(all.told.filter(isBanOf('203.0.113.1'))).toHaveLength(1);
    await some.until(({ event, data }) => event === 'rule' && data['subject'] === 'rule default');
    expect(some.told.filter(({ event }) => event === 'ban')).toEqual([]);
  });

  test('gives whoever comes back what he missed, in order and once, on another daemon too', async () => {
    const first = await follow(here.webPort, operator);
    await ban('203.0.113.2');
    const { id } = await first.until(isBanOf('203.0.113.2'));
    first.stop();
    await ban('203.0.113.3');
    await ban('203.0.113.4');
    const again = await follow(there.webPort, operator, id, '?types=ban');
    await again.until(isBanOf('203.0.113.4'));
    await ban('203.0.113.5');
    await again.until(isBanOf('203.0.113.5'));
    const bans = again.told.filter(({ event }) => event === 'ban').map(({ data }) => data['address']);
    expect(bans).toEqual(['203.0.113.3', '203.0.113.4', '203.0.113.5']);
    expect(again.told.filter(({ event }) => event !== 'ban').map(({ event }) => event)).not.toContain('call');
  });

  test('says that something is missing to who was away for too long', async () => {
    const late = await follow(here.webPort, operator, '1-0');
    await late.until(({ event }) => event === 'resync');
    await ban('203.0.113.6');
    await late.until(isBanOf('203.0.113.6'));
  });

  test('refuses an id that is none, and kinds that there are not', async () => {
    const wrong = await operator.send('GET', 'events', undefined, { 'last-event-id': 'x\ny'.slice(0, 1) });
    expect(wrong).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
    expect((await operator.send('GET', 'events?types=secrets')).status).toBe(400);
  });

  test('is for one person at most twelve times at once', async () => {
    for (let count = 0; count < 12; count++) await follow(here.webPort, supervisor);
    expect(await supervisor.send('GET', 'events')).toMatchObject({ status: 429, body: { code: 'TOO_MANY' } });
  });

  test('ends with the log-in', async () => {
    const user = await addUser(here, 'gone', 'viewer');
    const stream = await follow(here.webPort, await logIn(here.webPort, user));
    await here.run(['users', 'logout', 'gone']);
    expect(await Promise.race([stream.ended.then(() => 'ended'), sleep(30_000, 'open')])).toBe('ended');
  });
});
