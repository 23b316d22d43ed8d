import { expect, test } from 'vitest';
import { createAllowedPeers } from '../../../src/asterisk/allowed-peers.ts';

const rows: ReadonlyArray<readonly [string, readonly string[], string, boolean]> = [
  ['an address inside a network is allowed', ['127.0.0.0/8'], '127.9.9.9', true],
  ['an address outside is not', ['127.0.0.1/32'], '127.0.0.2', false],
  ['a single address may be written without a prefix', ['::1'], '::1', true],
  ['a single address allows no neighbour', ['::1'], '::2', false],
  ['an IPv4 client on a dual-stack socket is judged as IPv4', ['10.0.0.0/8'], '::ffff:10.1.2.3', true],
  ['an IPv4-mapped network is an IPv4 network', ['::ffff:10.0.0.0/104'], '10.1.2.3', true],
  ['an IPv6 zone is no part of the address', ['fe80::/10'], 'fe80::1%eth0', true],
  ['the whole of IPv6 holds no IPv4 address', ['::/0'], '10.0.0.1', false],
  ['an empty list allows nobody', [], '127.0.0.1', false],
  ['an empty address is refused', ['0.0.0.0/0', '::/0'], '', false],
  ['what is no address is refused', ['0.0.0.0/0'], 'localhost', false],
];

test.each(rows)('%s', (_guarantee, cidrs, address, allowed) => {
  const isAllowed = createAllowedPeers(cidrs);
  expect(isAllowed(address)).toBe(allowed);
  expect(isAllowed(address), 'the remembered answer is the same').toBe(allowed);
});

test.each(['', '10.0.0.0/33', 'localhost', '10.0.0.0/8/8', '::1/129'])(
  'the entry %j is an error that names it',
  (entry) => {
    expect(() => createAllowedPeers(['127.0.0.1', entry])).toThrow(JSON.stringify(entry));
  },
);

test('a scan of addresses does not change the answers', () => {
  const isAllowed = createAllowedPeers(['10.0.0.0/16']);
  for (let index = 0; index < 3000; index += 1) {
    const address = `10.${index % 2}.${index >> 8}.${index & 255}`;
    expect(isAllowed(address)).toBe(index % 2 === 0);
  }
});
