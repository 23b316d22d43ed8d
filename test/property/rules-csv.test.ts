/**
 * Rules through CSV files and back: nothing lost, whatever the rules hold and whatever programs do to the bytes round
 * them; and any bytes at all are an answer. `SEED=… npx vitest run --project property` repeats a run.
 */
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { writeRules } from '../../src/csv/rule-csv.ts';
import { planImport } from '../../src/csv/rule-import.ts';
import { formatCsvProblem, guard, unguard } from '../../src/csv/table.ts';
import { writeYeastar } from '../../src/csv/yeastar-csv.ts';
import { CALL_KINDS } from '../../src/policy/call.ts';
import {
  defaultPolicyDocument,
  documentSchema,
  type PolicyDocument,
  readPolicyDocument,
  ruleSchema,
} from '../../src/policy/document.ts';
import { REACHED, UNREACHED } from '../../src/policy/outcome.ts';
import { SCOPE_KEYS } from '../../src/policy/scope.ts';
import { runSeed } from '../support/property.ts';

const seed = runSeed('rules-csv');

/** Letters that mean something to CSV, to lists, to spreadsheets or to our escapes, and any other. */
const letter = fc.oneof(
  fc.constantFrom(...'=+-@\'",;&\\|u0041 \u00A0\uFEFF\u2028\uFF1Dxé客😀'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }).filter((text) => !/\p{Cc}/u.test(text)),
);
const text = (least: number, most: number): fc.Arbitrary<string> =>
  fc.array(letter, { minLength: least, maxLength: 20 }).map((letters) => {
    const cut = letters.join('').slice(0, most);
    return /\p{Cs}/u.test(cut) ? cut.slice(0, -1) : cut;
  });
const nonEmpty = text(1, 60).filter((each) => each !== '');
const some = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.uniqueArray(item, { minLength: 1, maxLength: 4 });
const id = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/);

const POLICY = {
  groups: { sales: {}, 'call-centre': {} },
  trunks: { 'carrier-a': {}, b: {} },
  schedules: { night: { windows: [{ days: ['mon'], from: '18:00', to: '08:00' }] } },
};

/** Blanks round a limit or a member are allowed, and kept, by the document. */
const blank = fc.constantFrom('', '', ' ', '\t', '\n');
const padded = (inner: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(blank, inner, blank).map((parts) => parts.join(''));
/** No two of one length: 60 s and 1 m are the same period. Up to the sixteen that a rule may have. */
const limits = fc
  .uniqueArray(
    fc.tuple(
      fc.oneof(
        { weight: 4, arbitrary: fc.integer({ min: 1, max: 99 }) },
        { weight: 1, arbitrary: fc.integer({ min: 100, max: 366 }) },
      ),
      fc.constantFrom(['s', 1], ['S', 1], ['m', 60], ['M', 60], ['h', 3600], ['d', 86_400], ['D', 86_400] as const),
    ),
    { maxLength: 16, selector: ([period, [, seconds]]) => period * Number(seconds) },
  )
  .chain((each) =>
    fc.tuple(
      ...each.map(([period, [unit]]) =>
        padded(fc.integer({ min: 1, max: 9999 }).map((count) => `${count}/${period}${unit}`)),
      ),
    ),
  );
const members = some(
  padded(fc.constantFrom('2001', '0100-0199', '21xx', '_2[0-4]X.', '+1555', '-5', '=x', '@a', 'é', '#1')),
);

const scope = fc.oneof(
  fc.constant('all'),
  fc
    .record(
      {
        extensions: members,
        groups: some(fc.constantFrom('sales', 'call-centre')),
        trunks: some(fc.constantFrom('carrier-a', 'b')),
        destinations: some(fc.constantFrom('international', 'country:CU', 'premium')),
        campaigns: some(nonEmpty),
        kinds: some(fc.constantFrom(...CALL_KINDS)),
        permissions: some(id),
      },
      { requiredKeys: [] },
    )
    .filter((keys) => Object.keys(keys).length > 0),
);

/** Blanks round a length of time are kept as well. */
const time = (...texts: string[]): fc.Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom('', ' '), fc.constantFrom(...texts), fc.constantFrom('', ' '))
    .map((parts) => parts.join(''));

/** Fields that are one of some words, yes or no, need no line of their own here. */
const byTheSchema = Object.fromEntries(
  Object.entries(ruleSchema.shape).flatMap(([key, field]): [string, fc.Arbitrary<unknown>][] => {
    const inner = field instanceof z.ZodDefault || field instanceof z.ZodOptional ? field.unwrap() : field;
    if (inner instanceof z.ZodBoolean) return [[key, fc.boolean()]];
    return inner instanceof z.ZodEnum ? [[key, fc.constantFrom(...inner.options)]] : [];
  }),
);

const rule = fc
  .record(
    {
      ...byTheSchema,
      name: text(0, 127),
      appliesTo: scope,
      limits,
      inForce: fc.constantFrom({}, { during: 'night' }, { not: 'night' }),
      hangupCause: fc.integer({ min: 1, max: 127 }),
      prompt: fc.constantFrom('none', 'tollgate-limit', 'en/busy_1.x'),
      maxWait: time('1ms', '2s', '007s', '10m'),
      maxQueue: fc.integer({ min: 1, max: 1000 }),
      burst: fc.integer({ min: 1, max: 1_000_000 }),
      approval: fc.record({ timeout: time('5s', '60 s'), otherwise: fc.constantFrom('block', 'allow') }),
      concurrent: fc.integer({ min: 1, max: 100_000 }),
      maxDuration: time('1s', '60 m', '1d'),
      spend: fc.constantFrom({ soft: '30/1d' }, { hard: '7.50/1h' }, { soft: '30/1d', hard: '60/1d' }),
      minutes: fc.constantFrom({ soft: '120/1d' }, { hard: '0.5/1h' }, { soft: '90/1d', hard: '240/1d' }),
      giveBackOn: some(fc.constantFrom(...UNREACHED)),
      holdAfter: fc
        .record({ answered: time('60s', '366d'), conversation: time('7d') }, { requiredKeys: [] })
        .filter((holds) => Object.keys(holds).length > 0),
      firstCallTo: fc.record({ what: fc.constant('country'), within: time('1m', '90d') }),
      lockout: fc.record(
        {
          after: fc.integer({ min: 1, max: 1000 }),
          within: time('1s', '24h'),
          destinations: some(fc.constantFrom('international', 'premium', 'country:CU')),
        },
        { requiredKeys: ['after', 'within'] },
      ),
    },
    { requiredKeys: [] },
  )
  .map(({ inForce, ...fields }) => asThePolicyWantsIt({ ...fields, ...inForce }));

/** What only one field allows another to say, so that few rules are thrown away. */
function asThePolicyWantsIt(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { giveBackOn, burst, ...rest } = fields;
  const { limits: given, counting, action } = rest;
  const counts = Array.isArray(given) && given.length > 0;
  return {
    ...rest,
    ...(action === 'wait' && !counts ? { limits: ['5/1s'] } : {}),
    ...(giveBackOn === undefined || !counts || counting !== 'rolling' ? {} : { giveBackOn }),
    ...(burst === undefined || (action === 'wait' && counting === 'rolling') ? {} : { burst }),
  };
}

/** Only what the policy itself accepts: a limit may be too large for its way of counting. */
const policy = fc
  .uniqueArray(fc.tuple(id, rule), { maxLength: 6, selector: ([each]) => each })
  .map((rules) => readPolicyDocument({ ...POLICY, rules: rules.map(([each, fields]) => ({ ...fields, id: each })) }))
  .filter((read) => 'document' in read)
  .map((read) => read.document);

const bytes = fc.record({ mark: fc.boolean(), ends: fc.constantFrom('\n', '\r\n', '\r'), blankLines: fc.boolean() });
const asFile = (csv: string, around: { mark: boolean; ends: string; blankLines: boolean }): Buffer => {
  const lines = around.blankLines ? csv.replaceAll('\n', '\n\n') : csv;
  return Buffer.from(`${around.mark ? '\uFEFF' : ''}${lines.replaceAll('\n', around.ends)}`);
};

function imported(document: PolicyDocument, file: Uint8Array, replace: boolean): PolicyDocument {
  const plan = planImport(document, file, { replace });
  if ('problems' in plan) throw new Error(plan.problems.map((each) => formatCsvProblem('file', each)).join('\n'));
  return plan.document;
}

test('the wide form keeps every rule of any policy, and no cell of it begins a formula', () => {
  const met = new Set<string>();
  fc.assert(
    fc.property(policy, bytes, (document, around) => {
      for (const each of document.rules) {
        for (const field of Object.keys(each)) met.add(field);
        if (each.appliesTo !== 'all') for (const key of Object.keys(each.appliesTo)) met.add(`appliesTo.${key}`);
        for (const outcome of Object.keys(each.holdAfter ?? {})) met.add(`holdAfter.${outcome}`);
      }
      const written = writeRules(document.rules);
      if ('refused' in written) throw new Error(written.refused.join('\n'));
      const empty = { ...document, rules: [] };
      expect(imported(empty, asFile(written.csv, around), false)).toEqual(document);
      if (document.rules.length > 0) expect(imported(document, Buffer.from(written.csv), true)).toEqual(document);
      expect(
        parse(written.csv)
          .flat()
          .filter((cell) => /^[=+\-@\t\r]/.test(cell)),
      ).toEqual([]);
    }),
    { seed, numRuns: 1500 },
  );
  const nested = [
    ...Object.keys(SCOPE_KEYS).map((key) => `appliesTo.${key}`),
    ...REACHED.map((key) => `holdAfter.${key}`),
  ];
  expect([...met].sort()).toEqual([...Object.keys(ruleSchema.shape), ...nested].sort());
});

test('the narrow form is written as it was read, for any names and limits', () => {
  const restriction = fc
    .uniqueArray(fc.integer({ min: 1, max: 59 }), { minLength: 1, maxLength: 5 })
    .map((numbers) => numbers.map((number, at) => `${number * 17}/${number}/${at % 2 === 0 ? 'second' : 'minute'}`));
  const rows = fc.uniqueArray(
    fc.tuple(
      nonEmpty.filter((name) => name.trim() !== ''),
      restriction.map((each) => each.join('&')),
    ),
    { minLength: 1, maxLength: 20, selector: ([name]) => name },
  );
  fc.assert(
    fc.property(rows, bytes, (each, around) => {
      const quoted = (cell: string): string => (/[",;\t]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
      const csv = `Name,Restrictions\n${each.map(([name, limit]) => `${quoted(guard(name))},${limit}\n`).join('')}`;
      const document = imported(defaultPolicyDocument(), asFile(csv, around), true);
      expect(document.rules.map(({ name }) => name)).toEqual(each.map(([name]) => name));
      expect(writeYeastar(document.rules)).toEqual({ csv });
      expect(imported(document, Buffer.from(csv), false)).toEqual(document);
    }),
    { seed, numRuns: 1000 },
  );
});

test('text is guarded and given back exactly', () => {
  fc.assert(
    fc.property(text(0, 40), (each) => {
      expect(unguard(guard(each))).toBe(each);
      expect(guard(each)).not.toMatch(/^(?:$|[=+\-@\t\r])/);
    }),
    { seed, numRuns: 5000 },
  );
});

test('any bytes are either rules of a valid policy or problems', () => {
  const headers = fc.constantFrom(
    '',
    'Name,Restrictions\n',
    'id,name,limits,appliesTo,appliesTo.extensions\n',
    'id\t"',
    ';',
  );
  const crumbs = fc.array(
    fc.constantFrom(
      'a',
      '"',
      ',',
      ';',
      '\t',
      '\n',
      '\r',
      '&',
      '\\',
      "'",
      '5/1s',
      '5/1/second',
      'all',
      '=',
      ' ',
      '\u0000',
    ),
    { maxLength: 40 },
  );
  const file = fc.oneof(
    fc.tuple(headers, crumbs).map(([header, rest]) => Buffer.from(header + rest.join(''))),
    fc.uint8Array({ maxLength: 200 }),
  );
  fc.assert(
    fc.property(file, fc.boolean(), (each, replace) => {
      const plan = planImport(defaultPolicyDocument(), each, { replace });
      if ('problems' in plan) expect(plan.problems.length).toBeGreaterThan(0);
      else expect(documentSchema.parse(plan.document)).toEqual(plan.document);
    }),
    { seed, numRuns: 3000 },
  );
});
