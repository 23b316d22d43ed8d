import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { columnsOf, readFields, writeFields } from '../../../src/csv/columns.ts';
import { RULE_COLUMNS, writeRules } from '../../../src/csv/rule-csv.ts';
import { ruleIdOf } from '../../../src/csv/rule-id.ts';
import { guard, unguard } from '../../../src/csv/table.ts';
import { writeYeastar } from '../../../src/csv/yeastar-csv.ts';
import { documentSchema, type RuleDocument, ruleSchema } from '../../../src/policy/document.ts';

const rulesOf = (...rules: readonly object[]): readonly RuleDocument[] =>
  documentSchema.parse({ rules: rules.map((rule, at) => ({ id: `r${at}`, ...rule })) }).rules;

describe('the narrow form', () => {
  it('is refused for every rule of which it would lose something, and says what', () => {
    const written = writeYeastar(
      rulesOf(
        { name: 'Fine', limits: ['5/1s'] },
        { name: 'Scoped', appliesTo: { extensions: ['2001'] }, limits: ['5/1s'], during: 'night' },
        { name: 'Fine', limits: ['5/1s'] },
        { limits: [], action: 'alert', hangupCause: 34 },
        { limits: ['100000/1s', '1/90s', '1/366d'], enabled: false },
        { name: '', limits: ['5/1s'] },
      ),
    );
    expect(written).toEqual({
      refused: [
        'rule r1 would lose appliesTo {"extensions":["2001"]} (this form means "all"); during "night" (this form leaves it out)',
        'rule r2 would lose name "Fine" (rule r0 has it already; names must differ)',
        'rule r3 would lose action "alert" (this form means "block"); hangupCause 34 (this form means 21); limits [] (this form has no rule without limits)',
        'rule r4 would lose enabled false (this form means true); limit 100000/1s (this form has numbers of at most 5 digits); limit 1/366d (this form has numbers of at most 5 digits)',
        'rule r5 would lose name (it is empty)',
      ],
    });
  });

  it('is refused for every field of pace, ceilings and outcomes, each by its name', () => {
    const fields = {
      action: 'wait',
      maxWait: '5s',
      maxQueue: 10,
      burst: 1,
      whileWaiting: 'ringing',
      concurrent: 4,
      maxDuration: '60m',
      giveBackOn: ['busy'],
      holdAfter: { answered: '7d' },
    };
    for (const [field, value] of Object.entries(fields)) {
      const counting = field === 'giveBackOn' ? { counting: 'rolling' } : {};
      const written = writeYeastar(rulesOf({ limits: ['5/1s'], ...counting, [field]: value }));
      const refused = 'refused' in written ? written.refused.join('; ') : '';
      expect(refused).toContain(`${field} ${JSON.stringify(value)} (this form `);
    }
  });

  it('says hours and days in minutes, which is the same limit', () => {
    expect(writeYeastar(rulesOf({ name: 'N', limits: ['1/1s', '2/90s', '3/2m', '4/1h', '5/1d', '6/180s'] }))).toEqual({
      csv: 'Name,Restrictions\nN,1/1/second&2/90/second&3/2/minute&4/60/minute&5/1440/minute&6/180/second\n',
    });
  });

  it('calls a rule without a name by its id', () => {
    expect(writeYeastar(rulesOf({ limits: ['5/1s'] }))).toEqual({ csv: 'Name,Restrictions\nr0,5/1/second\n' });
  });

  it('refuses a rule with a field that this version does not know', () => {
    const [rule] = rulesOf({ limits: ['5/1s'] });
    const newer = { ...rule, colour: 'red' } as unknown as RuleDocument; // as a newer daemon might answer
    expect(writeYeastar([newer])).toEqual({
      refused: ['rule r0 would lose colour "red" (this form leaves it out)'],
    });
    expect(writeRules([newer])).toEqual({
      refused: ['rule r0: a CSV file cannot keep colour; use tollgate policy show'],
    });
  });
});

describe('the wide form', () => {
  it('has a column for every field of a rule, by the schema', () => {
    const topLevel = new Set(RULE_COLUMNS.map((name) => name.split('.')[0]));
    expect([...topLevel]).toEqual(Object.keys(ruleSchema.shape));
    expect(RULE_COLUMNS).toContain('appliesTo.permissions');
  });

  it('has one cell for a list of outcomes, and one for each outcome that holds', () => {
    const rules = rulesOf({
      limits: ['5/1s'],
      counting: 'rolling',
      giveBackOn: ['busy', 'no-answer'],
      holdAfter: { conversation: '7d' },
    });
    const written = writeRules(rules);
    const [header, row] =
      'csv' in written
        ? written.csv
            .trim()
            .split('\n')
            .map((line) => line.split(','))
        : [];
    const cell = (name: string): string | undefined => row?.[header?.indexOf(name) ?? -1];
    expect(cell('giveBackOn')).toBe('busy&no-answer');
    expect([cell('holdAfter.answered'), cell('holdAfter.conversation')]).toEqual(['', '7d']);
  });

  it('is refused for a length of time with a line break round it, which no cell keeps', () => {
    expect(writeRules(rulesOf({ maxDuration: '60m\n' }))).toEqual({
      refused: ['rule r0: a CSV file cannot keep maxDuration; use tollgate policy show'],
    });
  });

  it('is refused for text that UTF-8 cannot hold', () => {
    expect(writeRules(rulesOf({ name: 'half \uD83D' }))).toEqual({
      refused: ['rule r0: a CSV file cannot keep name; use tollgate policy show'],
    });
  });

  it('keeps fields that no rule has yet: mappings, numbers, lists of either, and what has no form of its own', () => {
    const schema = z.strictObject({
      approval: z
        .strictObject({ timeout: z.string(), otherwise: z.enum(['allow', 'block']).default('block') })
        .optional(),
      lockout: z.strictObject({ after: z.int(), destinations: z.array(z.string()).default([]) }).optional(),
      factors: z.array(z.number()).optional(),
      either: z.union([z.literal('never'), z.strictObject({ soft: z.number() })]).optional(),
      table: z.record(z.string(), z.number()).optional(),
      on: z.boolean().default(true),
    });
    const columns = columnsOf(schema);
    expect(columns.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      'approval.timeout text',
      'approval.otherwise text',
      'lockout.after number',
      'lockout.destinations texts',
      'factors numbers',
      'either text',
      'either.soft number',
      'table json',
      'on boolean',
    ]);
    for (const value of [
      {
        approval: { timeout: '60s', otherwise: 'allow' },
        lockout: { after: -5, destinations: ['a&b', 'c'] },
        on: false,
      },
      { factors: [1.5, -2], either: 'never', table: { 'a,b': 1 }, on: true },
      { either: { soft: 0.25 }, on: true },
    ]) {
      const cells = writeFields(columns, value);
      const row = new Map(
        columns.map(({ name }, at) => [name, cells[at] ?? ''] as const).filter(([, cell]) => cell !== ''),
      );
      expect(schema.parse(readFields(columns, { line: 2, cells: row }).fields)).toEqual(value);
    }
  });
});

describe('text that a spreadsheet would calculate', () => {
  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\uFF1D1'])('gets a mark before it: %j', (text) => {
    const [rule] = rulesOf({});
    const written = writeRules([{ ...rule, id: 'r', name: text } as RuleDocument]);
    expect(guard(text)).toBe(`'${text}`);
    if ('csv' in written) expect(written.csv).toContain(`r,'${text}`);
  });

  it('is given back as it was, and so is text that only looks marked', () => {
    for (const text of ['=1', "'=1", "''=1", '', "'", "''", "'x", 'x=1', "it's", ' =1']) {
      expect(unguard(guard(text))).toBe(text);
      expect(guard(text)).not.toMatch(/^[=+\-@\t\r]/);
    }
    expect(guard("'x")).toBe("'x");
  });
});

describe('ids made from names', () => {
  it.each([
    ['Office', 'office'],
    ['  Büro – Süd (2) ', 'buro-sud-2'],
    ['客服', 'rule-eae0efe2'],
    ['客服 2', '2-'],
    ['!!!', 'rule-'],
    ['x'.repeat(127), 'x'.repeat(48)],
  ])('keep what an id can hold, and are always ids: %s', (name, id) => {
    expect(ruleIdOf(name, () => false)).toMatch(new RegExp(`^${id}`));
    const last = ruleIdOf(name, (each) => !each.endsWith('-1000'));
    expect(ruleSchema.shape.id.safeParse(last).success).toBe(true);
  });

  it('differ where names do, and only where they do', () => {
    const free = (): boolean => false;
    expect(ruleIdOf('客服 2', free)).toBe(ruleIdOf('客服 2', free));
    expect(ruleIdOf('客服 2', free)).not.toBe(ruleIdOf('销售 2', free));
    expect(ruleIdOf('Office', (id) => id === 'office')).toBe('office-2');
  });
});
