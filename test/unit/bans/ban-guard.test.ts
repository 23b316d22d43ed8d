import { describe, expect, test } from 'vitest';
import { banRanges } from '../../../src/bans/ban-guard.ts';

const nothingAllowed = { covering: () => undefined, overlapping: () => [] };

describe('what nobody means is refused unless it is forced', () => {
  test.each([
    ['loopback', { address: '127.0.0.0/8' }, 'own-address', 'of this host itself'],
    ['IPv6 loopback', { address: '::1' }, 'own-address', 'of this host itself'],
    ['everyone', { address: '0.0.0.0/0' }, 'own-address', 'of this host itself'],
    ['a very wide network', { address: '10.0.0.0/15' }, 'too-wide', '131,072 addresses'],
    ['the one who asks', { address: '203.0.113.0/24', caller: '203.0.113.9' }, 'own-address', 'you would be cut off'],
    [
      'the one who asks, as a socket says it',
      { address: '203.0.113.9', caller: '::ffff:203.0.113.9' },
      'own-address',
      'you would be cut off',
    ],
  ])('%s', (_what, wish, because, sentence) => {
    expect(banRanges(wish, nothingAllowed)).toEqual({ because, refused: expect.stringContaining(sentence) });
    expect(banRanges({ ...wish, force: true }, nothingAllowed)).toHaveProperty('ranges');
  });
});

test('what is no network is a mistake, forced or not', () => {
  for (const address of ['x', '203.0.113.9/24', '203.0.113.5-203.0.113.20', 'sip.carrier.example']) {
    expect(banRanges({ address, force: true }, nothingAllowed)).toMatchObject({ because: 'not-an-address' });
  }
});

test('a caller who is elsewhere, or whose address is not known, is in nobody’s way', () => {
  for (const caller of ['192.0.2.1', '2001:db8::1', '', undefined]) {
    expect(banRanges({ address: '203.0.113.0/24', caller }, nothingAllowed)).toHaveProperty('ranges');
  }
});
