/**
 * Settings read, merged and compared, one by one, by paths such as `autoBan.services.web.attempts`.
 *
 * Pure. Whatever an edit makes is checked as a whole, so two settings that contradict each other are found however they
 * were given; every mistake is told at once. A setting that is taken away has its default again.
 */
import { didYouMean, type Problem, problemsOf } from './problem.ts';
import { DEFAULT_SETTINGS, type Settings, settingsSchema } from './settings.ts';

export type ReadSettings = { readonly settings: Settings } | { readonly problems: readonly Problem[] };

/** What a person wrote; what is left out has its default. */
export function readSettings(value: unknown): ReadSettings {
  const parsed = settingsSchema.safeParse(value, { reportInput: true });
  return parsed.success ? { settings: parsed.data } : { problems: problemsOf(settingsSchema, parsed.error) };
}

/**
 * A merge patch, RFC 7396: a key of the patch takes the place of that key, a mapping is merged key by key, and `null` takes
 * the key away. The result is not checked.
 */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isMapping(patch)) return patch;
  const merged = new Map(Object.entries(isMapping(target) ? target : {}));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergePatch(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}

/** A setting, or a whole section of them, at a path; the empty path is everything. */
export function settingAt(
  settings: Settings,
  path: string,
): { readonly value: unknown } | { readonly problem: Problem } {
  let at: unknown = settings;
  for (const [index, key] of keysOf(path).entries()) {
    if (!isMapping(at) || !Object.hasOwn(at, key)) {
      const known = isMapping(at) ? Object.keys(at) : [];
      const before = keysOf(path).slice(0, index);
      return { problem: { path, message: `is no setting; ${didYouMeanPath(before, key, known)}` } };
    }
    at = at[key];
  }
  return { value: at };
}

/** The patch that gives the setting at a path a value; `null` gives it its default. */
export const patchOf = (path: string, value: unknown): unknown =>
  keysOf(path).reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);

export interface ShownSetting {
  readonly path: string;
  readonly value: unknown;
  readonly default: unknown;
  readonly isDefault: boolean;
}

/** Each single setting below a path, in the order of the document; none for a path that is not known. */
export function listSettings(settings: Settings, path = ''): readonly ShownSetting[] {
  const [now, before] = [settingAt(settings, path), settingAt(DEFAULT_SETTINGS, path)];
  if ('problem' in now || 'problem' in before) return [];
  return leaves(now.value, before.value, path);
}

function leaves(value: unknown, standard: unknown, path: string): ShownSetting[] {
  if (!isMapping(value)) {
    return [{ path, value, default: standard, isDefault: JSON.stringify(value) === JSON.stringify(standard) }];
  }
  return Object.entries(value).flatMap(([key, inner]) =>
    leaves(inner, isMapping(standard) ? standard[key] : undefined, path === '' ? key : `${path}.${key}`),
  );
}

const keysOf = (path: string): string[] => (path === '' ? [] : path.split('.'));

/** The path up to the key that is not known, with the key that was probably meant. */
function didYouMeanPath(before: readonly string[], key: string, known: readonly string[]): string {
  if (known.length === 0) return `${before.join('.')} has nothing below it`;
  return didYouMean(
    [...before, key].join('.'),
    known.map((each) => [...before, each].join('.')),
  );
}

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
