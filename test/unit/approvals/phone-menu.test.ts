import { describe, expect, it } from 'vitest';
import type { SettledState } from '../../../src/approvals/approval.ts';
import { type Menu, type MenuCommand, type MenuEvent, newMenu, step } from '../../../src/approvals/phone-menu.ts';

/** Plays events from the first ring on; gives where it ends, and the commands of the last event. */
function played(...events: readonly MenuEvent[]): { readonly menu: Menu; readonly commands: readonly MenuCommand[] } {
  let menu = newMenu;
  let commands: readonly MenuCommand[] = [];
  for (const event of events) ({ menu, commands } = step(menu, event));
  return { menu, commands };
}
const answered: MenuEvent = { kind: 'answered' };
const key = (pressed: string): MenuEvent => ({ kind: 'key', key: pressed });
const spoken = (speech: number): MenuEvent => ({ kind: 'spoken', speech });
const silence = (speech: number): MenuEvent => ({ kind: 'silence', speech });
const settled = (state: SettledState): MenuEvent => ({ kind: 'settled', state });
const decided = (outcome: Extract<MenuEvent, { kind: 'decided' }>['outcome']): MenuEvent => ({
  kind: 'decided',
  outcome,
});
const talking: readonly MenuEvent[] = [answered, key('3'), { kind: 'talk-began' }];
const said = (commands: readonly MenuCommand[]): readonly string[] =>
  commands.flatMap((command) => (command.do === 'say' ? command.phrases : []));
const done = (commands: readonly MenuCommand[]): readonly string[] => commands.map((command) => command.do);

describe('the choices', () => {
  it('are said when he answers, and once only however often Asterisk says so', () => {
    expect(said(played(answered).commands)).toEqual(['who', 'choices']);
    expect(played(answered, answered).commands).toEqual([]);
  });
  it('are followed by listening', () => {
    expect(played(answered, spoken(1)).commands).toEqual([{ do: 'listen', speech: 1 }]);
  });
  it('are said three times to one who presses nothing, and then he is hung up', () => {
    expect(said(played(answered, spoken(1), silence(1)).commands)).toEqual(['who', 'choices']);
    const third = [answered, spoken(1), silence(1), spoken(2), silence(2), spoken(3), silence(3)];
    expect(said(played(...third).commands)).toEqual(['nothing-decided']);
    expect(done(played(...third, spoken(4)).commands)).toEqual(['hang-up']);
  });
  it.each(['4', '5', '0', '#', '*', 'A'])('are said again at %s, and the count of silences begins anew', (pressed) => {
    const { menu, commands } = played(answered, spoken(1), silence(1), key(pressed));
    expect(said(commands)).toEqual(['who', 'choices']);
    expect(menu.turn).toBe(1);
  });
  it('are not interrupted by the end of what was said before them', () => {
    expect(played(answered, key('4'), spoken(1)).commands).toEqual([]);
    expect(played(answered, key('4'), silence(1)).commands).toEqual([]);
  });
});

describe('a decision', () => {
  it.each([
    ['1', 'approved'],
    ['2', 'refused'],
  ] as const)('is made by %s, also in the middle of a sentence: %s', (pressed, as) => {
    expect(played(answered, key(pressed)).commands).toEqual([{ do: 'quiet' }, { do: 'decide', as }]);
    expect(said(played(answered, key(pressed), decided({ kind: 'first' })).commands)).toEqual([as]);
  });
  it('is made once: no key counts while it is on its way, or after it', () => {
    expect(played(answered, key('1'), key('2')).commands).toEqual([]);
    expect(played(answered, key('1'), decided({ kind: 'first' }), key('2')).commands).toEqual([]);
  });
  it('is not made by a key before he has answered', () => {
    expect(played(key('1')).commands).toEqual([]);
  });
  it('that came second says what the first one was', () => {
    const late = (state: SettledState) => said(played(answered, key('1'), decided({ kind: 'late', state })).commands);
    expect(late('approved')).toEqual(['already-approved']);
    expect(late('refused')).toEqual(['already-refused']);
    expect(late('expired')).toEqual(['too-late']);
    expect(late('unanswerable')).toEqual(['too-late']);
    expect(late('withdrawn')).toEqual(['caller-gone']);
  });
  it('is told as his own, although the settlement of it is heard of first', () => {
    const events = [answered, key('2'), settled('refused'), decided({ kind: 'first' })];
    expect(said(played(...events).commands)).toEqual(['refused']);
  });
  it('that another person has to make as well is told so', () => {
    expect(said(played(answered, key('1'), decided({ kind: 'one-more' })).commands)).toEqual(['one-more']);
  });
  it('that was noted and settled by another at once says what that was', () => {
    const events = [answered, key('1'), settled('refused'), decided({ kind: 'one-more' })];
    expect(said(played(...events).commands)).toEqual(['already-refused']);
  });
  it('that could not be saved can be made again', () => {
    const failed = [answered, key('1'), decided({ kind: 'failed' })];
    expect(said(played(...failed).commands)).toEqual(['not-saved', 'choices']);
    expect(done(played(...failed, key('2')).commands)).toEqual(['quiet', 'decide']);
  });
  it('that could not be saved is over if the approval was settled meanwhile', () => {
    const events = [answered, key('1'), settled('expired'), decided({ kind: 'failed' })];
    expect(said(played(...events).commands)).toEqual(['too-late']);
  });
});

describe('a talk', () => {
  it('begins with 3, and 1 and 2 decide in it', () => {
    expect(done(played(answered, key('3')).commands)).toEqual(['quiet', 'talk']);
    expect(done(played(...talking, key('1')).commands)).toEqual(['quiet', 'decide']);
    expect(done(played(...talking, key('1'), decided({ kind: 'first' })).commands)).toEqual(['end-talk', 'say']);
  });
  it('is not disturbed by other keys, or by the end of a speech before it', () => {
    for (const event of [key('3'), key('4'), key('9'), spoken(1), silence(1)]) {
      expect(played(...talking, event).commands).toEqual([]);
    }
  });
  it('ends when he hangs up, and nothing is decided', () => {
    expect(done(played(...talking, { kind: 'hung-up' }).commands)).toEqual(['end-talk']);
  });
  it('ends when somebody else decides, and he is told', () => {
    const { commands } = played(...talking, settled('approved'));
    expect(done(commands)).toEqual(['end-talk', 'say']);
    expect(said(commands)).toEqual(['already-approved']);
  });
  it.each(['taken', 'no-talk'] as const)('that cannot be had (%s) leads back to the choices', (because) => {
    const events: readonly MenuEvent[] = [answered, key('3'), { kind: 'talk-failed', because }];
    expect(said(played(...events).commands)).toEqual([because, 'choices']);
    expect(done(played(...events, key('1')).commands)).toEqual(['quiet', 'decide']);
  });
  it('is ended also if it was still beginning', () => {
    expect(done(played(answered, key('3'), settled('withdrawn')).commands)).toEqual(['end-talk', 'say']);
    expect(done(played(answered, key('3'), { kind: 'hung-up' }).commands)).toEqual(['end-talk']);
    expect(done(played(answered, key('3'), key('2'), decided({ kind: 'first' })).commands)).toEqual([
      'end-talk',
      'say',
    ]);
  });
  it('that begins after he has decided does not go on', () => {
    const { menu } = played(answered, key('3'), key('1'), { kind: 'talk-began' });
    expect(menu.at).toBe('deciding');
  });
  it('is ended when his decision could not be saved, and he chooses again', () => {
    expect(done(played(...talking, key('1'), decided({ kind: 'failed' })).commands)).toEqual(['end-talk', 'say']);
  });
});

describe('the end', () => {
  it('of a phone that rings while somebody else decides is silent', () => {
    expect(done(played(settled('approved')).commands)).toEqual(['hang-up']);
  });
  it('comes after the last words', () => {
    expect(done(played(answered, settled('approved')).commands)).toEqual(['say']);
    expect(done(played(answered, settled('approved'), spoken(1)).commands)).toEqual([]);
    expect(done(played(answered, settled('approved'), spoken(2)).commands)).toEqual(['hang-up']);
  });
  it('is final', () => {
    const giveUp: MenuEvent = { kind: 'give-up' };
    for (const event of [answered, key('1'), spoken(1), settled('approved'), decided({ kind: 'first' }), giveUp]) {
      expect(played(answered, { kind: 'hung-up' }, event).commands).toEqual([]);
    }
  });
  it.each([
    ['ringing', []],
    ['choosing', [answered]],
    ['deciding', [answered, key('1')]],
    ['parting', [answered, settled('refused')]],
  ] as const)('comes at once when the call is given up while it is %s', (at, events) => {
    expect(played(...events).menu.at).toBe(at);
    expect(done(played(...events, { kind: 'give-up' }).commands)).toEqual(['hang-up']);
  });
});
