import { describe, expect, test } from 'vitest';
import {
  cursorOf,
  decidedAt,
  didOf,
  differences,
  placeOf,
  shortDifference,
  wayOf,
  whoOf,
} from '../../../src/page/screens/audit/differences.ts';

describe('what an entry of the audit log changed', () => {
  test('is told field by field, without what holds all fields and without what stayed', () => {
    const before = { rules: { staff: { limits: ['2/1h'], name: 'Staff' } } };
    const after = { rules: { staff: { limits: ['3/1h'], name: 'Staff' } } };
    const found = differences({ before, after });
    expect(found).toEqual([{ field: 'limits', before: '2/1h', after: '3/1h' }]);
    expect(found.map(shortDifference)).toEqual(['limits 2/1h → 3/1h']);
  });

  test('of what was not there before is what it has, its id last and nothing that is empty', () => {
    const after = { id: '7f3a', name: 'Office', owner: '', isOn: true };
    const found = differences({ before: undefined, after });
    expect(found.map(shortDifference)).toEqual(['name Office', 'isOn true', 'id 7f3a']);
  });

  test('of what is gone leads to nothing, and of a thing without fields is the thing', () => {
    expect(differences({ before: { reason: 'scan' }, after: null }).map(shortDifference)).toEqual([
      'reason scan → nothing',
    ]);
    expect(differences({ before: 'on', after: 'off' })).toEqual([{ field: '', before: 'on', after: 'off' }]);
    expect(differences({ before: null, after: null })).toEqual([]);
  });
});

test('who did it, what and by which way are words; what has none is told by its own name', () => {
  expect([didOf('bans.lift'), didOf('bans.add'), didOf('rules.frobnicate')]).toEqual([
    'Unblocked',
    'Blocked',
    'Frobnicate (rules)',
  ]);
  expect(['web anna', 'cli root', 'key crm', 'pbx1'].map(wayOf)).toEqual(['page', 'CLI', 'API', 'daemon']);
  expect(['web anna', 'link +43 1', 'clock'].map(whoOf)).toEqual(['anna', '+43 1', 'clock']);
});

test('the address of an entry leads to the cursor just before it, and text that is none leads nowhere', () => {
  const place = placeOf({ writtenAt: '2026-11-21T13:00:00.000Z', seq: 7, at: '', id: '' });
  expect(cursorOf(place)).toBe(`${Date.parse('2026-11-21T13:00:00.000Z')}-8`);
  expect(cursorOf('7')).toBeUndefined();
  const own = placeOf({ at: '2026-11-21T13:00:00.000Z', id: 'a_-b' });
  expect([cursorOf(own), decidedAt(own), decidedAt(place)]).toEqual([undefined, '2026-11-21T13:00:00.000Z', undefined]);
});
