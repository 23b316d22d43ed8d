import { describe, expect, it } from 'vitest';
import { peerAddress } from '../../../src/asterisk/peer-address.ts';

describe("a peer's address", () => {
  it.each([
    ['203.0.113.7:5060', '203.0.113.7'],
    ['203.0.113.7', '203.0.113.7'],
    ['[2001:db8::1]:5060', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['2001:db8::1', '2001:db8::1'],
    [' 203.0.113.7:5060 ', '203.0.113.7'],
  ])('of %s is read without port and brackets', (text, address) => {
    expect(peerAddress(text)).toBe(address);
  });

  it.each(['', 'phone.example', '999.1.1.1:5060', '[::1', ':5060', '203.0.113.7:sip'])(
    'is not made up from %j',
    (text) => {
      expect(peerAddress(text)).toBeUndefined();
    },
  );
});
