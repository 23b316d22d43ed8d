import { describe, expect, it, test } from 'vitest';
import { readCountryList } from '../../../src/bans/country-list.ts';
import { readAddress } from '../../../src/policy/addresses.ts';

const countryOf = async (list: string, address: string): Promise<string | undefined> => {
  const read = readAddress(address);
  if (read === undefined) throw new Error(`${address} is no address`);
  return (await readCountryList(list)).of(read);
};
const problemOf = (list: string): Promise<string> =>
  readCountryList(list).then(
    () => 'none',
    (error: Error) => error.message,
  );

describe('a list of networks and countries', () => {
  test.each([
    ['the country before it', 'US 203.0.113.0/24'],
    ['the country behind it', '203.0.113.0/24,US'],
    ['first and last address', '203.0.113.0,203.0.113.255,US'],
    ['quotation marks and small letters', '"203.0.113.0","203.0.113.255","us"'],
    ['tabs, comments, empty lines and carriage returns', '# ours\r\n\r\n\tus\t203.0.113.0/24 # office\r\n'],
    ['a mark of the byte order', '\ufeffUS;203.0.113.0/24'],
  ])('is read with %s', async (_, list) => {
    expect(await countryOf(list, '203.0.113.9')).toBe('US');
    expect(await countryOf(list, '203.0.114.9')).toBeUndefined();
  });

  it('knows IPv6 too, and the narrowest network counts wherever it stands', async () => {
    const list = 'DE 2001:db8:7::/48\nUS 2001:db8::/32\n';
    expect(await countryOf(list, '2001:db8:7::1')).toBe('DE');
    expect(await countryOf(list, '2001:db8:8::1')).toBe('US');
  });

  it('may be long, and in any order', async () => {
    const lines = Array.from(
      { length: 12_001 },
      (_, at) => `10.${at >> 8}.${at & 255}.0/25,${at % 2 === 0 ? 'US' : 'DE'}`,
    );
    const table = await readCountryList(lines.reverse().join('\n'));
    const of = (text: string) => table.of(readAddress(text) ?? { family: 4, value: 0n });
    expect(['10.0.0.5', '10.0.1.5', '10.46.224.5', '10.46.224.200', '10.47.0.1'].map(of)).toEqual([
      ...['US', 'DE', 'US', undefined, undefined],
    ]);
  });

  it('is refused whole, with its bad lines by number', async () => {
    expect(
      await problemOf('US 203.0.113.0/24\nnetwork,country\nUS 203.0.113.9/24\nUS\nUS 1.2.3.4 5.6.7.8 9.9.9.9\n'),
    ).toBe(
      'line 2: "network,country" is not a network and its country; write US 203.0.113.0/24; ' +
        'line 3: "203.0.113.9/24" is an address inside a network, not the network; did you mean 203.0.113.0/24, or 203.0.113.9 alone?; ' +
        'line 4: "US" is not a network and its country; write US 203.0.113.0/24; 1 more lines',
    );
  });

  it('is refused if it holds nothing, or is no text', async () => {
    expect(await problemOf('# nothing\n')).toBe('holds no network');
    expect(await problemOf('\u0000\u0001PNG\u0007')).toBe(
      'line 1: "??PNG?" is not a network and its country; write US 203.0.113.0/24',
    );
  });
});
