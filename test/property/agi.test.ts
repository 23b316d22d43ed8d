import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  channelValue,
  encodeSetVariables,
  MAX_COMMAND_BYTES,
  MAX_VALUE_LENGTH,
  MAX_VARIABLES,
} from '../../src/asterisk/agi-command.ts';
import {
  createEnvironmentReader,
  type EnvironmentLimits,
  type EnvironmentProgress,
  parseAgiLine,
  parseRequest,
} from '../../src/asterisk/agi-protocol.ts';
import { endpointOfChannel } from '../../src/asterisk/channel-name.ts';
import { LOCAL_CHANNEL_WITH_ARGUMENTS, PJSIP_CALL, writeEnvironment } from '../support/agi-environment.ts';
import { agiWords, commandsInStream, mSetPairs } from '../support/asterisk-arguments.ts';

const runs = { numRuns: 3000 };

/** Text with a taste for what is special to Asterisk, to C strings and to Unicode. */
const special = fc.constantFrom(
  ...[
    '"',
    '\\',
    '\n',
    '\r',
    '\0',
    '${',
    '$[',
    '}',
    ']',
    '|',
    ',',
    ';',
    '(',
    ')',
    ' ',
    '\t',
    '=',
    '!',
    '&',
    '^',
    '`',
    "'",
  ],
  ...['\u2028', '\u0085', '\u00a0', '\u200b', '\ud800', '\udc00', '＂', '，', '＼', '＄', '﹩', 'é', 'ﬃ', '½'],
  ...['\nEXEC System "id"\n', ',TOLLGATE_VERDICT=allow', '"\nHANGUP\n', '\\"', '$' + '{SHELL(id)}'],
);
const nastyText = fc
  .array(fc.oneof(special, fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' })), { maxLength: 12 })
  .map((parts) => parts.join(''));

const variableName = fc
  .tuple(fc.constantFrom('', '_', '__'), fc.stringMatching(/^[A-Z][A-Z0-9_]{0,30}$/))
  .map(([underscores, name]) => underscores + name);

const variables = fc.array(
  fc.tuple(variableName, fc.oneof(nastyText, fc.string({ minLength: 100, maxLength: 400, size: 'max' }))),
  {
    minLength: 1,
    maxLength: MAX_VARIABLES,
    size: 'max',
  },
);

/** Half surrogates have no bytes of their own: they travel as U+FFFD. */
const wellFormed = (text: string): string => Buffer.from(text, 'utf8').toString('utf8');

/** Streams near the real thing: recorded environments cut, mutated and spliced, and plain bytes. */
const stream = fc
  .tuple(
    fc.constantFrom(PJSIP_CALL, LOCAL_CHANNEL_WITH_ARGUMENTS, Buffer.from('agi_request: x\r\nagi_arg_1: y\r\n\r\n')),
    fc.array(
      fc.record({
        at: fc.nat(700),
        cut: fc.nat(20),
        insert: fc.oneof(
          fc.uint8Array({ maxLength: 30 }),
          fc
            .constantFrom('\n', '\r\n', '\n\n', '\r', '\0', ':', 'agi_arg_1: z\n', 'ü')
            .map((text) => Buffer.from(text)),
        ),
      }),
      { maxLength: 4 },
    ),
  )
  .map(([base, edits]) =>
    edits.reduce(
      (bytes, edit) => Buffer.concat([bytes.subarray(0, edit.at), edit.insert, bytes.subarray(edit.at + edit.cut)]),
      base,
    ),
  );

const limits: fc.Arbitrary<EnvironmentLimits> = fc.record({
  maxLineBytes: fc.oneof(fc.constant(4096), fc.integer({ min: 1, max: 60 })),
  maxLines: fc.oneof(fc.constant(100), fc.integer({ min: 0, max: 30 })),
  maxTotalBytes: fc.oneof(fc.constant(65_536), fc.integer({ min: 1, max: 700 })),
});

/** Reads `bytes` in the given pieces; what was not consumed is put together as one rest. */
function read(bytes: Buffer, cuts: readonly number[], limits: EnvironmentLimits): unknown {
  const reader = createEnvironmentReader(limits);
  const edges = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  let progress: EnvironmentProgress = { kind: 'more' };
  let start = 0;
  for (const edge of [...edges, bytes.length]) {
    progress = reader.push(bytes.subarray(start, edge));
    start = edge;
    if (progress.kind === 'complete') {
      const rest = Buffer.concat([progress.rest, bytes.subarray(start)]);
      return { environment: [...progress.environment], rest: rest.toString('hex') };
    }
    if (progress.kind === 'malformed') return progress;
  }
  return progress;
}

test('any split of the same bytes gives the same result, whatever the bytes and the limits', () => {
  fc.assert(
    fc.property(stream, limits, fc.array(fc.nat(1000), { maxLength: 40 }), (bytes, limits, cuts) => {
      expect(read(bytes, cuts, limits)).toEqual(read(bytes, [], limits));
    }),
    runs,
  );
});

test('a recorded environment read byte by byte gives the recorded request', () => {
  const everyByte = Array.from({ length: 1000 }, (_, index) => index);
  const wide = { maxLineBytes: 4096, maxLines: 100, maxTotalBytes: 65_536 };
  for (const bytes of [PJSIP_CALL, LOCAL_CHANNEL_WITH_ARGUMENTS]) {
    expect(read(bytes, everyByte, wide)).toEqual(read(bytes, [], wide));
  }
});

test('what is written as an environment is read back, with either line end', () => {
  // A line end cannot be inside a value, a NUL never comes, and a half surrogate has no bytes of its own.
  const value = fc.string({ unit: 'binary' }).map((text) => wellFormed(text).replace(/[\r\n\0]/g, ' '));
  const name = fc.stringMatching(/^agi_[a-z0-9_]{1,20}$/);
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(name, value), { selector: ([name]) => name, maxLength: 60 }),
      fc.constantFrom<'\n' | '\r\n'>('\n', '\r\n'),
      (lines, lineEnd) => {
        const all = [['agi_request', 'agi://h/x'] as const, ...lines.filter(([name]) => name !== 'agi_request')];
        const progress = createEnvironmentReader().push(writeEnvironment(all, lineEnd));
        expect(progress.kind === 'complete' && [...progress.environment]).toEqual(all.map((line) => [...line]));
      },
    ),
    runs,
  );
});

test('no environment and no reply makes a function of the protocol throw', () => {
  fc.assert(
    fc.property(stream, nastyText, (bytes, text) => {
      const progress = createEnvironmentReader().push(bytes);
      if (progress.kind === 'complete') expect(parseRequest(progress.environment).path).toMatch(/^\//);
      const script = parseRequest(new Map([['agi_network_script', text]]));
      expect(script.path.startsWith('/')).toBe(true);
      parseAgiLine(text);
      endpointOfChannel(text);
    }),
    runs,
  );
});

test('a query written with escapes is read back', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(nastyText, nastyText), { selector: ([name]) => wellFormed(name) }), (pairs) => {
      const sent = pairs.map(([name, value]) => [wellFormed(name), wellFormed(value)] as const);
      const query = sent.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');
      // A pair without a name and a value is no pair, but "=" is one.
      expect([...parseRequest(new Map([['agi_network_script', `check?${query}`]])).query]).toEqual(
        sent.map((pair) => [...pair]),
      );
    }),
    runs,
  );
});

test('any values make exactly one command that sets exactly the given variables', () => {
  fc.assert(
    fc.property(variables, (variables) => {
      const stream = encodeSetVariables(variables);
      expect(Buffer.byteLength(stream)).toBeLessThanOrEqual(MAX_COMMAND_BYTES);
      const commands = commandsInStream(stream);
      expect(commands).toHaveLength(1);
      expect(stream.endsWith('\n')).toBe(true);
      const words = agiWords(commands[0] ?? '');
      expect(words.slice(0, 2)).toEqual(['EXEC', 'MSet']);
      expect(words).toHaveLength(3);
      const pairs = mSetPairs(words[2] ?? '');
      expect(pairs.map(([name]) => name)).toEqual(variables.map(([name]) => name));
      for (const [index, [, value]] of pairs.entries()) {
        const whole = channelValue(variables[index]?.[1] ?? '');
        expect(whole.startsWith(value), `${value} is ${whole}, cut or not`).toBe(true);
      }
    }),
    runs,
  );
});

test('a value on the channel has no character that means anything to a dialplan, and is the same when set again', () => {
  fc.assert(
    fc.property(nastyText, (value) => {
      const onTheChannel = channelValue(value);
      expect(onTheChannel).toMatch(/^[A-Za-z0-9.:_+\-/#*@=%~ ]*$/);
      expect(onTheChannel).toBe(onTheChannel.trim());
      expect(onTheChannel.length).toBeLessThanOrEqual(MAX_VALUE_LENGTH);
      expect(channelValue(onTheChannel)).toBe(onTheChannel);
    }),
    runs,
  );
});

test('a value of safe characters comes out as it went in', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[A-Za-z0-9.:_+\-/#*@=%~]{0,250}$/), (value) => {
      expect(channelValue(value)).toBe(value);
      const words = agiWords(encodeSetVariables([['A', value]]).trimEnd());
      expect(mSetPairs(words[2] ?? '')).toEqual([['A', value]]);
    }),
    runs,
  );
});
