/**
 * Faults that a real Asterisk does not produce on demand, by a manager interface on a real socket. What the real one
 * does is in test/e2e/ami.test.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { type AmiConnection, type AmiOptions, connectAmi } from '../../src/asterisk/ami-connection.ts';
import { systemClock } from '../../src/clock.ts';
import { freeTcpPort } from '../../src/demo/child.ts';
import { type FakeAmi, type FakeAmiBehaviour, startFakeAmi } from '../support/fake-ami.ts';
import { keptLog } from '../support/silent-log.ts';

const started: { readonly close: () => Promise<void> }[] = [];
afterEach(async () => {
  for (const each of started.splice(0).reverse()) await each.close();
});

async function fake(behaviour?: Partial<FakeAmiBehaviour>, port?: number): Promise<FakeAmi> {
  const server = await startFakeAmi(behaviour, port);
  started.push(server);
  return server;
}

type Given = Partial<AmiOptions> & { readonly port: number };

/** Pauses are short, so that the tests are. */
function connecting(given: Given): AmiConnection {
  const connection = connectAmi({
    name: 'pbx1',
    host: '127.0.0.1',
    username: 'tollgate',
    password: 'secret',
    log: keptLog().log,
    clock: systemClock,
    ...given,
    timings: { retryFirstMs: 10, retryMaxMs: 40, ...given.timings },
  });
  started.push(connection);
  return connection;
}

async function connected(given: Given): Promise<AmiConnection> {
  const connection = connecting(given);
  await isUp(connection);
  return connection;
}

const isUp = (connection: AmiConnection) =>
  expect.poll(() => connection.state().up, { interval: 5, timeout: 5_000 }).toBe(true);
/** Loses the connection by what `act` does. It may be up again when this resolves. */
const lose = (connection: AmiConnection, act: () => void) =>
  new Promise<void>((resolve) => {
    connection.onState((up) => up || resolve());
    act();
  });
const problemOf = (connection: AmiConnection) =>
  expect.poll(() => connection.state().problem, { interval: 5, timeout: 5_000 });
const named = (server: FakeAmi, name: string) => server.actions.filter((action) => action.get('action') === name);

it('the log-in says which events are wanted, and what is known of the user', async () => {
  const server = await fake();
  const connection = await connected({ port: server.port });
  expect(Object.fromEntries(named(server, 'Login')[0] ?? [])).toMatchObject({
    username: 'tollgate',
    secret: 'secret',
    events: 'on',
  });
  await connection.close();
  await connected({ port: server.port, events: 'system,call,security' });
  expect(named(server, 'Login')[1]?.get('events')).toBe('system,call,security');
});

it.each(['\r\n', '\n', '\r', '\0', 'x\r\n\r\nAction: Originate\r\nChannel: Local/9@x'])(
  'a value with a line end or NUL (%j) is refused before anything of it is sent',
  async (value) => {
    const server = await fake({ answer: () => ['Response: Success'] });
    const connection = await connected({ port: server.port });
    for (const attempt of [
      connection.action('Setvar', { Variable: 'A', Value: value }),
      connection.action('Setvar', { [`Variable${value}`]: 'A' }),
      connection.action(`Setvar${value}`),
      connection.list('Setvar', { Variable: value }),
    ]) {
      await expect(attempt).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    }
    await connection.action('Setvar', { Variable: 'A', Value: 'B' });
    expect(server.actions.map((action) => action.get('action'))).toEqual(['Login', 'Setvar']);
  },
);

it('a password with a line end is a refused log-in and sends nothing', async () => {
  const server = await fake();
  const connection = connecting({ port: server.port, password: 'x\r\nEvents: off' });
  await problemOf(connection).toContain('cannot be told the user or password');
  expect(connection.state().problem).not.toContain('Events');
  expect(server.actions).toEqual([]);
});

it('half a line left from a dead connection is not glued to the next one', async () => {
  const server = await fake();
  const connection = await connected({ port: server.port });
  const seen: unknown[] = [];
  connection.onEvent(['Half', 'Whole'], (event) => seen.push(Object.fromEntries(event.fields)));
  server.write('Event: Half\r\nFoo: ba');
  await sleep(20);
  await lose(connection, server.dropConnections);
  await isUp(connection);
  server.send('Event: Whole', 'Foo: bar');
  await expect.poll(() => seen).toEqual([{ event: ['Whole'], foo: ['bar'] }]);
});

it('an action in flight fails as soon as the connection dies', async () => {
  const server = await fake();
  const connection = await connected({ port: server.port });
  const flights = [connection.action('Originate', {}, { withinMs: 60_000 }), connection.list('CoreShowChannels')];
  await expect.poll(() => server.actions.length).toBe(3);
  server.dropConnections();
  for (const flight of flights) {
    await expect(flight).rejects.toMatchObject({
      code: 'AMI_UNAVAILABLE',
      message: 'Asterisk pbx1 closed the connection',
    });
  }
});

it('an action without an answer fails after its time, and an answer that comes later is nobody’s', async () => {
  const server = await fake();
  const connection = await connected({ port: server.port });
  await expect(connection.action('Getvar', {}, { withinMs: 30 })).rejects.toMatchObject({
    code: 'AMI_UNAVAILABLE',
    message: 'Asterisk pbx1 did not answer Getvar within 30 ms',
  });
  const late = server.actions.at(-1)?.get('actionid');
  const next = connection.action('Getvar');
  await expect.poll(() => server.actions.length).toBe(3);
  server.send('Response: Success', `ActionID: ${late}`, 'Value: late');
  server.send('Response: Success', `ActionID: ${server.actions.at(-1)?.get('actionid')}`, 'Value: right');
  expect((await next).get('value')).toBe('right');
});

it('an action while there is no connection, or no log-in yet, fails at once and is never sent later', async () => {
  const port = await freeTcpPort();
  const connection = connecting({ port });
  await expect(connection.action('Hangup')).rejects.toMatchObject({ code: 'AMI_UNAVAILABLE' });
  const server = await fake({ login: 'ignore' }, port);
  await expect.poll(() => named(server, 'Login').length).toBe(1);
  await expect(connection.action('Hangup')).rejects.toMatchObject({ code: 'AMI_UNAVAILABLE' });
  await expect(connection.list('Hangup')).rejects.toMatchObject({ code: 'AMI_UNAVAILABLE' });
  server.behave({ login: 'accept' });
  server.dropConnections();
  await isUp(connection);
  await connection.action('Ping');
  expect(named(server, 'Hangup')).toEqual([]);
});

it('an Asterisk that is away at the start is connected to when it comes, however many attempts that takes', async () => {
  const port = await freeTcpPort();
  const connection = connecting({ port, timings: { retryMaxMs: 15 } });
  await problemOf(connection).toContain('cannot be reached: connect ECONNREFUSED');
  await sleep(400);
  await fake({}, port);
  await isUp(connection);
  expect(connection.state()).toMatchObject({ up: true, problem: '' });
});

it('a connection that is lost is made again, each time, and each change is told', async () => {
  const server = await fake();
  const connection = await connected({ port: server.port });
  const states: boolean[] = [];
  const end = connection.onState((up) => states.push(up));
  for (let round = 1; round <= 15; round += 1) {
    server.dropConnections();
    await expect.poll(() => named(server, 'Login').length, { interval: 5 }).toBe(round + 1);
    await isUp(connection);
  }
  expect(states).toEqual(Array.from({ length: 30 }, (_, index) => index % 2 === 1));
  end();
  await lose(connection, server.dropConnections);
  expect(states).toHaveLength(30);
});

it('an Asterisk that throws us out after each log-in is not besieged', async () => {
  const server = await fake();
  const connection = connecting({ port: server.port, timings: { retryFirstMs: 40, retryMaxMs: 5_000 } });
  connection.onState((up) => up && server.dropConnections());
  await sleep(1_000);
  expect(server.connectedAtMs.length).toBeGreaterThan(3);
  expect(server.connectedAtMs.length).toBeLessThan(25);
});

it('a wrong password is told apart from an outage and tried again after its own, longer pause', async () => {
  const server = await fake({ login: 'refuse' });
  const { log, lines } = keptLog();
  const connection = connecting({ port: server.port, log, timings: { refusedFirstMs: 200, refusedMaxMs: 300 } });
  await problemOf(connection).toBe('Asterisk pbx1 refuses the manager user tollgate: Authentication failed');
  await expect.poll(() => server.connectedAtMs.length, { timeout: 2_000 }).toBe(3);
  const [first = 0, second = 0, third = 0] = server.connectedAtMs;
  expect(second - first).toBeGreaterThanOrEqual(195);
  expect(third - second).toBeGreaterThanOrEqual(195);
  expect(lines.filter((line) => line['msg'] === connection.state().problem)).toHaveLength(1);
  expect(JSON.stringify(lines)).not.toContain('secret');
  server.behave({ login: 'accept' });
  await isUp(connection);
});

it.each([
  ['another protocol', { greeting: 'SSH-2.0-OpenSSH_9.2\r\n' }, /not as a manager interface: "SSH-2.0-OpenSSH_9.2"/],
  ['a line without an end', { greeting: 'x'.repeat(100_000) }, /did not let us in within 100 ms/],
  ['silence', { greeting: '' }, /did not let us in within 100 ms/],
  ['no answer to the log-in', { login: 'ignore' as const }, /did not let us in within 100 ms/],
])('a server that gives %s instead of a log-in is left and tried again', async (_, behaviour, problem) => {
  const server = await fake(behaviour);
  const connection = connecting({ port: server.port, timings: { loginWithinMs: 100 } });
  await problemOf(connection).toMatch(problem);
  await expect.poll(() => server.connectedAtMs.length).toBeGreaterThan(1);
  server.behave({ greeting: 'Asterisk Call Manager/5.0.4\r\n', login: 'accept' });
  await isUp(connection);
});

it('a connection that is dead without a word is found by a Ping and made again', async () => {
  const server = await fake();
  const { log, lines } = keptLog();
  const connection = await connected({ port: server.port, log, timings: { pingEveryMs: 30, pingWithinMs: 50 } });
  await expect.poll(() => named(server, 'Ping').length).toBeGreaterThan(3);
  expect(server.connectedAtMs).toHaveLength(1);
  await lose(connection, () => server.behave({ answersPing: false }));
  expect(lines.map((line) => line['msg'])).toContain('Asterisk pbx1 does not answer any more');
  server.behave({ answersPing: true });
  await isUp(connection);
});

it('a connection on which events arrive is not given up for a Ping that is answered late', async () => {
  const server = await fake({ answersPing: false });
  const connection = await connected({ port: server.port, timings: { pingEveryMs: 20, pingWithinMs: 50 } });
  let seen = 0;
  connection.onEvent(['X'], () => {
    seen += 1;
  });
  for (let round = 0; round < 40; round += 1) {
    server.send('Event: X');
    await sleep(10);
  }
  expect(seen).toBe(40);
  expect(server.connectedAtMs).toHaveLength(1);
});

it('an event may have any name: it reaches those who listen for that name and nothing else', async () => {
  const server = await fake();
  const connection = await connected({ port: server.port });
  const names = ['Close', 'Constructor', '__proto__', 'error', 'connect', 'RawEvent', 'data', 'y'.repeat(8_000)];
  const seen: string[] = [];
  connection.onEvent([...names, 'Good'], (event) => seen.push(event.name));
  for (const name of names) {
    server.send(`Event: ${name}`, '__proto__: polluted', 'constructor: polluted', 'toString: polluted', ': x', 'x');
  }
  server.send('Event: prototype');
  server.send('Event: Good');
  await expect.poll(() => seen).toEqual([...names, 'Good']);
  expect(connection.state().up).toBe(true);
  expect(server.connectedAtMs).toHaveLength(1);
  expect({}).not.toHaveProperty('polluted');
});

it('a line that never ends is cut, and the connection goes on', async () => {
  const server = await fake();
  const connection = await connected({ port: server.port });
  const seen: string[] = [];
  connection.onEvent(['InvalidAccountID'], (event) => {
    seen.push(`${event.get('AccountID').length} ${event.get('RemoteAddress')}`);
  });
  server.write('Event: InvalidAccountID\r\nAccountID: ');
  for (let part = 0; part < 64; part += 1) server.write('a'.repeat(1024 * 1024));
  server.write('\r\nRemoteAddress: IPV4/UDP/192.0.2.1/5060\r\n\r\n');
  await expect.poll(() => seen, { timeout: 10_000 }).toEqual([`${8192 - 11} IPV4/UDP/192.0.2.1/5060`]);
});

it('a listener that throws or rejects is logged and takes no event from another', async () => {
  const server = await fake();
  const { log, lines } = keptLog();
  const connection = await connected({ port: server.port, log });
  const seen: string[] = [];
  connection.onEvent(['X'], () => {
    throw new Error('thrown');
  });
  // biome-ignore lint/nursery/noMisusedPromises: the mistake that this test is about
  connection.onEvent(['X'], () => Promise.reject(new Error('rejected')));
  connection.onEvent(['x'], (event) => seen.push(event.get('N')));
  connection.onState(() => {
    throw new Error('thrown for the state');
  });
  server.send('Event: X', 'N: 1');
  server.send('Event: X', 'N: 2');
  await expect.poll(() => seen).toEqual(['1', '2']);
  await lose(connection, server.dropConnections);
  await isUp(connection);
  const failures = lines.filter((line) => line['level'] === 'error').map((line) => line['msg']);
  expect(failures.filter((text) => text === 'a listener for X failed')).toHaveLength(4);
  expect(failures.filter((text) => text === 'a listener for the connection failed')).toHaveLength(2);
});

it('a listener that has been ended hears nothing more, and the same function may listen twice', async () => {
  const server = await fake();
  const connection = await connected({ port: server.port });
  const seen: string[] = [];
  const listener = (event: { readonly name: string }) => void seen.push(event.name);
  const endFirst = connection.onEvent(['X', 'Y'], listener);
  connection.onEvent(['X'], listener);
  server.send('Event: X');
  await expect.poll(() => seen).toEqual(['X', 'X']);
  endFirst();
  endFirst();
  server.send('Event: Y');
  server.send('Event: X');
  await expect.poll(() => seen).toEqual(['X', 'X', 'X']);
});

it('answers find their actions in any order, and an event with an action’s id and a Response is none', async () => {
  const server = await fake();
  const connection = await connected({ port: server.port });
  const events: string[] = [];
  connection.onEvent(['OriginateResponse'], (event) => events.push(event.get('Response')));
  const flights = ['a', 'b', 'c'].map((value) => connection.action('Echo', { Value: value }));
  await expect.poll(() => named(server, 'Echo').length).toBe(3);
  const ids = named(server, 'Echo').map((action) => action.get('actionid'));
  expect(new Set(ids).size).toBe(3);
  server.send('Event: OriginateResponse', `ActionID: ${ids[0]}`, 'Response: Failure');
  server.send('Response: Success', 'Message: without an id');
  server.send('Response: Success', 'ActionID: guessed');
  for (const index of [2, 0, 1]) server.send('Response: Success', `ActionID: ${ids[index]}`, `Value: ${index}`);
  expect((await Promise.all(flights)).map((answer) => answer.get('Value'))).toEqual(['0', '1', '2']);
  expect(events).toEqual(['Failure']);
});

it('an error of Asterisk is an error of ours with its sentence', async () => {
  const server = await fake({ answer: () => ['Response: Error', 'Message: Permission denied'] });
  const connection = await connected({ port: server.port });
  const refusal = { code: 'AMI_REFUSED', message: 'Asterisk pbx1 refused Originate: Permission denied' };
  await expect(connection.action('Originate')).rejects.toMatchObject(refusal);
  await expect(connection.list('Originate')).rejects.toMatchObject(refusal);
});

it('an answer that is longer than is read is an error, not half an answer', async () => {
  const output = Array.from({ length: 30_000 }, (_, index) => `Output: ${index}`);
  const server = await fake({ answer: () => ['Response: Success', ...output] });
  const connection = await connected({ port: server.port });
  await expect(connection.action('Command')).rejects.toMatchObject({
    code: 'AMI_UNAVAILABLE',
    message: 'Asterisk pbx1 answered Command at greater length than is read',
  });
  await connection.action('Ping');
});

it('a list is its own events up to the completing one, beside other events and other lists', async () => {
  const server = await fake();
  const connection = await connected({ port: server.port });
  const others: string[] = [];
  connection.onEvent(['Item'], (event) => others.push(event.get('N')));
  const lists = [connection.list('Show'), connection.list('Show')];
  await expect.poll(() => named(server, 'Show').length).toBe(2);
  const [a, b] = named(server, 'Show').map((action) => `ActionID: ${action.get('actionid')}`);
  for (const id of [`${a}`, `${b}`]) server.send('Response: Success', id, 'EventList: start');
  server.send('Event: Item', `${a}`, 'N: a1');
  server.send('Event: Item', `${b}`, 'N: b1');
  server.send('Event: Item', 'N: other');
  server.send('Event: Item', `${a}`, 'N: a2');
  server.send('Event: ShowComplete', `${b}`, 'EventList: Complete', 'ListItems: 1');
  server.send('Event: ShowComplete', `${a}`, 'EventList: Complete', 'ListItems: 2');
  const [first, second] = await Promise.all(lists);
  expect(first?.map((item) => item.get('N'))).toEqual(['a1', 'a2']);
  expect(second?.map((item) => item.get('N'))).toEqual(['b1']);
  expect(others).toEqual(['other']);
});

it('a list that does not end, is broken off or has too many items fails', async () => {
  const server = await fake({ answer: () => ['Response: Success', 'EventList: start'] });
  const connection = await connected({ port: server.port });
  const id = () => `ActionID: ${server.actions.at(-1)?.get('actionid')}`;
  const begin = async (withinMs: number) => {
    const count = server.actions.length;
    const list = connection.list('Show', {}, { withinMs });
    list.catch(() => undefined);
    await expect.poll(() => server.actions.length).toBe(count + 1);
    return list;
  };
  await expect(Promise.resolve(connection.list('Show', {}, { withinMs: 30 }))).rejects.toMatchObject({
    code: 'AMI_UNAVAILABLE',
  });
  const broken = begin(5_000);
  await expect.poll(() => server.actions.length).toBe(3);
  server.send('Event: ShowComplete', id(), 'EventList: cancelled');
  await expect(broken).rejects.toMatchObject({ code: 'AMI_REFUSED' });
  const endless = begin(20_000);
  await expect.poll(() => server.actions.length).toBe(4);
  server.write(`Event: Item\r\n${id()}\r\n\r\n`.repeat(20_001));
  await expect(endless).rejects.toMatchObject({
    code: 'AMI_UNAVAILABLE',
    message: 'Asterisk pbx1 answered Show with more items than are read',
  });
});

it('actions in flight are bounded: one too many fails at once and is not sent', async () => {
  const server = await fake();
  const connection = await connected({ port: server.port });
  const flights = Array.from({ length: 1_000 }, () => connection.action('Slow'));
  for (const flight of flights) flight.catch(() => undefined);
  await expect(connection.action('OneTooMany')).rejects.toMatchObject({ code: 'AMI_UNAVAILABLE' });
  await expect.poll(() => named(server, 'Slow').length).toBe(1_000);
  expect(named(server, 'OneTooMany')).toEqual([]);
  expect((await Promise.allSettled(flights)).every(({ status }) => status === 'rejected')).toBe(true);
  await connection.action('Ping');
});

it('fifty thousand events at once all arrive in order, and an action sent among them is answered', async () => {
  const server = await fake();
  const connection = await connected({ port: server.port });
  let next = 0;
  connection.onEvent(['VarSet'], (event) => {
    if (event.get('N') === String(next)) next += 1;
  });
  const lines = Array.from({ length: 18 }, (_, index) => `Key${index}: some value ${index}\r\n`).join('');
  for (let from = 0; from < 50_000; from += 100) {
    const events = Array.from({ length: 100 }, (_, index) => `Event: VarSet\r\nN: ${from + index}\r\n${lines}\r\n`);
    server.write(events.join(''));
  }
  expect((await connection.action('Ping', {}, { withinMs: 20_000 })).get('Ping')).toBe('Pong');
  await expect.poll(() => next, { timeout: 20_000 }).toBe(50_000);
});

it('nothing of it is printed, whatever happens', async () => {
  const printed = [process.stdout, process.stderr].map((stream) => vi.spyOn(stream, 'write').mockReturnValue(true));
  try {
    const server = await fake();
    const connection = await connected({ port: server.port });
    server.send('Event: X', 'bad');
    await lose(connection, server.dropConnections);
    await vi.waitFor(() => expect(connection.state().up).toBe(true));
    await connection.close();
    for (const write of printed) expect(write).not.toHaveBeenCalled();
  } finally {
    for (const write of printed) write.mockRestore();
  }
});

it('a closed connection stays closed: it ends what is in flight, tells it, and connects no more', async () => {
  const server = await fake();
  const { log, lines } = keptLog();
  const connection = await connected({ port: server.port, log });
  const states: boolean[] = [];
  connection.onState((up) => states.push(up));
  const flight = connection.action('Slow');
  flight.catch(() => undefined);
  await connection.close();
  await expect(flight).rejects.toMatchObject({ code: 'AMI_UNAVAILABLE' });
  await expect(connection.action('Ping')).rejects.toMatchObject({ code: 'AMI_UNAVAILABLE' });
  await sleep(150);
  expect(states).toEqual([false]);
  expect(server.connectedAtMs).toHaveLength(1);
  expect(server.connections()).toBe(0);
  expect(lines.filter((line) => line['level'] === 'warn')).toEqual([]);
  await connection.close();
  expect(states).toEqual([false]);
});

it('a closed connection leaves no timer behind', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const server = await fake();
  await sleep(50);
  const before = timers();
  const connection = connecting({ port: server.port });
  await new Promise<void>((resolve) => connection.onState(() => resolve()));
  connection.action('Slow', {}, { withinMs: 60_000 }).catch(() => undefined);
  expect(timers()).toBeGreaterThan(before);
  await connection.close();
  expect(timers()).toBe(before);
});

it('a connection that is closed while it waits for its next attempt makes none', async () => {
  const port = await freeTcpPort();
  const connection = connecting({ port });
  await problemOf(connection).toContain('cannot be reached');
  await connection.close();
  const server = await fake({}, port);
  await sleep(150);
  expect(server.connectedAtMs).toEqual([]);
});
