import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Phrase } from '../../../src/approvals/phone-menu.ts';
import { mediaOf } from '../../../src/approvals/phone-words.ts';

const call = { extension: '1001', destination: '+15555550100', rule: 'after-hours' };

it('a supervisor hears who calls whom, and the rule by its letters', () => {
  expect(mediaOf(['who', 'choices'], call, false)).toEqual([
    ...['sound:tollgate-ask-extension', 'digits:1001', 'sound:tollgate-ask-calls', 'digits:15555550100'],
    ...['sound:tollgate-ask-rule', 'characters:afterhours', 'sound:tollgate-ask-choices'],
  ]);
});

it('a rule with a sound of its own is said by that', () => {
  expect(mediaOf(['who'], call, true)).toContain('sound:tollgate-rule-after-hours');
});

it('an extension with letters is spelled, and an unknown one is said to be unknown', () => {
  expect(mediaOf(['who'], { ...call, extension: 'anna.b' }, true)[1]).toBe('characters:annab');
  expect(mediaOf(['who'], { ...call, extension: undefined }, true)[0]).toBe('sound:tollgate-ask-unknown');
});

it('nothing of a call can become another sound: only letters, digits, * and # are left of its names', () => {
  const evil = { extension: 'a,sound:x/../y', destination: '1,2:3', rule: 'r' };
  expect(mediaOf(['who'], evil, false).filter((media) => !media.startsWith('sound:tollgate-ask-'))).toEqual([
    ...['characters:asoundxy', 'digits:123', 'characters:r'],
  ]);
});

it('every sentence has its sound file', () => {
  const all: readonly Phrase[] = [
    ...(['who', 'choices', 'approved', 'refused', 'one-more', 'already-approved', 'already-refused'] as const),
    ...(['too-late', 'caller-gone', 'taken', 'no-talk', 'not-saved', 'nothing-decided'] as const),
  ];
  const media = [...mediaOf(all, call, false), ...mediaOf(['who'], { ...call, extension: undefined }, false)];
  const files = media.flatMap((each) => (each.startsWith('sound:') ? [`${each.slice(6)}.wav`] : []));
  expect(files.filter((file) => !existsSync(join('dialplan/sounds', file)))).toEqual([]);
});
