import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  definitions,
  elementOf,
  elementsCommand,
  elementText,
  networkText,
  setName,
  setOfName,
  shapeOf,
  timeText,
} from '../../../../src/bans/firewall/nft-ruleset.ts';
import { protection, wantedFirewall } from '../../../support/firewall.ts';

const rulesOf = (wanted: Parameters<typeof wantedFirewall>[0] = {}, sets: Parameters<typeof shapeOf>[1] = []): string =>
  definitions(shapeOf(wantedFirewall(wanted), sets));

describe('elements', () => {
  test.each([
    ['203.0.113.9', 'banned4_32', '203.0.113.9'],
    ['203.0.113.0/24', 'banned4_24', '203.0.113.0'],
    ['0.0.0.0/0', 'banned4_0', '0.0.0.0'],
    ['2001:DB8::7', 'banned6_128', '2001:db8::7'],
    ['2001:db8::/64', 'banned6_64', '2001:db8::'],
    ['::ffff:203.0.113.9', 'banned4_32', '203.0.113.9'],
  ])('%s is an element of %s', (text, set, key) => {
    const element = elementOf(text);
    expect(element && { set: setName({ kind: 'banned', ...element }), key: element.key }).toEqual({ set, key });
  });

  test.each([
    'localhost',
    'example.com',
    '',
    '10.0.0.1 }',
    '10.0.0.1\nflush ruleset',
    '010.0.0.1',
    '127.1',
    '10.0.0.1/24',
    '203.0.113.5-203.0.113.20',
    'fe80::1%eth0/64',
    '$x',
    '@set',
  ])('%j is none, so it never gets to nft', (text) => {
    expect(elementOf(text)).toBe(undefined);
  });

  test('no text at all makes an element that is anything but hexadecimal digits, dots and colons', () => {
    const text = fc.oneof(
      fc.string(),
      fc.tuple(fc.ipV4(), fc.string({ maxLength: 4 })).map((parts) => parts.join('')),
      fc.tuple(fc.ipV6(), fc.string({ maxLength: 4 })).map((parts) => parts.join('')),
    );
    fc.assert(fc.property(text, (each) => /^[0-9a-f.:]+$/.test(elementOf(each)?.key ?? '0')));
  });

  test('an element reads back as the network that it was made of', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const element = elementOf(text);
        return (
          element !== undefined && networkText(elementOf(networkText(element)) ?? element) === networkText(element)
        );
      }),
    );
  });

  test('a set is known by its name, and other names are not ours', () => {
    expect(setOfName('allowed6_48')).toEqual({ kind: 'allowed', family: 6, prefix: 48 });
    expect(['blocked4', 'packets6', 'banned5_1', 'banned4_', 'mine4_32'].map(setOfName)).toEqual(
      Array(5).fill(undefined),
    );
  });

  test('times are written in units that nft takes, to the millisecond', () => {
    expect([1, 999, 1000, 61_000, 86_400_000, 90_061_001, 3650 * 86_400_000, 0.4, -5].map(timeText)).toEqual([
      '1ms',
      '999ms',
      '1s',
      '61s',
      '1d',
      '1d3661s1ms',
      '3650d',
      '1ms',
      '1ms',
    ]);
  });

  test('what an element has counted stands before its time', () => {
    expect(elementText('10.0.0.1', { timeoutMs: 5000, traffic: { packets: 3, bytes: 99 } })).toBe(
      '10.0.0.1 counter packets 3 bytes 99 timeout 5s',
    );
    expect(elementsCommand('add', 'banned4_32', ['10.0.0.1', '10.0.0.2'])).toBe(
      'add element inet tollgate banned4_32 { 10.0.0.1, 10.0.0.2 }\n',
    );
  });
});

describe('rules', () => {
  test('nothing but our own table is named', () => {
    const all = rulesOf({ portal: { ports: [{ protocol: 'tcp', from: 1, to: 2 }] }, packetProtection: protection }, [
      { kind: 'allowed', family: 4, prefix: 24 },
    ]);
    for (const line of all.trim().split('\n')) expect(line).toMatch(/^(add|flush) \w+ inet tollgate\b/);
  });

  test('loopback, neighbours, the allowlist, blocks and bans are asked in this order', () => {
    const rules = rulesOf({}, [
      { kind: 'allowed', family: 4, prefix: 24 },
      { kind: 'banned', family: 4, prefix: 16 },
    ])
      .split('\n')
      .filter((line) => line.startsWith('add rule inet tollgate arriving'));
    expect(rules.map((rule) => /iif lo|nd-neighbor|@\w+/.exec(rule)?.[0])).toEqual([
      'iif lo',
      'nd-neighbor',
      '@allowed4_24',
      '@blocked4',
      '@blocked6',
      '@banned4_32',
      '@banned4_16',
      '@banned6_128',
    ]);
    expect(rules).toContain(
      'add rule inet tollgate arriving ip saddr & 255.255.0.0 @banned4_16 counter name dropped_banned drop',
    );
  });

  test('connections are tracked only where portal or limits need that', () => {
    expect(rulesOf()).not.toMatch(/ ct /);
    expect(rulesOf({ packetProtection: { ...protection, enabled: false } })).not.toMatch(/ ct /);
    expect(rulesOf({ portal: { ports: [] } })).not.toMatch(/ ct /);
    expect(rulesOf({ packetProtection: protection })).toContain('ct count over 200');
    expect(rulesOf({ isolation: { reachable: [] }, packetProtection: protection })).not.toMatch(/ ct /);
  });

  test('every limit stands in the rules as it was set', () => {
    const rules = rulesOf({
      packetProtection: {
        ...protection,
        connectionsPerAddress: 77,
        newConnectionsPerSecond: 33,
        packetsPerSecond: 4444,
        block: '5h',
      },
    });
    for (const text of [
      'ct count over 77 ',
      'over 33/second burst 33 ',
      'over 4444/second burst 4444 ',
      'over 660/second',
      'timeout 18000s',
    ]) {
      expect(rules).toContain(text);
    }
    expect(rulesOf({ packetProtection: { ...protection, synFlood: false, udpFlood: false } })).not.toContain(
      'counter name dropped_flood',
    );
  });

  test('ports that overlap or touch become one range, as nft would refuse them', () => {
    const ports = [
      { protocol: 'udp', from: 5061, to: 5070 },
      { protocol: 'udp', from: 5060, to: 5060 },
      { protocol: 'udp', from: 10_000, to: 20_000 },
      { protocol: 'udp', from: 12_000, to: 12_001 },
      { protocol: 'tcp', from: 443, to: 443 },
    ] as const;
    const rules = rulesOf({ portal: { ports } });
    expect(rules).toContain('udp dport { 5060-5070, 10000-20000 } counter');
    expect(rules).toContain('tcp dport { 443 } counter');
  });

  test('the order in which sets become known does not change the text', () => {
    const sets = [
      { kind: 'banned', family: 4, prefix: 24 },
      { kind: 'banned', family: 6, prefix: 64 },
      { kind: 'allowed', family: 4, prefix: 8 },
    ] as const;
    expect(rulesOf({}, [...sets].reverse())).toBe(rulesOf({}, [...sets, ...sets]));
  });
});
