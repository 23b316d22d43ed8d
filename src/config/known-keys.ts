/**
 * Which keys the schema knows at a place, so that a mistyped one can be answered with the right one.
 *
 * Reads the zod schema itself instead of keeping a second list of keys. A secret `x` brings the key `xFile` with it.
 */
import { z } from 'zod';
import { secretPaths } from './schema.ts';

type AnySchema = z.core.$ZodType;

/** A schema without defaults, options and transformations round it. */
export function bareSchema(schema: AnySchema): AnySchema {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return bareSchema(schema.def.innerType);
  }
  return schema instanceof z.ZodPipe ? bareSchema(schema.def.in) : schema;
}

/** The schema at `path`, or `undefined` where the document ends. `xFile` is found as the schema of the secret `x`. */
export function schemaAt(root: AnySchema, path: readonly PropertyKey[]): AnySchema | undefined {
  let at: AnySchema | undefined = root;
  for (const [index, step] of path.entries()) {
    const bare: AnySchema | undefined = at === undefined ? undefined : bareSchema(at);
    const name = String(step);
    const secret = isSecretFile(path.slice(0, index + 1)) ? name.slice(0, -fileSuffix.length) : name;
    if (bare instanceof z.ZodObject) {
      at = Object.hasOwn(bare.shape, secret) ? bare.shape[secret] : undefined;
    } else if (bare instanceof z.ZodRecord) {
      at = bare.def.valueType;
    } else if (bare instanceof z.ZodUnion) {
      // The first kind that has such a key: those that share a name share its form.
      at = shapesOf(bare).find((shape) => Object.hasOwn(shape, secret))?.[secret];
    } else {
      at = bare instanceof z.ZodArray && /^[0-9]+$/.test(String(step)) ? bare.def.element : undefined;
    }
  }
  return at;
}

/** The keys that may stand in the mapping at `path`; none if there is no mapping there. */
export function keysAt(root: AnySchema, path: readonly PropertyKey[]): readonly string[] {
  const schema = schemaAt(root, path);
  const bare = schema === undefined ? undefined : bareSchema(schema);
  if (bare === undefined) return [];
  const keys = new Set(shapesOf(bare).flatMap((shape) => Object.keys(shape)));
  return [...keys].flatMap((key) => (isSecret([...path, key]) ? [key, `${key}${fileSuffix}`] : [key]));
}

/** Of a mapping, or of each of the mappings that may stand in one place. */
function shapesOf(bare: AnySchema): readonly z.core.$ZodShape[] {
  if (bare instanceof z.ZodUnion) return bare.def.options.flatMap((option) => shapesOf(bareSchema(option)));
  return bare instanceof z.ZodObject ? [bare.shape] : [];
}

export const fileSuffix = 'File';

/** Whether the value at `path` must not be shown. */
export function isSecret(path: readonly PropertyKey[]): boolean {
  return secretPaths.some((pattern) => matches(pattern, path));
}

/** Whether the key at `path` names the file that holds a secret. */
export function isSecretFile(path: readonly PropertyKey[]): boolean {
  return secretPaths.some((pattern) => matches([...pattern.slice(0, -1), `${pattern.at(-1)}${fileSuffix}`], path));
}

/** Whether `path` is one that `pattern` means; `*` stands for any one step. */
export function matches(pattern: readonly string[], path: readonly PropertyKey[]): boolean {
  return pattern.length === path.length && pattern.every((step, index) => step === '*' || step === String(path[index]));
}
