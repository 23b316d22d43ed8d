/**
 * A hundred thousand hostile streams against the reader of the manager interface. Repeat a run with AMI_FUZZ_SEED.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AmiMessage, createAmiReader, encodeAction } from '../../src/asterisk/ami-packet.ts';

const INPUTS = Number(process.env['AMI_FUZZ_INPUTS'] ?? 100_000);
const SEED = Number(process.env['AMI_FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const LIMITS = { maxLineBytes: 200, maxLines: 40, maxPacketBytes: 2_000 };

/** What is special to the protocol, to JavaScript and to Unicode. */
const pieces = [
  ...['\r', '\n', '\r\n', '\r\n\r\n', '\n\n', '\0', ':', ': ', ' ', '=', '\u2028', 'é', '電', '\ud800', '\xff'],
  ...['Event: ', 'Event:', 'Response: ', 'Response: Follows', 'ActionID: ', 'EventList: Complete', '--END COMMAND--'],
  ...['__proto__: ', 'constructor: ', 'toString: ', 'Close', 'Error', 'RawEvent', 'Variable: a=b', 'Output: '],
  ...['Asterisk Call Manager/11.0.0', 'x'.repeat(150), 'y'.repeat(400), 'K: v\r\n'.repeat(60), '%s%n', '${X}'],
];

/** mulberry32. */
function createRandom(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  };
}

function hostile(random: (bound: number) => number): Buffer {
  const parts = Array.from({ length: 1 + random(20) }, () =>
    random(8) === 0
      ? Buffer.from(Array.from({ length: random(60) }, () => random(256)))
      : Buffer.from(pieces[random(pieces.length)] ?? '', random(2) === 0 ? 'utf8' : 'latin1'),
  );
  return Buffer.concat(parts);
}

test('no input makes the reader throw or keep more than its limits, and the message after each is understood', () => {
  const random = createRandom(SEED);
  let last: AmiMessage | undefined;
  const newReader = () =>
    createAmiReader(
      {
        onGreeting: () => undefined,
        onPacket: ({ message, bytes }) => {
          last = message;
          if (bytes > LIMITS.maxPacketBytes) throw new Error(`a packet of ${bytes} bytes`);
          for (const [key, values] of message.fields) {
            const longest = values.reduce((most, value) => Math.max(most, value.length), key.length);
            if (values.length > LIMITS.maxLines || longest > LIMITS.maxLineBytes) throw new Error('beyond the limits');
          }
        },
      },
      LIMITS,
    );
  let reader = newReader();
  for (let number = 0; number < INPUTS; number += 1) {
    const bytes = hostile(random);
    for (let at = 0; at < bytes.length; ) {
      const step = 1 + random(bytes.length);
      reader.push(bytes.subarray(at, at + step));
      at += step;
    }
    // Ends whatever was begun, the greeting included.
    reader.push(Buffer.from(`\r\n\r\nEvent: Good\r\nNumber: ${number}\r\n\r\n`));
    if (last?.name !== 'Good' || last.get('Number') !== String(number)) {
      throw new Error(`input ${number} of seed ${SEED} spoiled the message after it: ${JSON.stringify(String(bytes))}`);
    }
    if (random(50) === 0) reader = newReader();
  }
});

test.each([
  ['a line', 'x'.repeat(1024 * 1024)],
  ['a packet', 'Key: value\r\n'.repeat(20_000)],
  ['empty lines', '\r\n'.repeat(50_000)],
])('%s without an end takes no more memory than its limit', (_, text) => {
  setFlagsFromString('--expose-gc');
  const collectGarbage: () => void = runInNewContext('gc');
  const reader = createAmiReader({ onGreeting: () => undefined, onPacket: () => undefined }, LIMITS);
  const chunk = Buffer.from(text);
  reader.push(Buffer.from('\r\nEvent: Endless\r\n'));
  reader.push(chunk);
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let count = 0; count < 100; count += 1) reader.push(chunk);
  collectGarbage();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(512 * 1024);
});

test('the same bytes give the same packets however they are split', () => {
  const stream = fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: 'binary' })), { maxLength: 30 });
  const read = (chunks: readonly Buffer[]): unknown => {
    const seen: unknown[] = [];
    const reader = createAmiReader(
      {
        onGreeting: (line) => seen.push(line),
        onPacket: ({ kind, message, isCut, bytes }) => seen.push([kind, [...message.fields], isCut, bytes]),
      },
      LIMITS,
    );
    for (const chunk of chunks) reader.push(chunk);
    return seen;
  };
  fc.assert(
    fc.property(stream, fc.array(fc.nat(300), { maxLength: 20 }), (parts, sizes) => {
      const bytes = Buffer.from(parts.join(''));
      const chunks: Buffer[] = [];
      let at = 0;
      for (const size of sizes) {
        chunks.push(bytes.subarray(at, at + size));
        at += size;
      }
      chunks.push(bytes.subarray(at));
      expect(read(chunks)).toEqual(read([bytes]));
    }),
    { numRuns: 3_000 },
  );
});

test('an action is refused, or arrives as exactly the keys and values that were given', () => {
  const special = fc.constantFrom('\r', '\n', '\r\n\r\n', '\0', ': ', '=', '"', 'é', '\u010a', '\u2028', '${X}');
  const text = fc
    .array(fc.oneof(special, fc.string(), fc.string({ unit: 'grapheme' })), { maxLength: 6 })
    .map((parts) => parts.join(''));
  const key = fc.oneof(fc.constantFrom('Channel', 'Variable', 'Action', 'ActionID', 'Cat-000000', '__proto__'), text);
  fc.assert(
    fc.property(fc.array(fc.tuple(key, text), { maxLength: 8 }), (pairs) => {
      const fields = Object.fromEntries(pairs);
      let encoded: string;
      try {
        encoded = encodeAction('Setvar', 'id', fields);
      } catch (error) {
        expect(error).toMatchObject({ code: 'INVALID_REQUEST' });
        return;
      }
      // As Asterisk does it: lines end at either character, and an empty one ends the action.
      const lines = Buffer.from(encoded, 'utf8')
        .toString('utf8')
        .split(/\r\n|\r|\n/);
      const expected = Object.entries(fields).map(([name, value]) => `${name}: ${Buffer.from(value).toString()}`);
      expect(lines).toEqual(['Action: Setvar', 'ActionID: id', ...expected, '', '']);
    }),
    { numRuns: 5_000 },
  );
});
