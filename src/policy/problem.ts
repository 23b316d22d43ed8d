/**
 * What is wrong with a document, said so that it can be mended: where, what stood there, and the nearest known word.
 *
 * Zod finds the mistakes; this turns its issues into sentences for people. It looks up the schema at the place of an
 * unknown key to offer the key that was probably meant.
 */
import type { z } from 'zod';
import { nearestWord } from './nearest-word.ts';

export interface Problem {
  /** As one writes it: `rules[2].limits[0]`; empty for the document as a whole. */
  readonly path: string;
  readonly message: string;
}

export const formatPath = (path: readonly PropertyKey[]): string =>
  path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    const name = String(key);
    const quoted = /^[\w-]+$/.test(name) ? name : JSON.stringify(name);
    return text === '' ? quoted : `${text}.${quoted}`;
  }, '');

export const formatProblem = (problem: Problem): string =>
  problem.path === '' ? problem.message : `${problem.path}: ${problem.message}`;

/** All problems of a failed parse, in the order of the document's schema. */
export function problemsOf(schema: z.ZodType, error: z.ZodError): Problem[] {
  return error.issues.flatMap((issue) => problemsOfIssue(schema, issue, []));
}

type Issue = z.core.$ZodIssue;

function problemsOfIssue(schema: z.ZodType, issue: Issue, base: readonly PropertyKey[]): Problem[] {
  const path = [...base, ...issue.path];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => {
        const known = keysAt(schema, path);
        return { path: formatPath([...path, key]), message: `unknown key; ${didYouMean(key, known)}` };
      });
    case 'invalid_value': {
      const words = issue.values.map(String);
      const given = typeof issue.input === 'string' ? issue.input : undefined;
      const got = given === undefined ? '' : `"${given}" is not known; `;
      return [{ path: formatPath(path), message: `${got}${didYouMean(given ?? '', words)}` }];
    }
    case 'invalid_union': {
      // The branch that got furthest is the one that was meant.
      const branches = issue.errors.filter((branch) =>
        branch.some((inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys'),
      );
      const [meant] = branches;
      if (meant !== undefined) return meant.flatMap((inner) => problemsOfIssue(schema, inner, path));
      return [{ path: formatPath(path), message: issue.message }];
    }
    case 'invalid_key':
      return issue.issues.map((inner) => ({ path: formatPath(path), message: inner.message }));
    case 'invalid_type':
      return [{ path: formatPath(path), message: describeWrongType(issue) }];
    case 'too_small':
    case 'too_big':
      return [{ path: formatPath(path), message: describeWrongSize(issue) }];
    default:
      return [{ path: formatPath(path), message: issue.message }];
  }
}

/** What Zod calls the types, in the words of people who write YAML. */
const TYPE_WORDS: ReadonlyMap<string, string> = new Map([
  ['array', 'a list'],
  ['object', 'a mapping'],
  ['record', 'a mapping'],
  ['string', 'text'],
  ['number', 'a number'],
  ['int', 'a whole number'],
  ['boolean', 'true or false'],
  ['null', 'nothing'],
]);
const typeWord = (type: string): string => TYPE_WORDS.get(type) ?? type;

/** A schema's own words stand as they are; only Zod's stock sentences are said anew. */
function describeWrongType(issue: z.core.$ZodIssueInvalidType): string {
  const received = /^Invalid input: expected .*, received (.*)$/.exec(issue.message)?.[1];
  if (received === undefined) return issue.message;
  const expected = typeWord(issue.expected);
  if (received === 'undefined') return `is missing; expected ${expected}`;
  const quotes = issue.expected === 'string' && received === 'number' ? '; put it in quotes' : '';
  return `expected ${expected}, got ${typeWord(received)}${quotes}`;
}

function describeWrongSize(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  if (!/^Too (?:small|big): /.test(issue.message)) return issue.message;
  const bound = issue.code === 'too_small' ? `at least ${issue.minimum}` : `at most ${issue.maximum}`;
  const unit = issue.origin === 'string' ? ' characters' : issue.origin === 'array' ? ' entries' : '';
  return `must ${unit === '' ? 'be' : 'have'} ${bound}${unit}`;
}

const MOST_WORDS_SHOWN = 30;

export function didYouMean(word: string, known: readonly string[]): string {
  const near = word === '' ? undefined : nearestWord(word, known);
  if (near !== undefined) return `did you mean ${near}?`;
  if (known.length === 0) return 'none is known here';
  const more = known.length > MOST_WORDS_SHOWN ? ` and ${known.length - MOST_WORDS_SHOWN} more` : '';
  return `known here: ${[...known].sort().slice(0, MOST_WORDS_SHOWN).join(', ')}${more}`;
}

/** The keys that the schema knows at a path, looking through defaults, options, records, lists and unions. */
function keysAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  const def = schema._zod.def as unknown as { readonly type: string } & Readonly<Record<string, unknown>>;
  const inner = (key: string): z.core.$ZodType => def[key] as z.core.$ZodType;
  switch (def.type) {
    case 'object': {
      const shape = def['shape'] as Record<string, z.core.$ZodType>;
      const [first, ...rest] = path;
      if (first === undefined) return Object.keys(shape);
      const next = shape[String(first)];
      return next === undefined ? [] : keysAt(next, rest);
    }
    case 'record':
      return path.length === 0 ? [] : keysAt(inner('valueType'), path.slice(1));
    case 'array':
      return path.length === 0 ? [] : keysAt(inner('element'), path.slice(1));
    case 'default':
    case 'prefault':
    case 'optional':
    case 'nullable':
    case 'readonly':
      return keysAt(inner('innerType'), path);
    case 'pipe':
      return keysAt(inner('in'), path);
    case 'union':
      return (def['options'] as z.core.$ZodType[]).flatMap((option) => keysAt(option, path));
    default:
      return [];
  }
}
