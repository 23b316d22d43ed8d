/**
 * What is wrong with a configuration, all of it at once, in sentences that say what to do.
 *
 * Each problem names its key, what was expected, what stood there (never a secret), and where: a line of the file or a
 * variable of the environment.
 */
import type { z } from 'zod';
import { TollgateError } from '../errors.ts';
import { nearestWord } from '../policy/nearest-word.ts';
import { isSecret, keysAt } from './known-keys.ts';

export interface ConfigProblem {
  /** `agi.listen`, `asterisk[0].ami.password`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
  /** `FILE:LINE:COLUMN` or the name of an environment variable; absent for what is nowhere. */
  readonly place?: string;
}

/** `tollgate.yaml:3:9: agi.listen: expected …`. */
export function problemText({ place, path, message }: ConfigProblem): string {
  return [place, path, message].filter((part) => part !== undefined && part !== '').join(': ');
}

/** A configuration that cannot be used; the message lists every problem, one a line. */
export class ConfigError extends TollgateError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super('CONFIG_INVALID', ['the configuration cannot be used:', ...problems.map(problemText)].join('\n  '));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** `asterisk[0].ami` for `['asterisk', 0, 'ami']`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (/^[0-9]+$/.test(String(step))) return `${text}[${String(step)}]`;
    return text === '' ? String(step) : `${text}.${String(step)}`;
  }, '');
}

/** The sentence for a key that the schema does not know. */
export function unknownKey(schema: z.core.$ZodType, parent: readonly PropertyKey[], key: string): string {
  const known = keysAt(schema, parent);
  if (known.length === 0) return 'unknown key; no keys are known below this one';
  const nearest = nearestWord(key, known);
  return `unknown key; ${nearest === undefined ? `known here are ${known.join(', ')}` : `did you mean "${nearest}"?`}`;
}

/** The problems that one zod issue stands for, with the paths they belong to. `value` is what was checked. */
export function issueProblems(
  schema: z.core.$ZodType,
  issue: z.core.$ZodIssue,
  value: unknown,
): readonly { readonly path: readonly PropertyKey[]; readonly message: string }[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...issue.path, key],
      message: unknownKey(schema, issue.path, key),
    }));
  }
  const found = issue.path.reduce<unknown>(
    (at, step) => (typeof at === 'object' && at !== null ? Reflect.get(at, step) : undefined),
    value,
  );
  return [{ path: issue.path, message: sentence(issue, found, isSecret(issue.path)) }];
}

function sentence(issue: z.core.$ZodIssue, found: unknown, secret: boolean): string {
  if (found === undefined && issue.code === 'invalid_type') {
    const name = String(issue.path.at(-1));
    return secret ? `is missing: give ${name} or ${name}File` : 'is missing';
  }
  const foundText = secret ? '' : `, found ${shown(found)}`;
  switch (issue.code) {
    case 'invalid_type': {
      const hint = issue.expected === 'string' && typeof found !== 'object' ? ': put it in quotes' : '';
      return `expected ${typeNames[issue.expected] ?? issue.expected}${secret ? '' : foundText}${hint}`;
    }
    case 'too_small':
      return issue.origin === 'array'
        ? `needs at least ${issue.minimum} entry`
        : `expected at least ${issue.minimum}${foundText}`;
    case 'too_big':
      return issue.origin === 'array'
        ? `may have at most ${issue.maximum} entries`
        : `expected at most ${issue.maximum}${foundText}`;
    case 'invalid_value': {
      const words = issue.values.map(String);
      const nearest = typeof found === 'string' ? nearestWord(found, words) : undefined;
      return `expected one of ${words.join(', ')}${foundText}${nearest === undefined ? '' : `; did you mean "${nearest}"?`}`;
    }
    case 'custom':
      return issue.message.startsWith('expected') ? `${issue.message}${foundText}` : issue.message;
    default:
      return issue.message;
  }
}

const typeNames: Readonly<Record<string, string>> = {
  object: 'a mapping (key: value)',
  array: 'a list',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
};

const shownMax = 60;

function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a mapping';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > shownMax ? `${text.slice(0, shownMax)}…` : text;
}
