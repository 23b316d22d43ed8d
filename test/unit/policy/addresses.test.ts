import { describe, expect, test } from 'vitest';
import {
  type AddressRange,
  countOf,
  describeCount,
  formatAddress,
  formatNetwork,
  formatRange,
  networksOf,
  readAddress,
  readRange,
  subnetMask,
  without,
} from '../../../src/policy/addresses.ts';

const range = (text: string, mask?: string): AddressRange => {
  const read = readRange(text, mask);
  if ('problem' in read) throw new Error(read.problem);
  return read.range;
};

describe('one meaning has one text', () => {
  test.each([
    ['an address', '203.0.113.9', '203.0.113.9'],
    ['blanks around it', '  203.0.113.9 ', '203.0.113.9'],
    ['a network', '203.0.113.0/24', '203.0.113.0/24'],
    ['a network with a mask', '203.0.113.0/255.255.255.0', '203.0.113.0/24'],
    ['a network of one', '203.0.113.9/32', '203.0.113.9'],
    ['everyone', '0.0.0.0/0', '0.0.0.0/0'],
    ['a range', '203.0.113.5-203.0.113.20', '203.0.113.5-203.0.113.20'],
    ['a range with blanks', '203.0.113.5 - 203.0.113.20', '203.0.113.5-203.0.113.20'],
    ['a range that is a network', '203.0.113.0-203.0.113.255', '203.0.113.0/24'],
    ['a range of one', '203.0.113.9-203.0.113.9', '203.0.113.9'],
    ['IPv6 in capitals and zeros', '2001:0DB8:0:0::0001', '2001:db8::1'],
    ['an IPv6 network', '2001:db8::/32', '2001:db8::/32'],
    ['IPv4 inside IPv6', '::ffff:203.0.113.9', '203.0.113.9'],
    ['IPv4 inside IPv6, in hex', '::ffff:cb00:7109', '203.0.113.9'],
    ['a network of IPv4 inside IPv6', '::ffff:203.0.113.0/120', '203.0.113.0/24'],
    ['a range across both spellings', '::ffff:203.0.113.5-203.0.113.7', '203.0.113.5-203.0.113.7'],
  ])('%s: %s is %s', (_what, text, canonical) => {
    expect(formatRange(range(text))).toBe(canonical);
  });

  test('a mask of its own column means the same as one behind a slash, and may repeat it', () => {
    for (const [text, mask] of [
      ['203.0.113.0', '255.255.255.0'],
      ['203.0.113.0', '/24'],
      ['203.0.113.0', '24'],
      ['203.0.113.0/24', '255.255.255.0'],
      ['203.0.113.0/24', ''],
    ] as const) {
      expect(formatRange(range(text, mask))).toBe('203.0.113.0/24');
    }
  });
});

describe('what is no address is refused with a sentence that says what to write', () => {
  test.each([
    ['', 'is empty'],
    ['300.1.1.1', 'is not an address; write 203.0.113.9'],
    ['010.0.0.1', 'is not an address'],
    ['127.1', 'is not an address'],
    ['0x7f.0.0.1', 'is not an address'],
    ['2130706433', 'is not an address'],
    ['203.0.113.9/33', 'has the subnet mask 33, which is none'],
    ['203.0.113.0/255.0.255.0', 'has the subnet mask 255.0.255.0, which is none'],
    ['203.0.113.9/24', 'did you mean 203.0.113.0/24, or 203.0.113.9 alone?'],
    ['2001:db8::1/64', 'did you mean 2001:db8::/64'],
    ['2001:db8::/129', 'has the subnet mask 129'],
    ['203.0.113.20-203.0.113.5', 'runs backwards; write 203.0.113.5-203.0.113.20'],
    ['203.0.113.5-2001:db8::1', 'begins with one kind of address'],
    ['203.0.113.5-', 'is not a range'],
    ['1.2.3.4-1.2.3.5-1.2.3.6', 'is not a range'],
    ['1.2.3.4/24/24', 'more than one /'],
    ['fe80::1%eth0', 'names an interface'],
    ['x'.repeat(200), 'is longer than 100 characters'],
  ])('%s', (text, sentence) => {
    expect(readRange(text)).toEqual({ problem: expect.stringContaining(sentence) });
  });

  test('a mask that contradicts the address, or stands beside a range', () => {
    expect(readRange('203.0.113.0/24', '255.255.0.0')).toHaveProperty('problem');
    expect(readRange('203.0.113.5-203.0.113.20', '24')).toHaveProperty('problem');
  });
});

test('a range is split into the fewest networks that hold exactly it', () => {
  expect(networksOf(range('203.0.113.5-203.0.113.20')).map(formatNetwork)).toEqual([
    '203.0.113.5',
    '203.0.113.6/31',
    '203.0.113.8/29',
    '203.0.113.16/30',
    '203.0.113.20',
  ]);
  expect(networksOf(range('0.0.0.0-255.255.255.255')).map(formatNetwork)).toEqual(['0.0.0.0/0']);
  expect(networksOf(range('0.0.0.1-255.255.255.254'))).toHaveLength(62);
  expect(networksOf(range('::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe'))).toHaveLength(254);
});

test('how many addresses a range holds is said in numbers that a person can take in', () => {
  const said = (text: string): string => describeCount(countOf(range(text)));
  expect(said('203.0.113.9')).toBe('1');
  expect(said('203.0.113.0/24')).toBe('256');
  expect(said('10.0.0.0/8')).toBe('16,777,216');
  expect(said('2001:db8::/64')).toBe('2^64');
  expect(said('2001:db8::-2001:db8::2:0:0:5')).toMatch(/^about 2\^49$/);
});

test('a network has a subnet mask, and a range has none', () => {
  expect(subnetMask(range('203.0.113.0/24'))).toBe('255.255.255.0');
  expect(subnetMask(range('2001:db8::/64'))).toBe('/64');
  expect(subnetMask(range('203.0.113.5-203.0.113.20'))).toBe('');
});

test('what is left of a range without others is all of it but them', () => {
  const left = without(range('203.0.113.0/24'), [
    range('203.0.113.0/28'),
    range('203.0.113.9'),
    range('203.0.113.255'),
  ]);
  expect(left.map(formatRange)).toEqual(['203.0.113.16-203.0.113.254']);
  expect(without(range('203.0.113.9'), [range('203.0.113.0/24')])).toEqual([]);
  expect(without(range('203.0.113.9'), [range('2001:db8::/32')])).toHaveLength(1);
});

test('an address of a socket is read with its interface left out', () => {
  const read = readAddress('fe80::1%eth0');
  expect(read === undefined ? undefined : formatAddress(read)).toBe('fe80::1');
  expect(readAddress('203.0.113.0/24')).toBeUndefined();
});
