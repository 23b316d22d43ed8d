import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { didYouMean, formatPath, formatProblem, problemsOf } from '../../../src/policy/problem.ts';

const problemsWith = (schema: z.ZodType, value: unknown): readonly string[] => {
  const parsed = schema.safeParse(value, { reportInput: true });
  return parsed.success ? [] : problemsOf(schema, parsed.error).map(formatProblem);
};

describe('the path of a problem', () => {
  it.each([
    [[], ''],
    [['rules', 2, 'limits', 0], 'rules[2].limits[0]'],
    [['groups', 'call-centre', 'members'], 'groups.call-centre.members'],
    [['groups', 'call centre'], 'groups."call centre"'],
    [['trunks', 'a.b'], 'trunks."a.b"'],
    [['extensions', ''], 'extensions.""'],
    [[0, 'id'], '[0].id'],
  ] as const)('of %j is written as in the file', (path, text) => {
    expect(formatPath(path)).toBe(text);
  });

  it('is left out where the problem is the document itself', () => {
    expect(formatProblem({ path: '', message: 'is empty' })).toBe('is empty');
    expect(formatProblem({ path: 'rules', message: 'is empty' })).toBe('rules: is empty');
  });
});

describe('the sentence of a problem', () => {
  const leaf = z.strictObject({ colour: z.string() });
  it.each([
    ['an option', leaf.optional()],
    ['a default', leaf.default({ colour: 'red' })],
    ['a default that is parsed', leaf.prefault({ colour: 'red' })],
    ['a nullable', leaf.nullable()],
    ['a read-only object', leaf.readonly()],
    ['a pipe', leaf.pipe(leaf)],
    ['a transformation', leaf.transform(String)],
    ['a union', z.union([z.literal('none'), leaf])],
  ])('offers the nearest known key through %s', (_name, inner) => {
    expect(problemsWith(z.strictObject({ paint: inner }), { paint: { colour: 'red', color: 'red' } })).toEqual([
      'paint.color: unknown key; did you mean colour?',
    ]);
  });

  it('offers the nearest known key inside lists and records', () => {
    const schema = z.strictObject({ walls: z.array(leaf), rooms: z.record(z.string(), leaf) });
    const bad = { colour: 'red', color: 'red' };
    expect(problemsWith(schema, { walls: [{ colour: 'red' }, bad], rooms: { kitchen: bad } })).toEqual([
      'walls[1].color: unknown key; did you mean colour?',
      'rooms.kitchen.color: unknown key; did you mean colour?',
    ]);
  });

  it('names each of several unknown keys at a place of its own', () => {
    expect(problemsWith(z.strictObject({ name: z.string().optional() }), { nam: 1, x: 2 })).toEqual([
      'nam: unknown key; did you mean name?',
      'x: unknown key; known here: name',
    ]);
  });

  it('says so where nothing at all could stand', () => {
    expect(problemsWith(z.strictObject({}), { x: 1 })).toEqual(['x: unknown key; none is known here']);
  });

  it.each([
    ['text', z.string(), 5, 'expected text, got a number; put it in quotes'],
    ['text and no list', z.string(), [], 'expected text, got a list'],
    ['a number', z.number(), 'x', 'expected a number, got text'],
    ['a whole number', z.int(), 1.5, 'expected a whole number, got a number'],
    ['a yes or no', z.boolean(), 'yes', 'expected true or false, got text'],
    ['a list', z.array(z.string()), {}, 'expected a list, got a mapping'],
    ['a mapping', z.strictObject({}), null, 'expected a mapping, got nothing'],
    ['a record', z.record(z.string(), z.string()), true, 'expected a mapping, got true or false'],
    ['a date', z.date(), 5, 'expected date, got a number'],
    ['something', z.strictObject({ a: z.string() }), {}, 'a: is missing; expected text'],
    ['at least so much', z.number().min(3), 2, 'must be at least 3'],
    ['at most so much', z.number().max(3), 4, 'must be at most 3'],
    ['at least so many characters', z.string().min(3), 'ab', 'must have at least 3 characters'],
    ['at most so many entries', z.array(z.string()).max(1), ['a', 'b'], 'must have at most 1 entries'],
    ['its own words for a size', z.number().min(3, { error: 'is too cold' }), 2, 'is too cold'],
    ['its own words for a type', z.string({ error: 'is no word' }), 2, 'is no word'],
    ['a word of a list', z.enum(['red', 'green']), 'gren', '"gren" is not known; did you mean green?'],
    ['a word and no number', z.enum(['red', 'green']), 5, 'known here: green, red'],
    ['either of two types', z.union([z.string(), z.number()]), true, 'Invalid input'],
    [
      'a key of a shape',
      z.record(z.string().regex(/^a/, { error: 'begins with a' }), z.string()),
      { b: '' },
      'b: begins with a',
    ],
  ] as const)('says in words of YAML what was expected: %s', (_name, schema, value, sentence) => {
    expect(problemsWith(schema, value)).toEqual([sentence]);
  });
});

describe('the word that was probably meant', () => {
  it('is named where one is near, and all known words where none is', () => {
    expect(didYouMean('limts', ['limits', 'name'])).toBe('did you mean limits?');
    expect(didYouMean('colour', ['name', 'limits'])).toBe('known here: limits, name');
    expect(didYouMean('', ['b', 'a'])).toBe('known here: a, b');
    expect(didYouMean('a', [])).toBe('none is known here');
  });
});
