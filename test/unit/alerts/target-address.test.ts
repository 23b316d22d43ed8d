/** Where a webhook may lead. */
import { describe, expect, it } from 'vitest';
import { mayConnectTo } from '../../../src/alerts/target-address.ts';

describe('a webhook', () => {
  it.each(['8.8.8.8', '93.184.216.34', '2606:2800:220:1::1', '::ffff:8.8.8.8'])('may lead to %s', (address) => {
    expect(mayConnectTo(address, [])).toBe(true);
  });

  it.each([
    ['this host', '127.0.0.1'],
    ['this host', '127.8.9.10'],
    ['this host', '0.0.0.0'],
    ['this host', '::1'],
    ['this host', '::'],
    ['this host in the clothes of IPv6', '::ffff:127.0.0.1'],
    ['a private network', '10.1.2.3'],
    ['a private network', '172.31.0.1'],
    ['a private network', '192.168.1.1'],
    ['a private network in the clothes of IPv6', '::ffff:10.0.0.1'],
    ['a private network', 'fd00::1'],
    ['where clouds keep passwords', '169.254.169.254'],
    ['where clouds keep passwords', 'fd00:ec2::254'],
    ['where clouds keep passwords', '100.100.100.200'],
    ['where clouds keep passwords', '168.63.129.16'],
    ['the same link', 'fe80::1'],
    ['a group', '224.0.0.1'],
    ['everybody', '255.255.255.255'],
    ['a translator to IPv4', '64:ff9b::7f00:1'],
    ['a tunnel to IPv4', '2002:7f00:1::'],
    ['nothing', 'localhost'],
  ])('may not lead to %s: %s', (_what, address) => {
    expect(mayConnectTo(address, [])).toBe(false);
  });

  it('may lead to a network that is named, and to nothing beside it', () => {
    expect(mayConnectTo('10.0.0.7', ['10.0.0.0/24'])).toBe(true);
    expect(mayConnectTo('::ffff:10.0.0.7', ['10.0.0.0/24'])).toBe(true);
    expect(mayConnectTo('10.0.1.7', ['10.0.0.0/24'])).toBe(false);
  });
});
