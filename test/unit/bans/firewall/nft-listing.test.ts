import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  countersOf,
  createElementReader,
  type ListedElement,
  ownTable,
  readTime,
  setsOf,
} from '../../../../src/bans/firewall/nft-listing.ts';

/** As nft 1.0.6 prints it. */
const LISTING = `table inet tollgate {
	counter dropped_banned {
		packets 12 bytes 345
	}

	set banned4_32 {
		type ipv4_addr
		flags timeout
		counter
		elements = { 10.0.0.1 counter packets 3 bytes 84 timeout 3h expires 2h59m57s996ms, 10.0.0.2 counter packets 0 bytes 0,
			     10.0.0.3 counter packets 0 bytes 0 timeout 3650d4h expires 3650d3h59m59s984ms }
	}

	set empty4_32 {
		type ipv4_addr
	}

	set banned6_128 {
		type ipv6_addr
		elements = { ::1.2.3.4, 2001:db8::7 timeout 1s expires 20ms counter packets 1 bytes 2 }
	}

	chain arriving {
		type filter hook prerouting priority raw - 10; policy accept;
		iif "lo" accept
		tcp dport { 443, 5060-5061 } drop
	}
}
`;

const read = (pieces: readonly string[]): [string, ListedElement][] => {
  const found: [string, ListedElement][] = [];
  const reader = createElementReader((set, element) => found.push([set, element]));
  for (const piece of pieces) reader.read(piece);
  return found;
};
const element = (key: string, expiresMs: number | null, packets = 0, bytes = 0) => ({ key, expiresMs, packets, bytes });
const EXPECTED = [
  ['banned4_32', element('10.0.0.1', 10_797_996, 3, 84)],
  ['banned4_32', element('10.0.0.2', null)],
  ['banned4_32', element('10.0.0.3', 3650 * 86_400_000 + 14_399_984)],
  ['banned6_128', element('::102:304', null)],
  ['banned6_128', element('2001:db8::7', 20, 1, 2)],
];

describe('what nft lists', () => {
  test('elements are read with their set, their time and what they counted', () => {
    expect(read([LISTING])).toEqual(EXPECTED);
  });

  test('it does not matter where a listing is cut into pieces', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(LISTING.length), { maxLength: 20 }), (cuts) => {
        const at = [0, ...[...cuts].sort((a, b) => a - b), LISTING.length];
        const pieces = at.slice(1).map((end, index) => LISTING.slice(at[index], end));
        expect(read(pieces)).toEqual(EXPECTED);
      }),
    );
  });

  test('our table is found among others, and not taken for one with a similar name', () => {
    const others = 'table ip tollgate {\n\tset x {\n\t}\n}\ntable inet tollgate2 {\n}\n';
    expect(ownTable(others)).toBe(undefined);
    expect(ownTable(`${others}${LISTING}table inet last {\n}\n`)).toBe(LISTING.trimEnd());
    expect(ownTable('')).toBe(undefined);
  });

  test('sets and counters of the table are read by name', () => {
    expect(setsOf(LISTING)).toEqual(['banned4_32', 'empty4_32', 'banned6_128']);
    expect([...countersOf(LISTING)]).toEqual([['dropped_banned', { packets: 12, bytes: 345 }]]);
  });

  test('times of all units are read', () => {
    expect(readTime('1w2d3h4m5s6ms')).toBe(604_800_000 + 2 * 86_400_000 + 3 * 3_600_000 + 4 * 60_000 + 5000 + 6);
  });
});
