import { describe, expect, test } from 'vitest';
import {
  createTransaction,
  fixedChanges,
  fixedElements,
  LONGEST_MS,
  leftMs,
  transactionOf,
} from '../../../../src/bans/firewall/nft-transaction.ts';
import type { EpochMs } from '../../../../src/policy/call.ts';

const NOW = 1_700_000_000_000 as EpochMs;
const later = (ms: number): EpochMs => (NOW + ms) as EpochMs;
const command = (text: string): string => `${text.replace('element', 'element inet tollgate')}\n`;

describe('a transaction', () => {
  test('a fresh ban is merely added; any other may be there already and is made anew', () => {
    const ban = { address: '10.0.0.1', until: later(5000) };
    expect(transactionOf([{ what: 'put', ban, fresh: true }], NOW).commands()).toEqual([
      command('add element banned4_32 { 10.0.0.1 timeout 5s }'),
    ]);
    expect(transactionOf([{ what: 'put', ban, fresh: false }], NOW).commands()).toEqual([
      command('add element banned4_32 { 10.0.0.1 }'),
      command('delete element banned4_32 { 10.0.0.1 }'),
      command('add element banned4_32 { 10.0.0.1 timeout 5s }'),
    ]);
  });

  test('a ban that is lifted or over is taken out, whether it is there or not', () => {
    const out = [command('add element banned6_64 { 2001:db8:: }'), command('delete element banned6_64 { 2001:db8:: }')];
    expect(transactionOf([{ what: 'lift', address: '2001:db8::/64' }], NOW).commands()).toEqual(out);
    const over = { address: '2001:db8::/64', until: NOW };
    expect(transactionOf([{ what: 'put', ban: over, fresh: true }], NOW).commands()).toEqual(out);
  });

  test('the check asks for each element that will last, and for the absence of each that was lifted', () => {
    const transaction = transactionOf(
      [
        { what: 'put', ban: { address: '10.0.0.1', until: null }, fresh: true },
        { what: 'put', ban: { address: '10.0.0.2', until: later(500) }, fresh: true },
        { what: 'lift', address: '10.0.0.3' },
        { what: 'lift', address: 'no address' },
      ],
      NOW,
    );
    expect(transaction.checks()).toEqual([
      command('delete element banned4_32 { 10.0.0.1 }'),
      command('create element banned4_32 { 10.0.0.3 }'),
    ]);
  });

  test('long lists come in pieces of a thousand', () => {
    const transaction = createTransaction();
    for (let index = 0; index < 2500; index += 1) {
      transaction.put({ kind: 'banned', family: 4, prefix: 32 }, `10.0.${index >> 8}.${index & 255}`, { fresh: true });
    }
    expect(transaction.commands().map((each) => each.split(',').length)).toEqual([1000, 1000, 500]);
  });

  test('a ban longer than the kernel can hold lasts as long as that can', () => {
    expect(leftMs({ address: 'x', until: later(1e15) }, NOW)).toBe(LONGEST_MS);
    expect(leftMs({ address: 'x', until: null }, NOW)).toBe(undefined);
  });
});

describe('fixed elements', () => {
  const isolation = undefined;

  test('what is no address is named and left out, and what stands there twice is one', () => {
    const { fixed, unusable } = fixedElements({ allowed: ['10.0.0.1', '10.0.0.1', 'host', '10.0.0.0/8'], isolation });
    expect(unusable).toEqual(['host']);
    expect([...fixed].map(([name, { keys }]) => [name, [...keys]])).toEqual([
      ['allowed4_32', ['10.0.0.1']],
      ['allowed4_8', ['10.0.0.0']],
    ]);
  });

  test('only what differs is changed', () => {
    const before = fixedElements({ allowed: ['10.0.0.1', '10.0.0.2'], isolation }).fixed;
    const after = fixedElements({ allowed: ['10.0.0.2', '10.0.0.3'], isolation }).fixed;
    expect(fixedChanges(before, after).commands()).toEqual([
      command('add element allowed4_32 { 10.0.0.1, 10.0.0.3 }'),
      command('delete element allowed4_32 { 10.0.0.1, 10.0.0.3 }'),
      command('add element allowed4_32 { 10.0.0.3 }'),
    ]);
    expect(fixedChanges(after, after).commands()).toEqual([]);
  });
});
