import { describe, expect, it, test } from 'vitest';
import { readPolicyDocument } from '../../../src/policy/document.ts';
import { describeElsewhere } from '../../../src/policy/registration-places.ts';
import { policyOf } from '../../support/policy.ts';

const { places } = policyOf({
  extensions: {
    '1001': { registerFrom: ['203.0.113.0/24', '198.51.100.5-198.51.100.7', '2001:db8::/32'] },
    '1002': { name: 'Anywhere' },
  },
});

describe('a restricted extension', () => {
  test.each([
    ['203.0.113.9', false],
    ['198.51.100.6', false],
    ['2001:db8::7', false],
    ['::ffff:203.0.113.9', false],
    ['198.51.100.8', true],
    ['2001:db9::7', true],
    ['not an address', false],
    ['', false],
  ])('at %s is elsewhere: %s', (address, elsewhere) => {
    expect(places.isElsewhere('1001', address)).toBe(elsewhere);
  });

  it('is one that names places; every other may be anywhere', () => {
    expect([...places.restricted.keys()]).toEqual(['1001']);
    expect(places.isElsewhere('1002', '192.0.2.1')).toBe(false);
    expect(places.isElsewhere('constructor', '192.0.2.1')).toBe(false);
  });

  it('is told of in a sentence that says where it may be', () => {
    expect(describeElsewhere(places, '1001', '192.0.2.1')).toBe(
      'extension 1001 may register and call from 203.0.113.0/24, 198.51.100.5-198.51.100.7, 2001:db8::/32 only, and the phone is at 192.0.2.1',
    );
  });
});

describe('the field registerFrom', () => {
  test.each([
    [[], 'is empty'],
    [['203.0.113.9/24'], 'did you mean 203.0.113.0/24'],
    [['office.example'], 'is not an address'],
    [[7], 'is not an address'],
  ])('with %j is refused by a sentence that says what is wrong', (registerFrom, words) => {
    const read = readPolicyDocument({ extensions: { '1001': { registerFrom } } });
    const [problem] = 'problems' in read ? read.problems : [];
    expect(problem?.path).toContain('registerFrom');
    expect(problem?.message).toContain(words);
  });
});
