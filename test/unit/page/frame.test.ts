/** What of the frame is pure: the menu against roles and routes, and the reader of the stream. */
import { describe, expect, test } from 'vitest';
import { SCREENS } from '../../../src/api/page-routes.ts';
import { createEventReader } from '../../../src/page/api/event-text.ts';
import { ENTRIES, entriesFor, entryOf } from '../../../src/page/frame/menu.ts';
import { permissionsOf, ROLES, type Role } from '../../../src/people/roles.ts';

describe('the menu', () => {
  test('leads to addresses that the daemon answers with the page, and to each by a key of its own', () => {
    const paths = ENTRIES.map(({ path }) => path.slice(1)).filter((path) => path !== '');
    expect(paths.filter((path) => !SCREENS.some((screen) => screen === path))).toEqual([]);
    expect(new Set(ENTRIES.map(({ key }) => key)).size).toBe(ENTRIES.length);
  });

  test('shows each role what it may read: an owner all of it, billing nothing but what costs', () => {
    const shown = ROLES.map((role) => [
      role,
      entriesFor({ roles: [role], permissions: [...permissionsOf(role)] }).length,
    ]);
    expect(Object.fromEntries(shown)).toEqual({ owner: 13, operator: 12, supervisor: 8, viewer: 12, billing: 2 });
  });

  test('shows who has several roles what any of them shows', () => {
    const menuOf = (...roles: readonly Role[]): readonly string[] =>
      entriesFor({ roles, permissions: [...permissionsOf(...roles)] }).map(({ path }) => path);
    expect(menuOf('operator', 'supervisor')).toEqual(menuOf('operator'));
    expect(menuOf('supervisor', 'billing')).toEqual(menuOf('supervisor'));
    expect(menuOf('supervisor', 'viewer')).toContain('/health');
  });

  test('knows the screen of a drawer, and the Dashboard by nothing but its own address', () => {
    expect(entryOf('/health/parts/store')?.path).toBe('/health');
    expect(entryOf('/')?.path).toBe('/');
    expect(entryOf('/nowhere')).toBeUndefined();
  });
});

describe('the reader of the stream', () => {
  test('gives each event once, however the bytes were cut', () => {
    const text = 'id: 1-0\nevent: call\ndata: {"a":1}\n\n: ping\n\nevent: x\r\ndata: one\r\ndata: two\r\n\r\n';
    const whole = createEventReader()(text);
    expect(whole).toEqual([
      { id: '1-0', type: 'call', data: '{"a":1}' },
      { id: undefined, type: 'comment', data: '' },
      { id: undefined, type: 'x', data: 'one\ntwo' },
    ]);
    const read = createEventReader();
    expect([...text].flatMap((letter) => read(letter))).toEqual(whole);
  });

  test('does not keep an event that does not end', () => {
    const read = createEventReader();
    expect(() => read(`data: ${'x'.repeat(1_000_001)}`)).toThrow(RangeError);
  });
});
