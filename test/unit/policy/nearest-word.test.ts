/** The word that was probably meant. */
import { describe, expect, test } from 'vitest';
import { nearestWord } from '../../../src/policy/nearest-word.ts';

const known = ['listen', 'allowFrom', 'deadlineMs', 'maxConnections', 'url', 'ami', 'ari'];

describe('nearestWord', () => {
  test.each([
    ['a dropped letter', 'listn', 'listen'],
    ['an added letter', 'listenn', 'listen'],
    ['neighbours swapped', 'lisetn', 'listen'],
    ['other case and separators', 'DEADLINE_MS', 'deadlineMs'],
    ['a hyphen', 'allow-from', 'allowFrom'],
    ['an abbreviation of a long word', 'maxConnection', 'maxConnections'],
    ['the first of two equally near', 'axi', 'ami'],
  ])('%s is recognised', (_, word, expected) => {
    expect(nearestWord(word, known)).toBe(expected);
  });

  test.each(['colour', 'x', '', 'li', 'listening-address'])('nothing is offered for "%s"', (word) => {
    expect(nearestWord(word, known)).toBeUndefined();
  });

  test('a word of any length is answered at once', () => {
    expect(nearestWord('l'.repeat(1_000_000), known)).toBeUndefined();
  });
});
