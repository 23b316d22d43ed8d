import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeRules } from '../../../src/csv/rule-csv.ts';
import { type PlannedImport, planImport, type RuleImport } from '../../../src/csv/rule-import.ts';
import { formatCsvProblem } from '../../../src/csv/table.ts';
import { writeYeastar } from '../../../src/csv/yeastar-csv.ts';
import { defaultPolicyDocument, documentSchema, type PolicyDocument } from '../../../src/policy/document.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/csv');
const fixture = (name: string): Buffer => readFileSync(join(FIXTURES, name));

const document = documentSchema.parse({
  groups: { sales: { members: ['2001-2050'] } },
  trunks: { 'carrier-a': {}, 'carrier-b': {} },
  schedules: { 'office-hours': { windows: [{ days: ['mon'], from: '08:00', to: '18:00' }] } },
  rules: [{ id: 'default', name: 'Default outbound call frequency', limits: ['5/1s'] }],
});

const planOf = (file: Uint8Array | string, into = document, replace = false): PlannedImport =>
  planImport(into, typeof file === 'string' ? Buffer.from(file) : file, { replace });

function imported(file: Uint8Array | string, into = document, replace = false): RuleImport {
  const plan = planOf(file, into, replace);
  if ('problems' in plan) throw new Error(plan.problems.map((each) => formatCsvProblem('file', each)).join('\n'));
  return plan;
}

const mistakes = (file: Uint8Array | string, into = document, replace = false): string[] => {
  const plan = planOf(file, into, replace);
  return 'problems' in plan ? plan.problems.map((each) => formatCsvProblem('f.csv', each)) : [];
};

const narrow = ({ rules }: PolicyDocument): string => {
  const written = writeYeastar(rules);
  return 'csv' in written ? written.csv : written.refused.join('\n');
};

describe('a file of Yeastar P-Series', () => {
  it('makes rules for all extensions, counted for each, that block, with ids made from their names', () => {
    const { form, added, document: after } = imported(fixture('yeastar.csv'));
    expect(form).toBe('yeastar');
    expect(added).toEqual(['office', 'sales-inside', 'buro-sud', 'rule-1db5f508', 'desk-a']);
    expect(after.rules.map(({ id }) => id)).toEqual(['default', ...added]);
    const expected = { id: 'office', name: 'Office', limits: ['200/10s', '3000/1m'] };
    expect(after.rules[1]).toEqual(documentSchema.parse({ rules: [expected] }).rules[0]);
    expect(after.rules[1]).toMatchObject({ appliesTo: 'all', countPer: 'extension', action: 'block' });
  });

  it('is exported again byte for byte', () => {
    const { document: after } = imported(fixture('yeastar.csv'), document, true);
    expect(narrow(after)).toBe(fixture('yeastar.csv').toString());
  });

  it.each(['yeastar-bom-crlf.csv', 'yeastar-tab.csv'])('means the same with other bytes round it: %s', (name) => {
    expect(imported(fixture(name))).toEqual(imported(fixture('yeastar.csv')));
  });

  it('is tidied of needless zeros and blanks, empty lines, and columns in another order', () => {
    const { document: after } = imported(fixture('yeastar-untidy.csv'), document, true);
    expect(narrow(after)).toBe('Name,Restrictions\nOffice,200/10/second&3000/1/minute\n');
  });

  it('changes nothing when it is imported again, with or without removing other rules', () => {
    for (const replace of [false, true]) {
      const once = imported(fixture('yeastar.csv'), document, replace);
      const twice = imported(fixture('yeastar.csv'), once.document, replace);
      expect(twice.document).toEqual(once.document);
      expect(twice).toMatchObject({ added: [], replaced: [], removed: [], unchanged: once.added });
    }
  });

  it('replaces the rule of a name at its place and under its id; others stay, or go if that was asked for', () => {
    const file = 'Name,Restrictions\nNew,1/1/minute\nDefault outbound call frequency,7/1/second\n';
    const { rules } = imported(fixture('yeastar.csv')).document;
    const kept = imported(file, { ...document, rules });
    expect(kept).toMatchObject({ added: ['new'], replaced: ['default'], removed: [] });
    expect(kept.document.rules[0]).toMatchObject({ id: 'default', limits: ['7/1s'] });
    expect(kept.document.rules).toHaveLength(rules.length + 1);
    const only = imported(file, { ...document, rules }, true);
    expect(only.document.rules.map(({ id }) => id)).toEqual(['new', 'default']);
    expect(only.removed).toEqual(rules.slice(1).map(({ id }) => id));
  });

  it('gives names that differ in signs only ids of their own', () => {
    const { added } = imported('Name,Restrictions\nSales,1/1/second\nsales!,1/1/second\nDefault,1/1/second\n');
    expect(added).toEqual(['sales', 'sales-2', 'default-2']);
  });

  it('finds a rule without a name by its id, which is what it is called', () => {
    const plain = documentSchema.parse({ rules: [{ id: 'Night', limits: ['5/1s'] }] });
    expect(imported('Name,Restrictions\nNight,6/1/second\n', plain)).toMatchObject({ added: [], replaced: ['Night'] });
  });

  it('does not guess which rule is meant where two have the name', () => {
    const two = documentSchema.parse({ rules: ['a', 'b'].map((id) => ({ id, name: 'Twin', limits: ['5/1s'] })) });
    expect(mistakes('Name,Restrictions\nTwin,6/1/second\n', two)).toEqual([
      'f.csv:2: Name: "Twin" is the name of rules a and b; rename all but one, or use the wide form with its column id',
    ]);
  });
});

describe('a wide file', () => {
  it('gives every field, with empty cells as defaults; separators may have blanks round them', () => {
    const { form, added, replaced, unchanged, document: after } = imported(fixture('wide.csv'));
    expect({ form, added, replaced, unchanged }).toEqual({
      form: 'wide',
      added: ['sales-abroad', 'lobby'],
      replaced: [],
      unchanged: ['default'],
    });
    const wanted = documentSchema.parse({
      rules: [
        {
          id: 'sales-abroad',
          name: 'Sales abroad',
          appliesTo: {
            groups: ['sales'],
            trunks: ['carrier-a', 'carrier-b'],
            destinations: ['international', 'country:CU'],
          },
          countPer: 'group',
          limits: ['30/1m', '300/1h'],
          not: 'office-hours',
          action: 'alert',
          mode: 'shadow',
          whenStoreFails: 'block',
          enabled: false,
        },
        {
          id: 'lobby',
          appliesTo: { extensions: ['+1099', '_2[0-4]XX', '0100-0199'] },
          during: 'office-hours',
          hangupCause: 34,
          prompt: 'none',
        },
      ],
    });
    expect(after.rules.slice(1)).toEqual(wanted.rules);
    const written = writeRules(after.rules);
    expect(imported('csv' in written ? written.csv : '', after).document).toEqual(after);
  });

  it('replaces whole rules by their ids; rows without one are found by name', () => {
    const { replaced, added, document: after } = imported('id,name,limits\ndefault,Renamed,7/1s\n,Fresh rule,1/1s\n');
    expect({ replaced, added }).toEqual({ replaced: ['default'], added: ['fresh-rule'] });
    expect(after.rules[0]).toMatchObject({ id: 'default', name: 'Renamed', limits: ['7/1s'] });
  });

  it('of no rules changes nothing, and never empties a policy', () => {
    expect(imported('id,limits\n').document).toEqual(document);
    expect(mistakes('id,limits\n', document, true)).toEqual([
      'f.csv has no rules; replacing all rules by none would let every call pass. To do that, use tollgate policy apply',
    ]);
  });
});

describe('mistakes', () => {
  const files = readdirSync(FIXTURES).filter((name) => name.endsWith('.txt'));
  it.each(files)('are all told at once, with line, column, what stood there and what is expected: %s', (name) => {
    const expected = fixture(name).toString().trimEnd().split('\n');
    expect(mistakes(fixture(name.replace(/txt$/, 'csv')))).toEqual(expected);
  });
  it('are tried with files', () => expect(files.length).toBeGreaterThan(3));

  it.each([
    ['', 'f.csv is empty; the first line must name the columns'],
    ['\r\n\n', 'f.csv is empty; the first line must name the columns'],
    [',,\na,b,c\n', 'f.csv:1: names no column; the first line must name the columns'],
    ['id,limits,id\n', 'f.csv:1: id: stands twice in the header; keep one'],
    ['limits,action\n5/1s,block\n', 'f.csv:1: a column is missing; expected id, or name to make ids from'],
    ['Restrictions\n5/1/second\n', 'f.csv:1: a column is missing; this form has the columns Name and Restrictions'],
    [
      'id,name\n\na,x\nb,"y\nc,z\n',
      'f.csv:4: a quoted cell begins here and never ends; a " inside a quoted cell is written ""',
    ],
    [
      'id,name\na,"x" y\n',
      'f.csv:2: after the " that ends a quoted cell stands more text; a " inside a quoted cell is written ""',
    ],
    [
      'id,name\na,x"y"\n',
      'f.csv:2: a " stands inside a cell that does not begin with one; put the whole cell in quotes and write "" for "',
    ],
    ['id,name\r\n\r\na,"two\r\nlines"\r\n', 'f.csv:3: name: "two?lines" holds a line break; take it out'],
    ['id,name\na,x\u0007y\n', 'f.csv:2: name: "x?y" holds the control character U+0007; take it out'],
    ['id,,name\na,stray,x\n', 'f.csv:2: "stray" stands in column 2, which has no name in the header'],
    [
      'id,name\na,"\'"\na,x\n',
      'f.csv:3: id: "a" is rule a, which stands in line 2 already; a rule can stand there once',
    ],
  ])('in the shape of a file are told with their line: %j', (file, message) => {
    expect(mistakes(file)).toEqual([message]);
  });

  it('in the encoding are told with what to do', () => {
    expect(mistakes(Buffer.from('id,name\na,x\nb,B\u00fcro\n', 'latin1'))).toEqual([
      'f.csv is not UTF-8 (line 3); save it as UTF-8',
    ]);
    expect(mistakes(Buffer.from('\uFEFFid,name\na,x\n', 'utf16le'))).toEqual(['f.csv is UTF-16; save it as UTF-8']);
    expect(mistakes(Buffer.alloc(8 * 1024 ** 2 + 1, 'a'))).toEqual(['f.csv is larger than 8 MiB']);
  });

  it('of ten thousand rows are told one by one, and one row more is not looked at', () => {
    const rows = (count: number): string => Array.from({ length: count }, (_, at) => `r${at},5/1/hour\n`).join('');
    const told = mistakes(`Name,Restrictions\n${rows(10_000)}`);
    expect(told[0]).toBe('f.csv brings the policy to 10001 rules; its list has more than 10000 entries');
    expect(told.at(-1)).toContain('f.csv:10001: Restrictions: "5/1/hour"');
    expect(told).toHaveLength(10_001);
    expect(mistakes(`Name,Restrictions\n${rows(10_001)}`)).toEqual(['f.csv has 10001 rows; at most 10000 are read']);
  });

  it('leave the policy that was given as it was', () => {
    const policy = defaultPolicyDocument();
    planOf(fixture('wide-mistakes.csv'), policy);
    planOf(fixture('yeastar.csv'), policy, true);
    expect(policy).toEqual(defaultPolicyDocument());
  });
});
