import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createClientAddress } from '../../../src/api/client-address.ts';

const clientOf = createClientAddress(['10.0.0.0/8', '192.0.2.7', '2001:db8:1::/48']);

describe('the address of a client', () => {
  test.each<[string | undefined, string | undefined, string, string]>([
    ['203.0.113.9', '198.51.100.1', '203.0.113.9', 'a peer that is no proxy is the client, whatever it claims'],
    ['10.1.2.3', undefined, '10.1.2.3', 'a proxy that forwards for nobody is the client itself'],
    ['10.1.2.3', '198.51.100.1', '198.51.100.1', 'a proxy is believed'],
    ['10.1.2.3', '1.2.3.4, 198.51.100.1', '198.51.100.1', 'what the client wrote before is not'],
    ['10.1.2.3', '198.51.100.1, 192.0.2.7, 10.9.9.9', '198.51.100.1', 'through several proxies'],
    ['10.1.2.3', '192.0.2.7, 198.51.100.1', '198.51.100.1', 'a client cannot pose as a proxy'],
    ['::ffff:10.1.2.3', '198.51.100.1', '198.51.100.1', 'an IPv4 proxy on a socket of both families'],
    ['2001:db8:1::5', '2001:DB8:0:0::9', '2001:db8::9', 'IPv6, in one writing'],
    ['10.1.2.3', '198.51.100.1:4711', '198.51.100.1', 'with a port'],
    ['10.1.2.3', '[2001:db8::9]:4711', '2001:db8::9', 'with a port, IPv6'],
    ['10.1.2.3', '198.51.100.1, unknown', '10.1.2.3', 'what cannot be read ends the chain'],
    ['10.1.2.3', '198.51.100.1, ', '10.1.2.3', 'and so does nothing'],
    ['10.1.2.3', '<script>', '10.1.2.3', 'nothing but an address ever comes out'],
    [undefined, '198.51.100.1', 'unknown', 'a peer that has gone has none'],
  ])('%s saying %s is %s: %s', (peer, header, client) => {
    expect(clientOf(peer, header)).toBe(client);
  });

  test('depends on nothing that a stranger says', () => {
    fc.assert(
      fc.property(fc.string(), (header) => {
        expect(clientOf('203.0.113.9', header)).toBe('203.0.113.9');
        expect(clientOf('10.1.2.3', `${header}, 198.51.100.1`)).toBe('198.51.100.1');
        expect(createClientAddress([])('10.1.2.3', header)).toBe('10.1.2.3');
      }),
    );
  });
});
