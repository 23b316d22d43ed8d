import { describe, expect, it } from 'vitest';
import {
  type ApiKeysDocument,
  createApiKeys,
  type NewApiKey,
  NO_KEYS,
  reportApiKey,
} from '../../../src/people/api-keys.ts';
import type { EpochMs } from '../../../src/policy/call.ts';

function made(at: number) {
  let now = at;
  let document: ApiKeysDocument = NO_KEYS;
  const current = () => ({ version: 1, document, changedAt: '', changedBy: '' });
  const keys = createApiKeys({
    clock: { now: () => now as EpochMs },
    document: {
      current,
      change: (edit) => {
        document = edit(document, 1);
        return Promise.resolve(current());
      },
    },
  });
  return {
    keys,
    later: (ms: number): void => {
      now += ms;
    },
    kept: () => JSON.stringify(document),
  };
}
const wish = (fields: Partial<NewApiKey> = {}): NewApiKey => ({
  name: 'script',
  scopes: ['status:read'],
  allowFrom: [],
  lastsMs: null,
  ...fields,
});

describe('an API key', () => {
  it('is kept as its hash alone, and shown without that', async () => {
    const { keys, kept } = made(0);
    const { key, record } = await keys.add(wish(), 'cli root');
    expect(kept()).not.toContain(key.slice(22));
    expect(JSON.stringify(reportApiKey(record))).not.toContain(record.hash);
    expect(keys.check(key, '192.0.2.1')).toEqual({ key: record });
  });

  it('counts until it expires, to the millisecond', async () => {
    const { keys, later } = made(1000);
    const { key } = await keys.add(wish({ lastsMs: 60_000 }), 'cli root');
    later(59_999);
    expect('key' in keys.check(key, '192.0.2.1')).toBe(true);
    later(1);
    expect(keys.check(key, '192.0.2.1')).toEqual({ refused: 'expired', name: 'script' });
  });

  it('counts from its addresses alone, whichever way they are written', async () => {
    const { keys } = made(0);
    const { key } = await keys.add(wish({ allowFrom: ['192.0.2.0/25', '2001:db8::/32'] }), 'cli root');
    const from = (address: string): boolean => 'key' in keys.check(key, address);
    expect(['192.0.2.127', '::ffff:192.0.2.1', '2001:db8:1::1'].map(from)).toEqual([true, true, true]);
    expect(['192.0.2.128', '2001:db9::1', 'unknown', ''].map(from)).toEqual([false, false, false, false]);
    expect(keys.check(key, '198.51.100.1')).toEqual({ refused: 'elsewhere', name: 'script' });
  });

  it('is no other key with the same id, and says nothing of which part was wrong', async () => {
    const { keys } = made(0);
    const { key, record } = await keys.add(wish(), 'cli root');
    const wrong = [
      `${key}A`,
      key.slice(0, -1),
      key.toUpperCase(),
      `tollgate_${record.id}_${'A'.repeat(43)}`,
      `tollgate_${'0'.repeat(12)}_${key.slice(22)}`,
      record.hash,
      '',
      '__proto__',
    ];
    for (const text of wrong) expect([text, keys.check(text, '192.0.2.1')]).toEqual([text, { refused: 'unknown' }]);
  });

  it('has a name of its own, and opens nothing once it was removed', async () => {
    const { keys } = made(0);
    const { key } = await keys.add(wish(), 'cli root');
    await expect(keys.add(wish(), 'cli root')).rejects.toMatchObject({ code: 'CONFLICT' });
    await keys.remove('script', 'cli root');
    expect(keys.check(key, '192.0.2.1')).toEqual({ refused: 'unknown' });
    await expect(keys.remove('script', 'cli root')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
