/** What somebody who is called about alerts hears, and what his keys do. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { KIND_NAMES } from '../../../src/alerts/alert.ts';
import {
  newPhoneMenu,
  type PhoneMenu,
  type PhoneMenuCommand,
  type PhoneMenuEvent,
  stepPhoneMenu,
} from '../../../src/alerts/phone-menu.ts';
import { alertMedia } from '../../../src/alerts/phone-words.ts';

function played(
  events: readonly PhoneMenuEvent[],
  isTest = false,
): { readonly menu: PhoneMenu; readonly commands: readonly PhoneMenuCommand[] } {
  let menu = newPhoneMenu(isTest);
  let commands: readonly PhoneMenuCommand[] = [];
  for (const event of events) ({ menu, commands } = stepPhoneMenu(menu, event));
  return { menu, commands };
}
const said = (commands: readonly PhoneMenuCommand[]): readonly string[] =>
  commands.flatMap((command) => (command.do === 'say' ? command.phrases : []));
const answered = { kind: 'answered' } as const;
const key = (pressed: string) => ({ kind: 'key', key: pressed }) as const;
const spoken = (speech: number) => ({ kind: 'spoken', speech }) as const;
const silence = (speech: number) => ({ kind: 'silence', speech }) as const;
const settled = { kind: 'settled' } as const;
const outcome = (of: 'first' | 'late' | 'failed') => ({ kind: 'acknowledged', outcome: of }) as const;

describe('who is called', () => {
  it('hears the alert and the choices, and again at any key but 1', () => {
    expect(said(played([answered]).commands)).toEqual(['alerts', 'choices']);
    for (const pressed of ['4', '0', '#']) {
      expect(said(played([answered, key(pressed)]).commands)).toEqual(['alerts', 'choices']);
    }
  });
  it('has it with 1, pressed once or often', () => {
    expect(played([answered, key('1')]).commands).toEqual([{ do: 'quiet' }, { do: 'acknowledge' }]);
    expect(played([answered, key('1'), key('1')]).commands).toEqual([]);
    expect(said(played([answered, key('1'), outcome('first')]).commands)).toEqual(['yours']);
  });
  it('cannot have it by a key before he answers, or after it was settled', () => {
    expect(played([key('1')]).commands).toEqual([]);
    expect(played([answered, settled, key('1')]).commands).toEqual([]);
  });
  it('hears that he was late, or that it could not be saved and he may press again', () => {
    expect(said(played([answered, key('1'), outcome('late')]).commands)).toEqual(['settled']);
    const failed = [answered, key('1'), outcome('failed')];
    expect(said(played(failed).commands)).toEqual(['not-saved', 'choices']);
    expect(played([...failed, key('1')]).commands).toContainEqual({ do: 'acknowledge' });
  });
  it('hears it twice if he presses nothing, and is hung up', () => {
    const twice = [answered, spoken(1), silence(1), spoken(2), silence(2)];
    expect(said(played(twice.slice(0, 3)).commands)).toEqual(['alerts', 'choices']);
    expect(said(played(twice).commands)).toEqual(['nobody']);
    expect(played([...twice, spoken(3)]).commands).toEqual([{ do: 'hang-up' }]);
  });
  it('is not rung any longer, or is told, when somebody else has it', () => {
    expect(played([settled]).commands).toEqual([{ do: 'hang-up' }]);
    expect(said(played([answered, settled]).commands)).toEqual(['settled']);
  });
  it('hears of a test that it is one, and no choices', () => {
    expect(said(played([answered], true).commands)).toEqual(['alerts']);
    expect(played([answered, spoken(1)], true).commands).toEqual([{ do: 'hang-up' }]);
  });
});

it('whatever happens in whatever order, a call that was given up or hung up is over and asks nothing more', () => {
  const events: readonly PhoneMenuEvent[] = [
    ...[answered, key('1'), key('4'), spoken(1), silence(1), settled],
    ...[outcome('first'), outcome('late'), outcome('failed')],
  ];
  for (const one of events) {
    for (const other of events) {
      for (const end of [{ kind: 'give-up' }, { kind: 'hung-up' }] as const) {
        expect(played([one, other, end]).menu.at).toBe('over');
        expect(played([one, other, end, answered, key('1')]).commands).toEqual([]);
      }
    }
  }
});

describe('the words', () => {
  const none = (): boolean => false;
  const alert = { kind: 'limit-exceeded', subject: 'extension 1001', rule: 'abroad' } as const;
  it('name the kind, whom it is about, and the rule by its letters or its own sound', () => {
    expect(alertMedia(['alerts', 'choices'], [alert], none)).toEqual([
      ...['sound:tollgate-tell-limit-exceeded', 'sound:tollgate-tell-extension', 'digits:1001'],
      ...['sound:tollgate-ask-rule', 'characters:abroad', 'sound:tollgate-tell-choices'],
    ]);
    expect(alertMedia(['alerts'], [alert], () => true)).toContain('sound:tollgate-rule-abroad');
  });
  it('say an address with its dots, and anything else by letters', () => {
    const about = (subject: string | null) =>
      alertMedia(['alerts'], [{ ...alert, subject, rule: null }], none).slice(1);
    const dot = 'sound:letters/dot';
    expect(about('203.0.113.9')).toEqual([
      'sound:tollgate-tell-about',
      ...['digits:203', dot, 'digits:0', dot, 'digits:113', dot, 'digits:9'],
    ]);
    expect(about('AMI pbx1')).toEqual(['sound:tollgate-tell-about', 'characters:AMIpbx1']);
    expect(about('x,sound:y/../z')).toEqual(['sound:tollgate-tell-about', 'characters:xsoundyz']);
    expect(about(null)).toEqual([]);
  });
  it('of several name the first three', () => {
    const media = alertMedia(['alerts'], [alert, alert, alert, alert], none);
    expect(media[0]).toBe('sound:tollgate-tell-several');
    expect(media.filter((each) => each === 'sound:tollgate-tell-limit-exceeded')).toHaveLength(3);
    expect(media.at(-1)).toBe('sound:tollgate-tell-more');
  });
  it('are sounds that are shipped, for every kind of alert', () => {
    const phrases = ['alerts', 'choices', 'yours', 'settled', 'not-saved', 'nobody'] as const;
    const media = KIND_NAMES.flatMap((kind) =>
      ['extension 1', 'store', null].flatMap((subject) => {
        const each = { kind, subject, rule: 'a' };
        return [...alertMedia(phrases, [each], none), ...alertMedia(phrases, [each, each, each, each], none)];
      }),
    );
    const files = new Set(media.filter((each) => each.startsWith('sound:tollgate-')).map((each) => each.slice(6)));
    const folder = join(import.meta.dirname, '../../../dialplan/sounds');
    expect([...files].filter((file) => !existsSync(join(folder, `${file}.wav`)))).toEqual([]);
    expect(files.size).toBeGreaterThan(KIND_NAMES.length);
  });
});
