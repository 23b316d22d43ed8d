import { expect, test } from 'vitest';
import {
  channelValue,
  encodeSetVariables,
  MAX_COMMAND_BYTES,
  MAX_VALUE_LENGTH,
  MAX_VARIABLES,
} from '../../../src/asterisk/agi-command.ts';

test('all variables of an answer are one command on one line', () => {
  expect(
    encodeSetVariables([
      ['TOLLGATE_VERDICT', 'block'],
      ['TOLLGATE_REASON', 'limit 5/1s of extension 1001 is used up'],
      ['__TOLLGATE_CALL', ''],
    ]),
  ).toBe(
    'EXEC MSet "TOLLGATE_VERDICT=block,TOLLGATE_REASON=limit 5/1s of extension 1001 is used up,__TOLLGATE_CALL="\n',
  );
});

const values: ReadonlyArray<readonly [why: string, value: string, onTheChannel: string]> = [
  ['an identifier stays as it is', 'd-01JXYZ.42:a/b_c#1*~', 'd-01JXYZ.42:a/b_c#1*~'],
  ['a number with a plus stays as it is', '+15551234', '+15551234'],
  ['blanks at both ends go', '  a b ', 'a b'],
  ['several blanks become one', 'a   b', 'a b'],
  ['a quote cannot close the string', 'a"b', 'a b'],
  ['a backslash cannot escape', 'a\\b', 'a_b'],
  ['a backslash at the end cannot escape the quote', 'a\\', 'a_'],
  ['a line end cannot begin a second command', 'a\r\nEXEC System x', 'a EXEC System x'],
  ['a NUL cannot end the command', 'a\0b', 'a b'],
  ['a comma cannot begin a second variable', 'a,TOLLGATE_VERDICT=allow', 'a TOLLGATE_VERDICT=allow'],
  ['a variable cannot be read', '${SECRET}', '_ SECRET'],
  ['an expression cannot be computed', '$[1+1]', '_ 1+1'],
  ['a function cannot be called', 'SHELL(id)', 'SHELL id'],
  ['operators of an expression lose their meaning', 'a|b&c!d^e<f>g?h', 'a b_c_d_e f g_h'],
  ['a semicolon cannot begin a comment', 'a;b', 'a b'],
  ['accents are dropped', 'Zürich', 'Zurich'],
  ['letters outside ASCII become underscores', 'Жя', '__'],
  ['full-width punctuation is punctuation', 'a，b＂c', 'a b c'],
  ['half a surrogate pair is nothing', 'a\ud800b', 'a b'],
  ['separators of lines beyond ASCII are blanks', 'a\u2028b\u0085c', 'a b c'],
];

test.each(values)('%s', (_why, value, onTheChannel) => {
  expect(channelValue(value)).toBe(onTheChannel);
});

test('a value is cut at its limit, and not so that it ends in a blank', () => {
  expect(channelValue('x'.repeat(1000))).toHaveLength(MAX_VALUE_LENGTH);
  expect(channelValue(`${'x'.repeat(MAX_VALUE_LENGTH - 1)} yyy`)).toBe('x'.repeat(MAX_VALUE_LENGTH - 1));
});

test('a command that would not fit loses text from its longest values and keeps the short ones whole', () => {
  const reason = 'long '.repeat(60);
  const variables = [
    ['TOLLGATE_VERDICT', 'block'] as const,
    ...Array.from({ length: 12 }, (_, index) => [`TOLLGATE_REASON_${index}`, reason] as const),
    ['TOLLGATE_DECISION', '0192f0c1-6a7e-7b1e-9f0a-1c2d3e4f5a6b'] as const,
  ];
  const command = encodeSetVariables(variables);
  expect(Buffer.byteLength(command), 'what Asterisk reads as one command').toBeLessThan(2048);
  expect(command).toContain('TOLLGATE_VERDICT=block,');
  expect(command).toContain('TOLLGATE_DECISION=0192f0c1-6a7e-7b1e-9f0a-1c2d3e4f5a6b"');
});

test('the most and longest names there may be still fit', () => {
  const variables = Array.from(
    { length: MAX_VARIABLES },
    (_, index) => [`${'N'.repeat(62)}${10 + index}`, 'v'] as const,
  );
  const command = encodeSetVariables(variables);
  expect(command.length).toBeLessThanOrEqual(MAX_COMMAND_BYTES);
  expect(command.match(/=v/g)).toHaveLength(MAX_VARIABLES);
});

test.each(['', 'a', '1A', '___A', 'A B', 'A=B', 'A,B', 'A\n', 'CHANNEL(x)', 'É', 'A'.repeat(65)])(
  'the variable name %j is an error of the program',
  (name) => {
    expect(() => encodeSetVariables([[name, 'x']])).toThrow('variable name');
  },
);

test('no variables, or more than MSet takes, is an error of the program', () => {
  expect(() => encodeSetVariables([])).toThrow('1 to 24');
  expect(() => encodeSetVariables(Array.from({ length: 25 }, () => ['A', 'x'] as const))).toThrow('1 to 24');
});
