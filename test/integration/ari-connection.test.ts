/**
 * The standing ARI connection against a server that does what a real Asterisk cannot be made to do. One test at least for
 * each defect of the package below it; what a real Asterisk can do is tested with one (test/e2e/ari.test.ts).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AriConnection, type AriTimings, connectAri, isGone } from '../../src/asterisk/ari-connection.ts';
import type { AriEvent } from '../../src/asterisk/ari-event.ts';
import { systemClock } from '../../src/clock.ts';
import { type FakeAri, startFakeAri } from '../support/fake-ari.ts';
import { keptLog } from '../support/silent-log.ts';

const password = 'p&ss=wörd/%';
const quick: Partial<AriTimings> = { retryFirstMs: 4, retryMaxMs: 20, requestWithinMs: 300, openWithinMs: 300 };
const open: { readonly close: () => Promise<void> }[] = [];
const servers: FakeAri[] = [];
const uncaught: unknown[] = [];
const onUncaught = (error: unknown): void => void uncaught.push(error);

const serve = async (port?: number): Promise<FakeAri> => {
  const server = await startFakeAri(port);
  servers.push(server);
  return server;
};
const connect = (
  server: Pick<FakeAri, 'url'>,
  options: { readonly name?: string; readonly password?: string } & Partial<AriTimings> = {},
) => {
  const { log, lines } = keptLog();
  const events: AriEvent[] = [];
  const states: boolean[] = [];
  const { name = 'pbx', password: secret = password, ...timings } = options;
  const connection = connectAri({
    ...{ name, url: server.url, username: name, password: secret, app: 'tollgate' },
    ...{ log, clock: systemClock, timings: { ...quick, ...timings } },
  });
  connection.onEvent((event) => events.push(event));
  connection.onState((up) => states.push(up));
  open.push(connection);
  return { connection, lines, events, states };
};
/** Long, because the machine may be busy; what is waited for comes at once or not at all. */
const until = (condition: () => boolean) => vi.waitUntil(condition, { interval: 2, timeout: 10_000 });
const isUp = (connection: AriConnection) => until(() => connection.state().up);
const isDown = (connection: AriConnection) => until(() => !connection.state().up);
const event = (type: string, more: object = {}) => JSON.stringify({ type, application: 'tollgate', ...more });

beforeEach(() => {
  uncaught.length = 0;
  process.on('uncaughtException', onUncaught);
  process.on('unhandledRejection', onUncaught);
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
  await Promise.all(servers.splice(0).map((each) => each.stop()));
  await sleep(20);
  process.off('uncaughtException', onUncaught);
  process.off('unhandledRejection', onUncaught);
  expect(uncaught).toEqual([]);
});

describe('logging in', () => {
  it('every Asterisk is asked with its own user and password, whichever was connected to last', async () => {
    const [first, second] = [await serve(), await serve()];
    const a = connect(first, { name: 'anna', password: 'one' });
    await isUp(a.connection);
    const b = connect(second, { name: 'berta', password: 'two' });
    await isUp(b.connection);
    second.answerWith({ status: 409 }, '/channels/');
    await a.connection.answer('1');
    await expect(b.connection.answer('1')).rejects.toMatchObject({ status: 409 });
    const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
    expect([...first.logins()]).toEqual([basic('anna:one'), 'anna:one']);
    expect([...second.logins()]).toEqual([basic('berta:two'), 'berta:two']);
  });

  it('a password of any characters arrives as it is', async () => {
    const server = await serve();
    await isUp(connect(server).connection);
    expect([...server.logins()]).toEqual([
      `Basic ${Buffer.from(`pbx:${password}`).toString('base64')}`,
      `pbx:${password}`,
    ]);
  });

  it('a refused password is said, is tried again slowly, and is taken up when it becomes right', async () => {
    const server = await serve();
    server.answerWith({ status: 401 });
    const { connection, lines } = connect(server, { refusedFirstMs: 200, refusedMaxMs: 210 });
    await until(() => connection.state().problem.includes('password is not accepted (401)'));
    await sleep(150);
    expect(server.attempts()).toBe(1);
    expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    server.answerWith(undefined);
    await isUp(connection);
    expect(connection.state().problem).toBe('');
  });

  it('a refused event socket counts as a refused password too', async () => {
    const server = await serve();
    server.answerWith({ status: 401 }, '/ari/events');
    const { connection } = connect(server, { refusedFirstMs: 150, refusedMaxMs: 160 });
    await until(() => connection.state().problem.includes('the event socket was refused (401)'));
    await sleep(100);
    expect(server.attempts()).toBe(1);
    server.answerWith(undefined, '/ari/events');
    await isUp(connection);
  });

  it('neither the log nor an error holds the password, and nothing is printed', async () => {
    const prints = [vi.spyOn(process.stdout, 'write'), vi.spyOn(console, 'log'), vi.spyOn(console, 'error')];
    const server = await serve();
    const { connection, lines } = connect(server);
    await isUp(connection);
    server.answerWith({ status: 500 }, '/channels/');
    const errors = [await connection.answer('1').catch((error: unknown) => error)];
    server.answerWith({ status: 401 });
    server.cut();
    await isDown(connection);
    await sleep(30);
    errors.push(await connection.answer('1').catch((error: unknown) => error));
    const printed = prints.flatMap((print) => print.mock.calls);
    for (const print of prints) print.mockRestore();
    expect(printed).toEqual([]);
    const told = JSON.stringify([lines, errors.map(String), connection.state()]);
    for (const secret of [password, encodeURIComponent(password), Buffer.from(`pbx:${password}`).toString('base64')]) {
      expect(told).not.toContain(secret);
    }
  });
});

describe('events', () => {
  it('an event of an unknown kind is an event like any other, and frames that are none do no harm', async () => {
    const server = await serve();
    const { connection, events, states, lines } = connect(server);
    await isUp(connection);
    const frames = ['{"type', '', 'null', '[]', '7', '{"type":7}', '{"no":"type"}', Buffer.from([0, 255])];
    for (const frame of [event('Invented', { more: 1 }), ...frames, event('StasisStart', { args: ['a', 7] })]) {
      server.send(frame);
    }
    await until(() => events.length === 2);
    expect(events.map(({ type, args, channel }) => ({ type, args, channel }))).toEqual([
      { type: 'Invented', args: [], channel: undefined },
      { type: 'StasisStart', args: ['a', ''], channel: undefined },
    ]);
    expect(events[0]?.raw).toMatchObject({ more: 1 });
    expect(states).toEqual([true]);
    expect(lines.filter(({ msg }) => msg === 'ignored a frame that is not an event')).toHaveLength(1);
  });

  it('an event named like a part of the package or of objects is an event, and nothing else', async () => {
    const server = await serve();
    const { connection, events, states } = connect(server);
    await isUp(connection);
    const types = ['error', 'close', 'WebSocketMaxRetries', 'APILoadError', '__proto__', 'constructor', '*'];
    for (const type of types) server.send(event(type));
    await until(() => events.length === types.length);
    expect(events.map(({ type }) => type)).toEqual(types);
    expect(states).toEqual([true]);
  });

  it('bytes that are no frame at all cost the socket, not the connection', async () => {
    const server = await serve();
    const { connection, states } = connect(server);
    await isUp(connection);
    for (const socket of server.sockets) Reflect.get(socket, '_socket').write('this is no frame');
    await until(() => states.length === 3);
    expect(states).toEqual([true, false, true]);
  });

  it('a listener that throws, or rejects, harms no other listener and is logged', async () => {
    const server = await serve();
    const { connection, lines } = connect(server);
    const seen: string[] = [];
    connection.onEvent(() => {
      throw new Error('first');
    });
    const rejecting: (event: AriEvent) => unknown = () => Promise.reject(new Error('second'));
    connection.onEvent(rejecting);
    const stop = connection.onEvent(({ type }) => void seen.push(type));
    connection.onState(() => {
      throw new Error('third');
    });
    await isUp(connection);
    server.send(event('A'));
    await until(() => seen.length === 1);
    stop();
    server.send(event('B'));
    await until(() => lines.filter(({ level }) => level === 'error').length === 5);
    expect(seen).toEqual(['A']);
  });
});

describe('requests', () => {
  it('fail as unavailable before the first connection and after the last', async () => {
    const server = await serve();
    await server.stop();
    servers.pop();
    const { connection } = connect(server);
    await expect(connection.answer('1')).rejects.toMatchObject({ code: 'ARI_UNAVAILABLE' });
    await connection.close();
    await expect(connection.answer('1')).rejects.toMatchObject({ code: 'ARI_UNAVAILABLE' });
  });

  it('fail at once when nobody listens any more, and within their time when nobody answers', async () => {
    const server = await serve();
    const { connection } = connect(server);
    await isUp(connection);
    server.answerWith('silence', '/channels/');
    await expect(connection.answer('1')).rejects.toMatchObject({
      code: 'ARI_UNAVAILABLE',
      message: 'POST /ari/channels/1/answer: no answer in 300 ms',
    });
    await server.stop();
    servers.pop();
    await expect(connection.answer('1')).rejects.toMatchObject({ code: 'ARI_UNAVAILABLE' });
  });

  it('that are refused tell the status and the sentence', async () => {
    const server = await serve();
    const { connection } = connect(server);
    await isUp(connection);
    server.answerWith({ status: 409, body: '{"message":"Channel not in Stasis application"}' }, '/channels/');
    await expect(connection.answer('1')).rejects.toMatchObject({
      ...{ code: 'ARI_REFUSED', status: 409 },
      message: 'POST /ari/channels/1/answer: Channel not in Stasis application (409)',
    });
    server.answerWith({ status: 404, body: '<html>' }, '/channels/');
    const gone: unknown = await connection.answer('1').catch((error: unknown) => error);
    expect(gone).toMatchObject({ status: 404, message: 'POST /ari/channels/1/answer: Not Found (404)' });
    expect(isGone(gone)).toBe(true);
    expect(await connection.channel('1')).toBeUndefined();
  });

  it.each(['{"cut', 'null', '7', '"text"', '[]', '{}', '', '<html>'])('survive the answer %s', async (body) => {
    const server = await serve();
    const { connection } = connect(server);
    await isUp(connection);
    server.answerWith({ status: 200, body }, '/applications/');
    server.answerWith({ status: 200, body }, '/channels/');
    await expect(connection.applicationChannels()).rejects.toMatchObject({ code: 'ARI_UNAVAILABLE' });
    await expect(connection.channel('1')).rejects.toMatchObject({ code: 'ARI_UNAVAILABLE' });
    server.answerWith(undefined, '/applications/');
    expect(await connection.applicationChannels()).toEqual(['held-1']);
  });

  it('never follow a redirect, since the password would go with them', async () => {
    const [server, stranger] = [await serve(), await serve()];
    const { connection } = connect(server);
    await isUp(connection);
    server.answerWith({ status: 307, location: `${stranger.url}/ari/channels/1` }, '/channels/');
    await expect(connection.channel('1')).rejects.toMatchObject({ code: 'ARI_REFUSED', status: 307 });
    expect(stranger.logins().size).toBe(0);
  });

  it('fail if the answer is longer than four mebibytes', async () => {
    const server = await serve();
    const { connection } = connect(server, { requestWithinMs: 5_000 });
    await isUp(connection);
    server.answerWith({ status: 200, body: JSON.stringify('x'.repeat(5 * 1024 * 1024)) }, '/channels/');
    await expect(connection.channel('1')).rejects.toMatchObject({
      code: 'ARI_UNAVAILABLE',
      message: expect.stringContaining('longer than'),
    });
  });

  it('share a few connections, however many there are at once', async () => {
    const server = await serve();
    const { connection } = connect(server);
    await isUp(connection);
    await Promise.all(Array.from({ length: 200 }, (_, index) => connection.channel(`c${index}`)));
    expect(server.mostConnections()).toBeLessThanOrEqual(8 + 2);
  });

  it('with an id that cannot stand in a path, or for what this Asterisk does not offer, are refused here', async () => {
    const server = await serve();
    const { connection } = connect(server);
    await isUp(connection);
    await expect(connection.answer('')).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    await expect(connection.ring('1')).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    expect((await connection.channel('a/../b?c'))?.id).toBe('a/../b?c');
  });
});

describe('outages', () => {
  it.each<[string, Parameters<FakeAri['answerWith']>]>([
    ['503, as during a shutdown', [{ status: 503 }]],
    ['404, as while it starts', [{ status: 404, body: '<html>' }]],
    ['a description cut short', [{ status: 200, body: '{"swaggerVersion": "1.1", "apis": [' }]],
    ['a description of nothing', [{ status: 200, body: '{}' }]],
    ['one description missing', [{ status: 404 }, 'channels.json']],
    ['silence', ['silence']],
    ['no event socket', [{ status: 404 }, '/ari/events']],
    ['an event socket that does not open', ['silence', '/ari/events']],
  ])('a start into %s is tried again until it works', async (_, trouble) => {
    const server = await serve();
    server.answerWith(...trouble);
    const { connection, states } = connect(server, { requestWithinMs: 100, openWithinMs: 100 });
    await sleep(450);
    expect(connection.state()).toMatchObject({ up: false, problem: expect.stringContaining('not connected by ARI: ') });
    const before = server.attempts();
    await until(() => trouble[0] === 'silence' || server.attempts() > before);
    server.answerWith(undefined, trouble[1]);
    await isUp(connection);
    expect(states).toEqual([true]);
    expect(await connection.applicationChannels()).toEqual(['held-1']);
  });

  it('an outage longer than the ten attempts of the package ends with a connection', async () => {
    const server = await serve();
    const { connection, events, states } = connect(server);
    await isUp(connection);
    server.answerWith({ status: 503 });
    server.cut();
    await isDown(connection);
    const before = server.attempts();
    await until(() => server.attempts() >= before + 40);
    server.answerWith(undefined);
    await isUp(connection);
    server.send(event('StasisStart'));
    await until(() => events.length > 0);
    expect(states).toEqual([true, false, true]);
  });

  it('after many reconnections each event still comes once, by one socket', async () => {
    const server = await serve();
    const { connection, events } = connect(server);
    for (let round = 1; round <= 12; round += 1) {
      await until(() => connection.state().up && server.sockets.size === 1);
      server.send(event(`Round${round}`));
      await until(() => events.length >= round);
      server.cut();
      await isDown(connection);
    }
    await isUp(connection);
    await sleep(50);
    expect(events.map(({ type }) => type)).toEqual(Array.from({ length: 12 }, (_, round) => `Round${round + 1}`));
    expect(server.sockets.size).toBe(1);
  });

  it('a peer that throws every socket out at once is not asked in a tight loop', async () => {
    const server = await serve();
    const { connection } = connect(server, { retryFirstMs: 40, retryMaxMs: 2_000 });
    const timer = setInterval(() => server.cut(), 5);
    await sleep(1_500);
    clearInterval(timer);
    expect(server.attempts()).toBeLessThan(15);
    await isUp(connection);
  });

  it('once it has been up for a while, the next outage begins with short pauses again', async () => {
    const longest = vi.spyOn(Math, 'random').mockReturnValue(1);
    const server = await serve();
    server.answerWith({ status: 503 });
    const { connection } = connect(server, { retryMaxMs: 600 });
    await until(() => server.attempts() === 8);
    server.answerWith(undefined);
    await isUp(connection);
    await sleep(650);
    server.cut();
    await isDown(connection);
    const downAt = performance.now();
    await isUp(connection);
    expect(performance.now() - downAt).toBeLessThan(400);
    longest.mockRestore();
  });

  it('a peer that has fallen silent is found by pings', async () => {
    const server = await serve();
    const { connection, states } = connect(server, { pingEveryMs: 50 });
    await isUp(connection);
    await sleep(250);
    expect(server.opened()).toBe(1);
    server.ignorePings(true);
    await isDown(connection);
    expect(connection.state().problem).toContain('the event socket was silent for 50 ms');
    server.ignorePings(false);
    await until(() => states.at(-1) === true && states.length >= 3);
  });

  it('another program that takes the application over is said, and is not fought', async () => {
    const server = await serve();
    const { connection, events } = connect(server, { refusedFirstMs: 200, refusedMaxMs: 210 });
    await isUp(connection);
    server.send(JSON.stringify({ type: 'ApplicationReplaced', application: 'another' }));
    await until(() => events.length === 1);
    expect(connection.state().up).toBe(true);
    server.send(event('ApplicationReplaced'));
    await isDown(connection);
    expect(connection.state().problem).toContain('another program has taken over the application tollgate');
    await sleep(120);
    expect(server.opened()).toBe(1);
    await isUp(connection);
  });
});

describe('closing', () => {
  it('says goodbye, fails what is in flight, and is the last that happens', async () => {
    const server = await serve();
    const { connection, states } = connect(server);
    await isUp(connection);
    server.answerWith('silence', '/channels/');
    const asked = connection.answer('1');
    const refused = expect(asked).rejects.toMatchObject({
      code: 'ARI_UNAVAILABLE',
      message: expect.stringContaining('closed on our side'),
    });
    const code = new Promise((resolve) => [...server.sockets][0]?.once('close', resolve));
    await sleep(20);
    await connection.close();
    await refused;
    expect(await code).toBe(1005);
    const before = server.attempts();
    await sleep(100);
    expect(server.attempts()).toBe(before);
    expect(states).toEqual([true, false]);
    await connection.close();
  });

  it.each<[string, Parameters<FakeAri['answerWith']>]>([
    ['while the server refuses', [{ status: 503 }]],
    ['while the server is silent', ['silence']],
    ['while the event socket opens', ['silence', '/ari/events']],
    ['while a refused password waits', [{ status: 401 }]],
  ])('%s ends every attempt', async (_, trouble) => {
    const server = await serve();
    const { connection, states } = connect(server);
    await isUp(connection);
    server.answerWith(...trouble);
    server.cut();
    await isDown(connection);
    await sleep(30);
    const startedAt = performance.now();
    await connection.close();
    expect(performance.now() - startedAt).toBeLessThan(1_500);
    server.answerWith(undefined, trouble[1]);
    const before = [server.attempts(), server.opened()];
    await sleep(150);
    expect([server.attempts(), server.opened()]).toEqual(before);
    expect(states).toEqual([true, false]);
    expect(server.sockets.size).toBe(0);
  });
});
