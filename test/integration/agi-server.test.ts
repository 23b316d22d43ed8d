import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { AgiAnswer, AgiSession, DeliveryOutcome } from '../../src/asterisk/agi-connection.ts';
import { type AgiServer, type AgiServerOptions, createAgiServer } from '../../src/asterisk/agi-server.ts';
import { createLog } from '../../src/log.ts';
import { type AgiClient, askAsAsterisk, openAgiClient } from '../support/agi-client.ts';
import { PJSIP_CALL, requestEnvironment } from '../support/agi-environment.ts';

let server: AgiServer;
let logged: string[];
let outcomes: DeliveryOutcome[];
let clients: AgiClient[];

beforeEach(() => {
  logged = [];
  outcomes = [];
  clients = [];
});

afterEach(async () => {
  for (const client of clients) client.socket.destroy();
  await server.close(0);
  expect(server.connections()).toBe(0);
  const { accepted, ended } = server.counters();
  expect(
    Object.values(ended).reduce((sum, count) => sum + count),
    'every connection has one end',
  ).toBe(accepted);
});

const allow = (reason = 'ok'): AgiAnswer => ({
  variables: [
    ['TOLLGATE_VERDICT', 'allow'],
    ['TOLLGATE_REASON', reason],
  ],
  onDelivered: (outcome) => outcomes.push(outcome),
});

const ALLOW_COMMAND = 'EXEC MSet "TOLLGATE_VERDICT=allow,TOLLGATE_REASON=ok"\n';

async function start(options: Partial<AgiServerOptions> = {}): Promise<AgiServer> {
  const { log } = createLog({
    level: 'debug',
    to: { write: (line: string) => void logged.push(line) },
    format: 'json',
  });
  server = await createAgiServer({
    listen: { host: '127.0.0.1', port: 0 },
    allowFrom: ['127.0.0.0/8'],
    handle: () => Promise.resolve(allow()),
    log,
    ...options,
  });
  return server;
}

function open(options: { readonly localAddress?: string } = {}): AgiClient {
  const client = openAgiClient(server.address, options);
  clients.push(client);
  return client;
}

const settled = () => vi.waitFor(() => expect(server.connections()).toBe(0));

/** A handler that is told from outside when to answer. */
function heldHandler() {
  let session: AgiSession | undefined;
  let answer: (answer: AgiAnswer) => void = () => {};
  let fail: (error: Error) => void = () => {};
  return {
    handle: (asked: AgiSession) => {
      session = asked;
      return new Promise<AgiAnswer>((resolve, reject) => {
        answer = resolve;
        fail = reject;
      });
    },
    asked: () =>
      vi.waitFor(() => {
        if (session === undefined) throw new Error('not asked yet');
        return session;
      }),
    wasAsked: () => session !== undefined,
    answer: (value: AgiAnswer) => answer(value),
    fail: (error: Error) => fail(error),
  };
}

test('a request is answered by one command in one write, confirmed, and closed by the server', async () => {
  let path = '';
  await start({
    handle: (session) => {
      path = session.request.path;
      return Promise.resolve(allow());
    },
  });
  const client = open();
  client.socket.write(PJSIP_CALL);
  await client.waitFor('\n');
  expect(client.received()).toBe(ALLOW_COMMAND);
  expect(server.counters().ended.served).toBe(0);
  client.socket.write('200 result=0\n');
  await client.ended;
  client.socket.end('HANGUP\n');
  await client.closed;
  await settled();
  expect(client.received()).toBe(ALLOW_COMMAND);
  expect(path).toBe('/gate');
  expect(outcomes).toEqual(['delivered']);
  expect(server.counters().ended).toMatchObject({ served: 1, hungUp: 0 });
});

test('an environment that comes byte by byte is answered like one that comes at once', async () => {
  await start();
  const client = open();
  client.socket.setNoDelay(true);
  for (const byte of PJSIP_CALL) {
    client.socket.write(Buffer.of(byte));
    await new Promise(setImmediate);
  }
  await client.waitFor(ALLOW_COMMAND);
});

test('a confirmation that comes in pieces, after a provisional line, is a confirmation', async () => {
  await start();
  const client = open();
  client.socket.write(PJSIP_CALL);
  await client.waitFor('\n');
  for (const piece of ['100 result=0 Trying...\n20', '0 resu', 'lt=0\r', '\n']) {
    client.socket.write(piece);
    await sleep(5);
  }
  await client.ended;
  expect(outcomes).toEqual(['delivered']);
});

test('a caller who hangs up while the answer is made gets no command, and the answer is told so', async () => {
  const handler = heldHandler();
  await start({ handle: handler.handle });
  const client = open();
  client.socket.write(PJSIP_CALL);
  const session = await handler.asked();
  expect(session.signal.aborted).toBe(false);
  client.socket.write('HANGUP\n');
  // Asterisk keeps the dead channel until the server closes, so the server must close without waiting for its handler.
  await client.ended;
  expect(session.hungUp).toBe(true);
  expect(session.signal.aborted).toBe(true);
  handler.answer(allow());
  await vi.waitFor(() => expect(outcomes).toEqual(['hung-up']));
  expect(client.received()).toBe('');
  expect(server.counters().ended).toMatchObject({ served: 0, hungUp: 1 });
});

test('a signal first looked at after the hang-up is already aborted', async () => {
  const handler = heldHandler();
  await start({ handle: handler.handle });
  const client = open();
  client.socket.write(PJSIP_CALL);
  const session = await handler.asked();
  client.socket.write('HANGUP\n');
  await client.ended;
  expect(session.signal.aborted).toBe(true);
  handler.answer(allow());
});

test.each([
  ['closes', (client: AgiClient) => client.socket.end()],
  ['resets', (client: AgiClient) => client.socket.resetAndDestroy()],
])('a connection that the client %s while the answer is made is a hang-up', async (_how, leave) => {
  const handler = heldHandler();
  await start({ handle: handler.handle });
  const client = open();
  client.socket.write(PJSIP_CALL);
  const session = await handler.asked();
  leave(client);
  await vi.waitFor(() => expect(session.hungUp).toBe(true));
  handler.answer(allow());
  await vi.waitFor(() => expect(outcomes).toEqual(['hung-up']));
  expect(server.counters().ended.hungUp).toBe(1);
});

test('a hang-up right behind the environment asks nobody', async () => {
  const handler = heldHandler();
  await start({ handle: handler.handle });
  const client = open();
  client.socket.write(Buffer.concat([PJSIP_CALL, Buffer.from('HANGUP\n')]));
  await client.ended;
  expect(handler.wasAsked()).toBe(false);
  expect(server.counters().ended.hungUp).toBe(1);
});

test('a hang-up line that is split around the sending of the command is still a hang-up', async () => {
  const handler = heldHandler();
  await start({ handle: handler.handle });
  const client = open();
  client.socket.write(PJSIP_CALL);
  await handler.asked();
  client.socket.write('HANG');
  await sleep(20);
  handler.answer(allow());
  await client.waitFor('\n');
  client.socket.write('UP\n200 result=0\n');
  await client.ended;
  expect(outcomes).toEqual(['hung-up']);
});

const confirmations: ReadonlyArray<readonly [string, string, DeliveryOutcome, string]> = [
  ['a hang-up before the confirmation', 'HANGUP\n200 result=0\n', 'hung-up', 'hungUp'],
  ['a hang-up while the command ran', '200 result=-1\nHANGUP\n', 'hung-up', 'hungUp'],
  ['a command on a dead channel', '511 Command Not Permitted on a dead channel\n', 'hung-up', 'hungUp'],
  ['a hang-up behind the confirmation', '200 result=0\nHANGUP\n', 'delivered', 'served'],
  ['an application that is not loaded', '200 result=-2\n', 'failed', 'refusedByAsterisk'],
  ['a command that Asterisk does not know', '510 Invalid or unknown command\n', 'failed', 'refusedByAsterisk'],
  ['a usage message', '520-Invalid command syntax.\nUsage\n520 End of proper usage.\n', 'failed', 'refusedByAsterisk'],
];
test.each(confirmations)('%s is told to the answer for what it is', async (_what, reply, outcome, end) => {
  await start();
  const client = open();
  client.socket.write(PJSIP_CALL);
  await client.waitFor('\n');
  client.socket.write(reply);
  await client.ended;
  expect(outcomes).toEqual([outcome]);
  expect(server.counters().ended).toMatchObject({ [end]: 1 });
});

test('a connection lost between the command and its confirmation is a failed delivery', async () => {
  await start();
  const client = open();
  client.socket.write(PJSIP_CALL);
  await client.waitFor('\n');
  client.socket.resetAndDestroy();
  await vi.waitFor(() => expect(outcomes).toEqual(['failed']));
  expect(server.counters().ended.unconfirmed).toBe(1);
});

test('a client that says nothing is cut at the request time limit, and so is one that drips', async () => {
  await start({ requestTimeoutMs: 100 });
  const silent = open();
  const dripping = open();
  const drip = setInterval(() => dripping.socket.write('a'), 20);
  await Promise.all([silent.ended, dripping.ended]);
  clearInterval(drip);
  await settled();
  expect(server.counters().ended).toMatchObject({ timedOut: 2 });
});

test('a client that never confirms is cut at the session time limit', async () => {
  await start({ sessionTimeoutMs: 100 });
  const client = open();
  client.socket.write(PJSIP_CALL);
  await client.ended;
  expect(outcomes).toEqual(['failed']);
  expect(server.counters().ended.timedOut).toBe(1);
});

test('a handler that never answers costs its call the session time limit, and a late answer is told that it failed', async () => {
  const handler = heldHandler();
  await start({ handle: handler.handle, sessionTimeoutMs: 100 });
  const client = open();
  client.socket.write(PJSIP_CALL);
  const session = await handler.asked();
  await client.ended;
  expect(session.signal.aborted).toBe(true);
  handler.answer(allow());
  await vi.waitFor(() => expect(outcomes).toEqual(['failed']));
  expect(client.received()).toBe('');
});

test('a client that never closes after its answer is cut, and its answer stays delivered', async () => {
  await start({ sessionTimeoutMs: 150 });
  const client = open();
  client.socket.write(PJSIP_CALL);
  await client.waitFor('\n');
  client.socket.write('200 result=0\n');
  await client.ended;
  expect(server.connections()).toBe(1);
  await settled();
  expect(outcomes).toEqual(['delivered']);
  expect(server.counters().ended).toMatchObject({ served: 1, timedOut: 0 });
});

test.each([
  ['a line without end', 'agi_request: '.padEnd(5000, 'x')],
  ['too many lines', Array.from({ length: 101 }, (_, index) => `agi_arg_${index}: x\n`).join('')],
  ['an HTTP request', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
])('%s ends the connection at once and asks nobody', async (_what, text) => {
  const handler = heldHandler();
  await start({ handle: handler.handle });
  const client = open();
  client.socket.write(text);
  await client.ended;
  expect(client.received()).toBe('');
  expect(handler.wasAsked()).toBe(false);
  expect(server.counters().ended.malformed).toBe(1);
});

test('a flood behind a good environment is cut off and not kept', async () => {
  const handler = heldHandler();
  await start({ handle: handler.handle });
  const client = open();
  client.socket.write(PJSIP_CALL);
  const session = await handler.asked();
  client.socket.write('x'.repeat(20_000));
  await client.ended;
  expect(session.hungUp).toBe(true);
  handler.answer(allow());
  await vi.waitFor(() => expect(outcomes).toEqual(['failed']));
  expect(server.counters().ended.malformed).toBe(1);
});

test('connections above the limit are closed at once, and there is room again when one has gone', async () => {
  const handler = heldHandler();
  await start({ handle: handler.handle, maxConnections: 2 });
  const first = open();
  open();
  await vi.waitFor(() => expect(server.connections()).toBe(2));
  const third = open();
  await third.ended;
  expect(server.counters()).toMatchObject({ accepted: 2, refused: { tooMany: 1, notAllowed: 0 } });
  first.socket.destroy();
  await vi.waitFor(() => expect(server.connections()).toBe(1));
  open().socket.write(PJSIP_CALL);
  await handler.asked();
});

test('a connection from an address that is not allowed is closed before anything is read', async () => {
  const handler = heldHandler();
  await start({ handle: handler.handle, allowFrom: ['127.0.0.1/32'] });
  const stranger = open({ localAddress: '127.0.0.2' });
  stranger.socket.write(PJSIP_CALL);
  await stranger.ended;
  expect(stranger.received()).toBe('');
  expect(server.counters()).toMatchObject({ accepted: 0, refused: { notAllowed: 1 } });
  open({ localAddress: '127.0.0.1' }).socket.write(PJSIP_CALL);
  await handler.asked();
});

test('an IPv4 client of a dual-stack server is judged by its IPv4 address', async () => {
  await start({ listen: { host: '::', port: 0 }, allowFrom: ['127.0.0.1'] });
  if (!('port' in server.address)) throw new Error('no port');
  const { port } = server.address;
  expect(await askAsAsterisk({ host: '127.0.0.1', port }, PJSIP_CALL)).toBe(ALLOW_COMMAND);
  expect(await askAsAsterisk({ host: '::1', port }, PJSIP_CALL)).toBe('');
});

test.each([
  ['rejects', () => Promise.reject(new Error('store on fire'))],
  [
    'throws',
    () => {
      throw new Error('store on fire');
    },
  ],
])('a handler that %s closes its call without a verdict, is logged, and harms no other call', async (_how, failing) => {
  await start({ handle: (session) => (session.request.path === '/bad' ? failing() : Promise.resolve(allow())) });
  const client = open();
  client.socket.write(requestEnvironment('bad'));
  await client.ended;
  expect(client.received()).toBe('');
  expect(logged.filter((line) => line.includes('store on fire'))).toHaveLength(1);
  expect(server.counters().ended.handlerFailed).toBe(1);
  expect(await askAsAsterisk(server.address, PJSIP_CALL)).toBe(ALLOW_COMMAND);
});

test('an answer that cannot be written is a failed handler, and the answer is told so', async () => {
  await start({ handle: () => Promise.resolve({ ...allow(), variables: [['no such name', 'x']] }) });
  const client = open();
  client.socket.write(PJSIP_CALL);
  await client.ended;
  expect(client.received()).toBe('');
  expect(outcomes).toEqual(['failed']);
  expect(server.counters().ended.handlerFailed).toBe(1);
});

test('an onDelivered that throws is logged and harms nobody', async () => {
  await start({
    handle: () =>
      Promise.resolve({
        ...allow(),
        onDelivered: () => {
          throw new Error('no refund');
        },
      }),
  });
  expect(await askAsAsterisk(server.address, PJSIP_CALL)).toBe(ALLOW_COMMAND);
  expect(await askAsAsterisk(server.address, PJSIP_CALL)).toBe(ALLOW_COMMAND);
  expect(logged.filter((line) => line.includes('no refund'))).toHaveLength(2);
});

test('requests are answered, each with its own answer, beside fifty slow clients', async () => {
  await start({ handle: (session) => Promise.resolve(allow(session.request.args[0])), requestTimeoutMs: 5000 });
  const slow = Array.from({ length: 50 }, () => open());
  const drip = setInterval(() => {
    for (const client of slow) client.socket.write('agi_x');
  }, 10);
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, index) =>
      askAsAsterisk(server.address, requestEnvironment('check', [`n${index}`])),
    ),
  );
  clearInterval(drip);
  expect(answers).toEqual(answers.map((_, index) => `EXEC MSet "TOLLGATE_VERDICT=allow,TOLLGATE_REASON=n${index}"\n`));
  expect(server.counters().ended.served).toBe(200);
});

test('a server that closes finishes the calls it has, takes no new ones, and cuts what does not end', async () => {
  const handler = heldHandler();
  await start({ handle: handler.handle });
  const client = open();
  client.socket.write(PJSIP_CALL);
  await handler.asked();
  const silent = open();
  await vi.waitFor(() => expect(server.connections()).toBe(2));
  const closing = server.close(300);
  expect(server.close()).toBe(closing);
  const late = open();
  await late.closed;
  expect(late.received()).toBe('');
  handler.answer(allow());
  await client.waitFor('\n');
  client.socket.end('200 result=0\n');
  await client.closed;
  await silent.ended;
  await closing;
  expect(outcomes).toEqual(['delivered']);
  expect(server.counters().ended).toMatchObject({ served: 1, cutOff: 1 });
});

test('a server that closes with nothing open is closed at once', async () => {
  await start();
  await server.close(60_000);
  expect(server.connections()).toBe(0);
});

test('a unix socket is served without an address to judge', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tollgate-agi-'));
  try {
    await start({ listen: { path: join(directory, 'agi.sock') }, allowFrom: [] });
    expect(await askAsAsterisk(server.address, PJSIP_CALL)).toBe(ALLOW_COMMAND);
    await server.close();
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('an address that is taken is an error, and so is an allowlist that cannot be read', async () => {
  await start();
  await expect(start({ listen: server.address })).rejects.toThrow('EADDRINUSE');
  await expect(start({ allowFrom: ['10.0.0.0/99'] })).rejects.toThrow('10.0.0.0/99');
});

test('a flood of strangers makes one warning, with the counters, and no more', async () => {
  await start({ allowFrom: ['127.0.0.1/32'] });
  const strangers = Array.from({ length: 20 }, () => open({ localAddress: '127.0.0.3' }));
  await Promise.all(strangers.map((client) => client.ended));
  await vi.waitFor(() => expect(server.counters().refused.notAllowed).toBe(20));
  expect(logged.filter((line) => line.includes('"level":"warn"'))).toHaveLength(1);
});
