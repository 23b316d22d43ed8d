import { expect, test } from 'vitest';
import { createAttempts } from '../../../src/api/attempts.ts';

const limited = (most = 3): { note: (address: string) => string; at: { ms: number } } => {
  const at = { ms: 0 };
  return { at, ...createAttempts({ most, withinMs: 1000, clock: { monotonicMs: () => at.ms } }) };
};

test('an address may fail so often within a while, and again after it', () => {
  const { note, at } = limited();
  expect([1, 2, 3, 4].map(() => note('203.0.113.9'))).toEqual(['fine', 'fine', 'fine', 'too many']);
  expect(note('203.0.113.10')).toBe('fine');
  at.ms = 1000;
  expect(note('203.0.113.9')).toBe('fine');
});

test('IPv6 counts by the network that one machine has to itself', () => {
  const { note } = limited(1);
  expect(['2001:db8::1', '2001:db8::ffff:1', '2001:db8:0:1::1'].map(note)).toEqual(['fine', 'too many', 'fine']);
});

test('a thousand addresses are remembered, and the oldest is forgotten first', () => {
  const { note } = limited(1);
  note('first');
  for (let n = 0; n < 999; n++) note(`other ${n}`);
  expect(note('first')).toBe('too many');
  note('one more');
  expect(note('first')).toBe('fine');
  expect(note('other 998')).toBe('too many');
});
