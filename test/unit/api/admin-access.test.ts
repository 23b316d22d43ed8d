import { describe, expect, it } from 'vitest';
import { createAdminAccess, refusalOfAccess } from '../../../src/api/admin-access.ts';
import { DEFAULT_SETTINGS, type Settings, settingsSchema } from '../../../src/policy/settings.ts';

const settings = (...allowFrom: string[]): Settings => settingsSchema.parse({ adminAccess: { allowFrom } });
const access = (now: Settings, banned: readonly string[] = []) =>
  createAdminAccess({ settings: () => now, isBanned: (address) => banned.includes(address) }).mayCome;

describe('access by address', () => {
  it('is open to all who are not banned, until somebody names addresses', () => {
    const mayCome = access(DEFAULT_SETTINGS, ['203.0.113.9']);
    expect(['198.51.100.1', '2001:db8::1', '203.0.113.9'].map(mayCome)).toEqual([true, true, false]);
  });

  it('lets in what is named and nothing else, this machine not either', () => {
    const mayCome = access(settings('192.0.2.0/24', '198.51.100.5-198.51.100.7', '2001:db8::/64'));
    expect(['192.0.2.200', '::ffff:192.0.2.1', '198.51.100.6', '2001:db8::9'].map(mayCome)).toEqual(
      Array(4).fill(true),
    );
    expect(['192.0.3.1', '198.51.100.8', '127.0.0.1', '::1', 'unknown', ''].map(mayCome)).toEqual(Array(6).fill(false));
  });

  it('keeps out who is banned though he is named', () => {
    expect(access(settings('192.0.2.0/24'), ['192.0.2.9'])('192.0.2.9')).toBe(false);
  });

  it('follows a change at once', () => {
    let now = DEFAULT_SETTINGS;
    const { mayCome } = createAdminAccess({ settings: () => now, isBanned: () => false });
    expect(mayCome('198.51.100.1')).toBe(true);
    now = settings('192.0.2.1');
    expect(mayCome('198.51.100.1')).toBe(false);
  });

  it('is not changed so that who changes it is out; other settings are nobody’s affair', () => {
    const refused = (before: Settings, after: Settings, caller?: string) => refusalOfAccess(before, after, caller);
    expect(refused(DEFAULT_SETTINGS, settings('192.0.2.1'), '198.51.100.1')).toContain('you come from 198.51.100.1');
    expect(refused(DEFAULT_SETTINGS, settings('192.0.2.1', '198.51.100.0/24'), '198.51.100.1')).toBeUndefined();
    expect(refused(settings('192.0.2.1'), DEFAULT_SETTINGS, '198.51.100.1')).toBeUndefined();
    expect(refused(DEFAULT_SETTINGS, settings('192.0.2.1'))).toBeUndefined();
    expect(refused(settings('192.0.2.1'), settings('192.0.2.1'), '198.51.100.1')).toBeUndefined();
  });
});
