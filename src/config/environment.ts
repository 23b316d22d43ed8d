/**
 * Configuration keys from environment variables: `TOLLGATE_AGI__LISTEN` is `agi.listen`.
 *
 * `__` goes one level down, a number picks an entry of a list, upper and lower case and single `_` do not count
 * (`DEADLINE_MS` is `deadlineMs`). Lists are separated by commas, or written like any section as YAML or JSON. An empty
 * variable is not set. Pure: gets the environment and a tree, gives back a tree.
 */
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { nearestWord } from '../policy/nearest-word.ts';
import { bareSchema, fileSuffix, isSecret, isSecretFile, keysAt, schemaAt } from './known-keys.ts';
import { pathText, unknownKey } from './problems.ts';
import { isTree, type Tree } from './yaml-document.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const variablePrefix = 'TOLLGATE_';

/**
 * Not keys: they name the file (`CONFIG`), belong to the command line (`URL`, `KEY`) or to the dialplan, where the same
 * names are globals (`AGI`, `ON_FAILURE`, `EMERGENCY`).
 */
const otherVariables: ReadonlySet<string> = new Set(['CONFIG', 'URL', 'KEY', 'AGI', 'ON_FAILURE', 'EMERGENCY']);

export interface Overlay {
  readonly tree: Tree;
  /** The variable that set the key at a path, the path written as `pathText` does. */
  readonly variables: ReadonlyMap<string, string>;
  readonly problems: readonly { readonly path: string; readonly message: string; readonly variable: string }[];
  /**
   * Variables that look like ours and mean nothing. Only a warning where there is no `__`: container platforms set such
   * names by themselves (`TOLLGATE_PORT` for a service called tollgate).
   */
  readonly warnings: readonly { readonly message: string; readonly variable: string }[];
}

/** Lays the variables of `environment` over a copy of `base`. */
export function overlayEnvironment(schema: z.core.$ZodType, base: Tree, environment: Environment): Overlay {
  const tree = structuredClone(base);
  const variables = new Map<string, string>();
  const problems: { path: string; message: string; variable: string }[] = [];
  const warnings: { message: string; variable: string }[] = [];

  for (const variable of Object.keys(environment).sort()) {
    const text = environment[variable];
    if (text === undefined || text === '' || !variable.startsWith(variablePrefix)) continue;
    const name = variable.slice(variablePrefix.length);
    if (otherVariables.has(name)) continue;
    const { path, unknown } = resolvePath(schema, name.split('__'));
    if (unknown !== undefined) {
      if (name.includes('__')) {
        problems.push({ variable, path: pathText([...path, unknown]), message: unknownKey(schema, path, unknown) });
      } else {
        const nearest = nearestWord(name, keysAt(schema, []));
        const hint = nearest === undefined ? '' : `; did you mean ${variablePrefix}${nearest.toUpperCase()}?`;
        warnings.push({ variable, message: `not a key of the configuration${hint}` });
      }
      continue;
    }
    const value = writtenValue(schema, path, text);
    if (value === undefined) {
      problems.push({ variable, path: pathText(path), message: 'expected YAML or JSON' });
      continue;
    }
    if (!setAt(tree, path, value)) {
      problems.push({ variable, path: pathText(path), message: 'does not fit what the file holds above this key' });
      continue;
    }
    variables.set(pathText(path), variable);
  }
  return { tree, variables, problems, warnings };
}

function resolvePath(
  schema: z.core.$ZodType,
  segments: readonly string[],
): { readonly path: readonly string[]; readonly unknown?: string } {
  const path: string[] = [];
  for (const segment of segments) {
    const here = schemaAt(schema, path);
    // What stands there is named by whoever writes the configuration.
    if (here !== undefined && bareSchema(here) instanceof z.ZodRecord) {
      path.push(segment.toLowerCase().replaceAll('_', '-'));
      continue;
    }
    const inList = here !== undefined && bareSchema(here) instanceof z.ZodArray && /^[0-9]{1,2}$/.test(segment);
    const key = inList
      ? String(Number(segment))
      : keysAt(schema, path).find((known) => known.toLowerCase() === segment.replaceAll('_', '').toLowerCase());
    if (key === undefined) return { path, unknown: segment };
    path.push(key);
  }
  return { path };
}

function writtenValue(schema: z.core.$ZodType, path: readonly string[], text: string): unknown {
  const found = isSecretFile(path) ? undefined : schemaAt(schema, path);
  if (found === undefined) return text;
  const bare = bareSchema(found);
  if (bare instanceof z.ZodNumber) return /^-?[0-9]+(\.[0-9]+)?$/.test(text.trim()) ? Number(text) : text;
  if (bare instanceof z.ZodArray && !/^\s*[[-]/.test(text) && !(bareSchema(bare.def.element) instanceof z.ZodObject)) {
    return text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  }
  if (
    bare instanceof z.ZodArray ||
    bare instanceof z.ZodObject ||
    bare instanceof z.ZodRecord ||
    bare instanceof z.ZodUnion
  ) {
    const document = parseDocument(text, { prettyErrors: false });
    return document.errors.length > 0 ? undefined : document.toJS({ maxAliasCount: 0 });
  }
  return text;
}

/** Sets a key, making the mappings above it. A secret pushes out its other form. False if something else is in the way. */
function setAt(tree: Tree, path: readonly string[], value: unknown): boolean {
  let at: unknown = tree;
  for (const [index, step] of path.slice(0, -1).entries()) {
    const inside = child(at, step);
    if (inside === undefined) {
      const made = /^[0-9]+$/.test(path[index + 1] ?? '') ? [] : {};
      if (!put(at, step, made)) return false;
      at = made;
    } else {
      at = inside;
    }
  }
  const last = path.at(-1) ?? '';
  if (isTree(at)) {
    if (isSecret(path)) delete at[`${last}${fileSuffix}`];
    if (isSecretFile(path)) delete at[last.slice(0, -fileSuffix.length)];
  }
  return put(at, last, value);
}

function child(at: unknown, step: string): unknown {
  if (Array.isArray(at)) return at[Number(step)];
  return isTree(at) && Object.hasOwn(at, step) ? at[step] : undefined;
}

function put(at: unknown, step: string, value: unknown): boolean {
  if (Array.isArray(at)) {
    if (Number(step) > at.length) return false;
    at[Number(step)] = value;
    return true;
  }
  if (!isTree(at)) return false;
  at[step] = value;
  return true;
}
