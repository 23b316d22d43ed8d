import { describe, expect, test } from 'vitest';
import { keptValue, MOST_BYTES } from '../../../src/people/audit-value.ts';

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

describe('what the audit log keeps of a value', () => {
  test('is the value, where it is small', () => {
    const value = { limits: ['5/1s'], nested: { a: null, b: 1.5, c: [true] } };
    expect(keptValue(value)).toEqual(value);
    expect(keptValue('text')).toBe('text');
  });

  test('is null for what is no JSON, and text for what JSON has no form for', () => {
    const circle: Record<string, unknown> = {};
    circle['itself'] = circle;
    expect(keptValue(undefined)).toBeNull();
    expect(keptValue(() => 1)).toBeNull();
    expect(keptValue({ big: 10n })).toEqual({ big: '10' });
    expect(keptValue(circle)).toBe('(cannot be written as JSON)');
  });

  test('never is a secret, at any depth, whatever the spelling of its name', () => {
    const value = {
      password: 'p1',
      user: { passwordHash: 'p2', TOTP: 'p3', sessionToken: 'p4', pin: 'p5', note: 'shown' },
      list: [{ apiKey: 'p6', key: { private: 'p7' }, client_secret: 'p8', passphrase: 'p9' }],
      password2: null,
    };
    const kept = JSON.stringify(keptValue(value));
    expect(kept).not.toMatch(/p\d"/);
    expect(kept).toContain('shown');
    expect(kept).toContain('"password2":null');
  });

  test('is at most 16 kB, holds whole parts, and says how much is missing', () => {
    const value = Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`rules.r${at}`, { limits: ['5/1s'] }]));
    const kept = keptValue(value) as Record<string, unknown>;
    expect(bytesOf(kept)).toBeLessThanOrEqual(MOST_BYTES);
    expect(kept['rules.r0']).toEqual({ limits: ['5/1s'] });
    expect(kept['…']).toMatch(/^cut: 9\d{3} of 10000 parts are not shown; \d{6} bytes altogether$/);
  });

  test('keeps the small parts beside one that is too large', () => {
    const kept = keptValue({ huge: 'x'.repeat(50_000), small: 1 }) as Record<string, unknown>;
    expect(kept).toMatchObject({ huge: '(cut: 50002 bytes)', small: 1 });
  });

  test.each([
    ['a long text', '😀'.repeat(20_000)],
    ['a long list', Array.from({ length: 9000 }, (_, at) => at)],
    ['a long list of long texts', Array.from({ length: 900 }, () => 'é'.repeat(900))],
    ['long names', Object.fromEntries(Array.from({ length: 90 }, (_, at) => [`${at}${'n'.repeat(900)}`, at]))],
  ])('is at most 16 kB of %s', (_what, value) => {
    const kept = keptValue(value);
    expect(bytesOf(kept)).toBeLessThanOrEqual(MOST_BYTES);
    expect(JSON.stringify(kept)).toContain('cut: ');
  });
});
