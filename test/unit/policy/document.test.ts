import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  DEFAULT_RULE,
  defaultPolicyDocument,
  type PolicyDocument,
  readPolicyDocument,
} from '../../../src/policy/document.ts';
import { compilePolicy } from '../../../src/policy/policy.ts';
import { formatProblem } from '../../../src/policy/problem.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/policy');

/** A mistaken document and, in its comments, what is to be said of it: `# problem: path: message`. */
const mistakes = readdirSync(FIXTURES).map((file) => {
  const text = readFileSync(join(FIXTURES, file), 'utf8');
  return {
    name: file.replace(/\.yaml$/, '').replaceAll('-', ' '),
    value: parse(text) as unknown,
    problems: [...text.matchAll(/^# problem: (.*)$/gm)].map(([, problem]) => problem),
  };
});

const problemsIn = (value: unknown): readonly string[] => {
  const read = readPolicyDocument(value);
  return 'problems' in read ? read.problems.map(formatProblem) : [];
};

const documentOf = (yaml: string): PolicyDocument => {
  const value: unknown = parse(yaml);
  const read = readPolicyDocument(value);
  if ('problems' in read) throw new Error(read.problems.map(formatProblem).join('\n'));
  return read.document;
};

describe('a mistaken policy document', () => {
  it('is there for every kind of mistake', () => {
    expect(mistakes.length).toBeGreaterThan(35);
    expect(mistakes.filter((mistake) => mistake.problems.length === 0)).toEqual([]);
  });

  it.each(mistakes)('is refused with every mistake named at its place: $name', ({ value, problems }) => {
    expect(problemsIn(value)).toEqual(problems);
  });

  it.each([undefined, null, 'rules: []', 5, true, [], Symbol('policy')])(
    'that is no mapping at all (%s) is refused with one sentence',
    (value) => {
      expect(problemsIn(value)).toEqual(['is not a policy document; expected keys such as rules and groups']);
    },
  );

  it('names at most thirty of the many groups that could have been meant', () => {
    const groups = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`group-${at + 10}`, {}]));
    const [problem] = problemsIn({ groups, rules: [{ id: 'a', appliesTo: { groups: ['nobody'] } }] });
    expect(problem).toMatch(/there is no group "nobody"; known here: group-10, group-11, .*, group-39 and 10 more$/);
  });
});

describe('a policy document', () => {
  it('of a new install is the contract’s default rule and nothing else', () => {
    expect(defaultPolicyDocument()).toEqual({
      timezone: 'UTC',
      dialling: { outside: [], international: [] },
      emergencyNumbers: ['112', '911'],
      groups: {},
      extensions: {},
      trunks: {},
      schedules: {},
      destinations: {},
      rules: [
        {
          id: 'default',
          name: 'Default outbound call frequency',
          appliesTo: 'all',
          countPer: 'extension',
          limits: ['5/1s'],
          counting: 'bucket',
          action: 'block',
          hangupCause: 21,
          prompt: 'tollgate-limit',
          mode: 'enforce',
          whenStoreFails: 'allow',
          enabled: true,
        },
      ],
    });
    expect(defaultPolicyDocument().rules[0]).toMatchObject(DEFAULT_RULE);
  });

  it('has every default filled in, however little was written', () => {
    const filled = documentOf('rules: [{ id: a }]\ngroups: { g: {} }\ndialling: { outside: [9] }');
    expect(filled).toEqual({
      timezone: 'UTC',
      dialling: { outside: ['9'], international: [] },
      emergencyNumbers: ['112', '911'],
      groups: { g: { members: [] } },
      extensions: {},
      trunks: {},
      schedules: {},
      destinations: {},
      rules: [
        {
          id: 'a',
          appliesTo: 'all',
          countPer: 'extension',
          limits: [],
          counting: 'bucket',
          action: 'block',
          hangupCause: 21,
          prompt: 'tollgate-limit',
          mode: 'enforce',
          whenStoreFails: 'allow',
          enabled: true,
        },
      ],
    });
    expect(documentOf('{}')).toEqual({ ...defaultPolicyDocument(), rules: [] });
  });

  it('does not share its defaults with the next one', () => {
    const [one, other] = [documentOf('{}'), documentOf('{}')];
    expect(one.dialling).not.toBe(other.dialling);
    expect(one.groups).not.toBe(other.groups);
    expect(one.rules).not.toBe(other.rules);
  });

  it('takes numbers for extensions, prefixes and emergency numbers, as YAML reads them without quotes', () => {
    const read = documentOf(`
      dialling: { outside: [9], international: [11] }
      emergencyNumbers: [911, "0112"]
      extensions: { 1001: { name: Reception } }
      groups: { g: { members: [2001, "0100", 2001-2050, 21xx] } }
      rules: [{ id: a, appliesTo: { extensions: [2001, "0100"] } }]`);
    expect(read.dialling).toEqual({ outside: ['9'], international: ['11'] });
    expect(read.emergencyNumbers).toEqual(['911', '0112']);
    expect(Object.keys(read.extensions)).toEqual(['1001']);
    expect(read.groups['g']?.members).toEqual(['2001', '0100', '2001-2050', '21xx']);
    expect(read.rules[0]?.appliesTo).toEqual({ extensions: ['2001', '0100'] });
  });

  it('cannot know of a leading zero that YAML has dropped: 0100 without quotes arrives as 100', () => {
    expect(documentOf('groups: { g: { members: [0100] } }').groups['g']?.members).toEqual(['100']);
  });

  it('reads the document that it made as the same document', () => {
    const document = documentOf(`
      timezone: Europe/Berlin
      homeCountry: DE
      trunks: { carrier-a: { name: Carrier A } }
      groups: { g: { name: Sales, members: ["2001"] } }
      rules:
        - { id: a, appliesTo: { groups: [g], trunks: [carrier-a] }, limits: [5/1s, 100/1d], action: alert, mode: shadow }
        - { id: constructor, countPer: system, prompt: none, enabled: false, whenStoreFails: block }`);
    expect(readPolicyDocument(document)).toEqual({ document });
    expect(readPolicyDocument(JSON.parse(JSON.stringify(document)))).toEqual({ document });
  });

  it('is read without an exception whatever it holds, and compiles when it is accepted', () => {
    const words = fc.constantFrom(
      ...['id', 'a', 'b', 'all', 'rules', 'groups', 'trunks', 'extensions', 'members', 'appliesTo', 'limits', 'name'],
      ...['5/1s', '0/1s', '2001', '_[5-2]', '2001-2050', 'constructor', '__proto__', 'toString', 'block', 'alert', ''],
    );
    const value = fc.letrec<{ any: unknown }>((tie) => ({
      any: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        fc.oneof(words, fc.integer(), fc.double(), fc.boolean(), fc.constant(null), fc.string({ unit: 'binary' })),
        fc.array(tie('any'), { maxLength: 3 }),
        fc.dictionary(words, tie('any'), { maxKeys: 4 }),
      ),
    })).any;
    const scope = fc.oneof(fc.constant('all'), fc.dictionary(words, fc.array(words, { maxLength: 2 }), { maxKeys: 2 }));
    const rule = fc.record(
      { id: words, limits: fc.array(words, { maxLength: 2 }), appliesTo: scope },
      { requiredKeys: [] },
    );
    const group = fc.record({ members: fc.array(words, { maxLength: 3 }) }, { requiredKeys: [] });
    const near = fc.record(
      {
        rules: fc.array(fc.oneof(rule, value), { maxLength: 3 }),
        groups: fc.dictionary(words, group, { maxKeys: 3 }),
        trunks: fc.dictionary(words, fc.constant({}), { maxKeys: 3 }),
      },
      { requiredKeys: [] },
    );
    let accepted = 0;
    fc.assert(
      fc.property(fc.oneof(near, value), (given) => {
        const read = readPolicyDocument(given);
        if ('problems' in read) return;
        accepted += 1;
        const policy = compilePolicy(read.document);
        expect(policy.rules.every((each) => each.generation === 0)).toBe(true);
      }),
      { numRuns: 2000 },
    );
    expect(accepted).toBeGreaterThan(50);
  });
});
