import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numberSet, parseMember } from '../../../src/policy/number-set.ts';

interface Row {
  readonly name: string;
  readonly member: string;
  readonly has: readonly string[];
  readonly lacks: readonly string[];
}

const MEMBERS: readonly Row[] = [
  { name: 'a number is itself only', member: '2001', has: ['2001'], lacks: ['02001', '20010', '200', '2001 ', ''] },
  { name: 'blanks around a member do not count', member: ' 2001\t', has: ['2001'], lacks: [' 2001'] },
  {
    name: 'a name keeps its case and its signs',
    member: 'front-desk_2.a@pbx',
    has: ['front-desk_2.a@pbx'],
    lacks: ['Front-desk_2.a@pbx', 'front-desk_2xa@pbx'],
  },
  { name: 'letters of any script make a name', member: 'Empfang-Süd', has: ['Empfang-Süd'], lacks: ['Empfang-Sud'] },
  {
    name: 'a range holds both its ends',
    member: '2001-2050',
    has: ['2001', '2025', '2050'],
    lacks: ['2000', '2051', '02025', '20255', '2001-2050', '2025x', '２０２５', '2e3', '+2025'],
  },
  { name: 'a range of one number holds it', member: '7-7', has: ['7'], lacks: ['07', '6', '8'] },
  {
    name: 'a range of equal width with leading zeros holds numbers of that width only',
    member: '0010-0020',
    has: ['0010', '0015', '0020'],
    lacks: ['10', '15', '020', '0021', '00015'],
  },
  {
    name: 'a range of unequal width holds numbers without leading zeros only',
    member: '99-1001',
    has: ['99', '100', '999', '1001'],
    lacks: ['98', '099', '0100', '1002'],
  },
  { name: 'a range from zero holds a plain zero', member: '0-10', has: ['0', '5', '10'], lacks: ['00', '05', '11'] },
  {
    name: 'the longest ranges compare exactly',
    member: '999999999999998-999999999999999',
    has: ['999999999999998', '999999999999999'],
    lacks: ['999999999999997', '1000000000000000'],
  },
  {
    name: 'digits and x are a pattern without an underscore',
    member: '21xx',
    has: ['2100', '2199'],
    lacks: ['2200', '210', '21000', '21xx', '21ab'],
  },
  { name: 'x may stand in front and be written large', member: 'X1x', has: ['010', '919'], lacks: ['001', '0100'] },
  {
    name: 'an underscore begins an Asterisk pattern',
    member: '_2XXX',
    has: ['2000', '2999'],
    lacks: ['3000', '_2XXX'],
  },
  { name: 'pattern letters may be small', member: '_nzx', has: ['210', '999'], lacks: ['110', '200', '21'] },
  { name: 'Z is one to nine', member: '_Z', has: ['1', '9'], lacks: ['0', '10', ''] },
  {
    name: 'N is two to nine and a final dot is one or more of anything',
    member: '_NXX.',
    has: ['2001', '999x', '200\n'],
    lacks: ['200', '1001', '20'],
  },
  {
    name: 'a final exclamation mark is none or more of anything',
    member: '_[2-4]!',
    has: ['2', '3', '4', '2001', '4x'],
    lacks: ['1', '5', '', '52'],
  },
  {
    name: 'a list of digits in brackets is one of them',
    member: '_[134]0',
    has: ['10', '30', '40'],
    lacks: ['20', '0'],
  },
  {
    name: 'ranges and digits mix in brackets',
    member: '_[1-35-79]',
    has: ['1', '2', '3', '5', '7', '9'],
    lacks: ['0', '4', '8', '-'],
  },
  { name: 'signs of the keypad stand for themselves', member: '_*7#+', has: ['*7#+'], lacks: ['7', '77#+', '*7##'] },
  { name: 'a dot alone is every extension', member: '_.', has: ['1', 'reception'], lacks: [''] },
];

interface WrongRow {
  readonly name: string;
  readonly member: string;
  readonly problem: string;
}

const WRONG: readonly WrongRow[] = [
  {
    name: 'nothing',
    member: '',
    problem: 'an empty entry; write a number, a range 2001-2050 or a pattern 21xx',
  },
  {
    name: 'blanks only',
    member: ' \t ',
    problem: 'an empty entry; write a number, a range 2001-2050 or a pattern 21xx',
  },
  {
    name: 'more than 80 characters',
    member: '1'.repeat(81),
    problem: '"11111111111111111111…" is longer than 80 characters',
  },
  { name: 'a range that runs backwards', member: '2050-2001', problem: '"2050-2001" runs backwards; write 2001-2050' },
  {
    name: 'a range too long to compare exactly',
    member: '1-1000000000000000',
    problem: '"1-1000000000000000" has numbers of more than 15 digits',
  },
  {
    name: 'a range that would not hold its own first number',
    member: '007-1001',
    problem: '"007-1001" has a leading zero on one side; write both numbers with the same number of digits',
  },
  {
    name: 'a range that would not hold its own last number',
    member: '5-0100',
    problem: '"5-0100" has a leading zero on one side; write both numbers with the same number of digits',
  },
  { name: 'a bare underscore', member: '_', problem: '"_" is an empty pattern' },
  {
    name: 'a letter that no pattern knows',
    member: '_2AXX',
    problem: '"_2AXX" is not a pattern Asterisk knows at "AXX"; use X Z N [ ] and a final . or !',
  },
  {
    name: 'a dot that is not the last',
    member: '_2.X',
    problem: '"_2.X" is not a pattern Asterisk knows at ".X"; use X Z N [ ] and a final . or !',
  },
  {
    name: 'brackets that never close',
    member: '_2[3X',
    problem: '"_2[3X" has a [ ] that is not a list of digits such as [2-5] or [134]',
  },
  {
    name: 'empty brackets',
    member: '_2[]',
    problem: '"_2[]" has a [ ] that is not a list of digits such as [2-5] or [134]',
  },
  {
    name: 'letters in brackets',
    member: '_[a-c]',
    problem: '"_[a-c]" has a [ ] that is not a list of digits such as [2-5] or [134]',
  },
  { name: 'backwards in brackets', member: '_[5-2]', problem: '"_[5-2]" has a range in [ ] that runs backwards' },
  {
    name: 'backwards in the second range in brackets',
    member: '_[1-25-3]',
    problem: '"_[1-25-3]" has a range in [ ] that runs backwards',
  },
  {
    name: 'a pattern with a final dot and no underscore',
    member: '21xx.',
    problem: '"21xx." is a pattern; write _21xx.',
  },
  { name: 'a pattern with a final ! and no underscore', member: '2x!', problem: '"2x!" is a pattern; write _2x!' },
  {
    name: 'brackets without an underscore',
    member: '2[0-4]x',
    problem:
      '"2[0-4]x" is not an extension; letters, digits and . + - _ * # @ = ~ are allowed, and patterns begin with _',
  },
  {
    name: 'two members in one',
    member: '2001,2002',
    problem:
      '"2001,2002" is not an extension; letters, digits and . + - _ * # @ = ~ are allowed, and patterns begin with _',
  },
];

/** What a range means, counted out instead of compared. */
const counted = (low: number, high: number): ReadonlySet<string> =>
  new Set(Array.from({ length: high - low + 1 }, (_, step) => String(low + step)));

const anyText = fc.string({ unit: 'binary', maxLength: 200 });

describe('members of a number set', () => {
  it.each(MEMBERS)('$name ($member)', ({ member, has, lacks }) => {
    const set = numberSet([member]);
    expect(has.filter((number) => !set.has(number))).toEqual([]);
    expect(lacks.filter((number) => set.has(number))).toEqual([]);
  });

  it.each(WRONG)('$name is refused with its reason', ({ member, problem }) => {
    expect(parseMember(member)).toEqual({ problem });
  });

  it('a range without leading zeros holds exactly the numbers that one counts from its first to its last', () => {
    const number = fc.integer({ min: 0, max: 2000 });
    fc.assert(
      fc.property(number, fc.integer({ min: 0, max: 300 }), number, (low, more, probe) => {
        const all = counted(low, low + more);
        const set = numberSet([`${low}-${low + more}`]);
        for (const text of [String(low), String(low + more), String(probe), `0${probe}`]) {
          expect(set.has(text)).toBe(all.has(text));
        }
      }),
    );
  });

  it('parsing any text gives a member or a reason, never an exception', () => {
    const patternish = fc.string({ unit: fc.constantFrom(...'_[]-.!xXnNzZ0123456789*#+^\\$(){}|?'), maxLength: 90 });
    fc.assert(
      fc.property(
        fc.oneof(
          anyText,
          patternish,
          patternish.map((body) => `_${body}`),
        ),
        anyText,
        (member, number) => {
          const parsed = parseMember(member);
          if ('problem' in parsed) expect(parsed.problem).not.toBe('');
          else expect(numberSet([member]).has(number)).toBeTypeOf('boolean');
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('a number set', () => {
  it('holds what any of its members holds, overlaps included', () => {
    const set = numberSet(['2001-2050', '20xx', 'reception', '2001']);
    expect(['2001', '2050', '2099', 'reception'].every(set.has)).toBe(true);
    expect(['2100', 'Reception', ''].some(set.has)).toBe(false);
    expect(set.isEmpty).toBe(false);
  });

  it('of no members is empty and holds nothing', () => {
    const set = numberSet([]);
    expect(set.isEmpty).toBe(true);
    expect(set.has('')).toBe(false);
  });

  it('of one pattern is not empty', () => {
    expect(numberSet(['2x']).isEmpty).toBe(false);
  });

  it('refuses to compile a member that would not have passed the check of its document', () => {
    expect(() => numberSet(['2001', '9-1'])).toThrow(new RangeError('"9-1" runs backwards; write 1-9'));
  });

  it('answers about extensions of any characters and any length without an exception', () => {
    const set = numberSet(['_NXX.', '_[2-4]!', '2001-2050', '21xx', 'reception']);
    fc.assert(fc.property(anyText, (extension) => typeof set.has(extension) === 'boolean'));
    expect(set.has('2'.repeat(100_000))).toBe(true);
    expect(set.has('1'.repeat(100_000))).toBe(false);
  });
});
