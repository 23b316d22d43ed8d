/**
 * A hundred thousand broken FastAGI clients against the real server over real TCP sockets, with good clients beside
 * them that must all be answered correctly. Repeat a run with AGI_FUZZ_SEED; each attack depends on the seed and its
 * own number only.
 */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test, vi } from 'vitest';
import { createAgiServer } from '../../src/asterisk/agi-server.ts';
import { askAsAsterisk } from '../support/agi-client.ts';
import { LOCAL_CHANNEL_WITH_ARGUMENTS, PJSIP_CALL, requestEnvironment } from '../support/agi-environment.ts';

const SESSIONS = Number(process.env['AGI_FUZZ_SESSIONS'] ?? 100_000);
const WARM_UP = 10_000;
const PARALLEL = 64;
const SEED = Number(process.env['AGI_FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const REQUEST_TIMEOUT_MS = 300;
const SESSION_TIMEOUT_MS = 600;
const HEAP_GROWTH_BYTES = 8 * 1024 * 1024;

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** mulberry32: small, fast, and the same everywhere. */
function createRandom(seed: number) {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (bound: number): number => Math.floor(next() * bound);
  const pick = <Item>(items: readonly [Item, ...Item[]]): Item => items[below(items.length)] ?? items[0];
  const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => below(256)));
  return { below, pick, bytes };
}
type Random = ReturnType<typeof createRandom>;

const realEnvironment = (random: Random): Buffer =>
  random.pick([PJSIP_CALL, LOCAL_CHANNEL_WITH_ARGUMENTS, requestEnvironment('check?trunk=a', ['555', '', 'x,y'])]);

function mutated(random: Random): Buffer {
  let bytes = Buffer.from(realEnvironment(random));
  for (let edits = 1 + random.below(6); edits > 0; edits -= 1) {
    const at = random.below(bytes.length + 1);
    const insert = random.pick([
      Buffer.alloc(0),
      random.bytes(random.below(40)),
      Buffer.from(
        random.pick(['\n', '\r', '\n\n', '\0', ':', 'agi_arg_1: x\n', 'HANGUP\n', '\u2028', '%zz', '200 result=0\n']),
      ),
    ]);
    bytes = Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + random.below(30))]);
  }
  return bytes;
}

const attacks = {
  randomBytes: (random) => random.bytes(random.below(600)),
  truncated: (random) => {
    const bytes = realEnvironment(random);
    return bytes.subarray(0, random.below(bytes.length));
  },
  mutated,
  longLine: (random) =>
    Buffer.from(`agi_request: ${random.pick(['x', ':', ' ', '\r'])}`.padEnd(4096 + random.below(8000), 'x')),
  manyLines: (random) =>
    Buffer.from(Array.from({ length: 90 + random.below(60) }, (_, index) => `agi_arg_${index}: y`).join('\n')),
  lineEnds: (random) =>
    Buffer.from(Array.from({ length: 1 + random.below(20) }, () => random.pick(['\n', '\r'])).join('')),
  otherProtocols: (random) =>
    Buffer.from(
      random.pick([
        'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
        'OPTIONS sip:x SIP/2.0\r\nVia: y\r\n\r\n',
        'Action: Login\r\nUsername: x\r\n\r\n',
        '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
      ]),
      'latin1',
    ),
  badReplies: (random) =>
    Buffer.concat([
      realEnvironment(random),
      random.pick([
        random.bytes(random.below(300)),
        Buffer.from('200 result=0\n'.repeat(1 + random.below(3))),
        Buffer.from('HANGUP\nHANGUP\n'),
        Buffer.from('520-usage\n520 end\n'),
        Buffer.alloc(9000 + random.below(9000), 'z'),
        Buffer.alloc(500, '\n'),
      ]),
    ]),
} as const satisfies Record<string, (random: Random) => Buffer>;

type Attack = keyof typeof attacks;
const attackNames = Object.keys(attacks) as [Attack, ...Attack[]];

/** How a client leaves: properly, rudely, or not at all, so that the server has to cut it. */
const leavings = ['end', 'end', 'end', 'reset', 'reset', 'destroy', 'destroy'] as const;

/** Runs one broken client to the end of its connection. */
function attack(port: number, index: number, count: (what: string) => void): Promise<void> {
  const random = createRandom(SEED + index * 7919);
  const name = random.pick(attackNames);
  const bytes = attacks[name](random);
  const stays = random.below(200) === 0;
  const leaving = stays ? 'stays' : random.pick(leavings);
  const pieces = 1 + random.below(random.pick([1, 1, 4, 30]));
  count(name);
  count(leaving);
  return new Promise((resolve) => {
    // Many source addresses, because one has only 28,000 ports, which rest for a minute after use.
    const localAddress = `127.0.${1 + (index % 4)}.${1 + ((index >> 2) % 8)}`;
    const socket = connect({ host: '127.0.0.1', port, localAddress, allowHalfOpen: stays });
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    // One that stays does not close after the server's half close either, until the server must have cut it.
    socket.on('end', () => {
      if (stays) setTimeout(() => socket.destroy(), SESSION_TIMEOUT_MS);
    });
    socket.on('data', () => {
      if (random.below(3) === 0)
        socket.write(random.pick(['200 result=0\n', '200 result=-1\nHANGUP\n', 'HANG', '510 x\n']));
    });
    const leave = (): void => {
      if (leaving === 'end') socket.end();
      else if (leaving === 'reset') socket.resetAndDestroy();
      else if (leaving === 'destroy') socket.destroy();
    };
    let sent = 0;
    const send = (): void => {
      if (socket.destroyed) return;
      if (sent === pieces) {
        // A moment later, because a reset that overtakes the server's accept would attack nothing.
        setTimeout(leave, random.below(8));
        return;
      }
      const from = Math.floor((bytes.length * sent) / pieces);
      sent += 1;
      socket.write(bytes.subarray(from, Math.floor((bytes.length * sent) / pieces)), () => {
        if (stays) setTimeout(send, random.below(20));
        else setImmediate(send);
      });
    };
    socket.on('connect', () => {
      socket.setNoDelay(true);
      send();
    });
  });
}

test('broken clients crash nothing, leave nothing behind, and disturb no good call', { timeout: 240_000 }, async () => {
  const counts: Record<string, number> = {};
  const count = (what: string): void => {
    counts[what] = (counts[what] ?? 0) + 1;
  };
  let answers = 0;
  let outcomes = 0;
  const server = await createAgiServer({
    listen: { host: '127.0.0.1', port: 0 },
    allowFrom: ['127.0.0.0/8'],
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    log: { debug: () => {}, warn: () => {}, error: () => {} },
    handle: async ({ request }) => {
      const first = request.args[0] ?? '';
      // Slow enough for some callers to be gone before their answer.
      if (first.length % 2 === 0) await sleep(3);
      if (first === 'fail') throw new Error('asked to fail');
      answers += 1;
      return {
        variables: [
          ['TOLLGATE_VERDICT', 'allow'],
          ['TOLLGATE_REASON', first],
        ],
        onDelivered: () => {
          outcomes += 1;
        },
      };
    },
  });
  if (!('port' in server.address)) throw new Error('no port');
  const { port } = server.address;
  const address = server.address;

  let attacking = true;
  let goodServed = 0;
  const wrong: string[] = [];
  const goodClient = async (client: number): Promise<void> => {
    for (let call = 0; attacking; call += 1) {
      const id = `good-${client}-${call}`;
      const fails = call % 50 === 49;
      const answer = await askAsAsterisk(address, requestEnvironment('check', [fails ? 'fail' : id]));
      const expected = fails ? '' : `EXEC MSet "TOLLGATE_VERDICT=allow,TOLLGATE_REASON=${id}"\n`;
      if (answer !== expected && wrong.length < 10) wrong.push(`${id}: ${JSON.stringify(answer)}`);
      if (!fails) goodServed += 1;
      await sleep(3);
    }
  };

  const run = async (from: number, to: number): Promise<void> => {
    let next = from;
    const worker = async (): Promise<void> => {
      while (next < to) {
        const index = next;
        next += 1;
        await attack(port, index, count);
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
  };
  const heapAtRest = async (): Promise<number> => {
    await vi.waitFor(() => expect(server.connections()).toBeLessThanOrEqual(2), { timeout: 5000 });
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };

  const startedAt = performance.now();
  const good = [goodClient(0), goodClient(1)];
  await run(0, WARM_UP);
  const heapBefore = await heapAtRest();
  await run(WARM_UP, WARM_UP + Math.ceil(SESSIONS * 1.1));
  const heapAfter = await heapAtRest();
  attacking = false;
  await Promise.all(good);
  await vi.waitFor(() => expect(server.connections()).toBe(0), { timeout: 5000 });
  const seconds = (performance.now() - startedAt) / 1000;
  const { accepted, refused, ended } = server.counters();
  await server.close();

  const counted = Object.keys(attacks).reduce((sum, name) => sum + (counts[name] ?? 0), 0);
  const growth = heapAfter - heapBefore;
  console.log(
    `agi fuzz: seed ${SEED}, ${counted} broken and ${goodServed} good sessions in ${seconds.toFixed(1)} s, ` +
      `heap ${growth < 0 ? '' : '+'}${(growth / 1024).toFixed(0)} KiB`,
    { attacks: counts, accepted, refused, ended },
  );
  expect(wrong, `seed ${SEED}`).toEqual([]);
  expect(goodServed).toBeGreaterThan(100);
  expect(refused).toMatchObject({ notAllowed: 0, tooMany: 0 });
  // Some are gone again before a busy machine takes them in.
  expect(accepted - goodServed - ended.handlerFailed, 'broken sessions that reached the server').toBeGreaterThan(
    SESSIONS * 0.8,
  );
  expect(Object.values(ended).reduce((sum, ends) => sum + ends)).toBe(accepted);
  expect(ended.served).toBeGreaterThanOrEqual(goodServed);
  expect(ended.cutOff).toBe(0);
  expect(outcomes, 'every answer heard of its delivery exactly once').toBe(answers);
  expect(growth).toBeLessThan(HEAP_GROWTH_BYTES);
});
