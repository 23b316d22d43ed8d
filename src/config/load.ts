/**
 * Finding, reading and checking the configuration: file, then environment, then secret files, then the schema.
 *
 * Guarantees that either a whole, checked configuration comes out, or an error with every problem found and where each
 * stands. Without any file the defaults hold. Reads files and nothing else; the environment, the folder and the name of
 * the machine come in as arguments.
 */
import { constants } from 'node:fs';
import { access, open } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { messageOf } from '../errors.ts';
import { type Environment, overlayEnvironment } from './environment.ts';
import { fileSuffix, isSecret, isSecretFile, matches } from './known-keys.ts';
import { ConfigError, type ConfigProblem, issueProblems, pathText } from './problems.ts';
import { type Config, configSchema, pathKeys } from './schema.ts';
import { isTree, parseYamlDocument, type Tree } from './yaml-document.ts';

export interface LoadOptions {
  /** The file of `--config`. */
  readonly configPath?: string | undefined;
  /** The folder of `--state`; goes before file and environment. */
  readonly statePath?: string | undefined;
  readonly env: Environment;
  readonly cwd: string;
  /** The name of this machine, from which the default of `node` is made. */
  readonly hostName: string;
  /** Where a file is looked for last. Default `/etc/tollgate/tollgate.yaml`. */
  readonly systemPath?: string;
  /** The state folder if it can be written. Default `/var/lib/tollgate`. */
  readonly systemState?: string;
}

export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read, or `undefined` if the defaults hold. */
  readonly file: string | undefined;
  /** What should be mended and does not prevent a start. */
  readonly warnings: readonly ConfigProblem[];
  /** PATH of the environment, for finding programs. */
  readonly searchPath: string;
}

const fileBytesMax = 1024 * 1024;

/** @throws ConfigError with all problems. */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const { env, cwd } = options;
  const problems: ConfigProblem[] = [];
  const warnings: ConfigProblem[] = [];

  const source = await findFile(options);
  const document = parseYamlDocument(source?.text ?? '');
  const inFile = (position: { readonly line: number; readonly column: number } | undefined): { place?: string } =>
    source === undefined
      ? {}
      : { place: position === undefined ? source.path : `${source.path}:${position.line}:${position.column}` };
  for (const { message, position } of document.problems) problems.push({ path: '', message, ...inFile(position) });

  const schema = configSchema({ node: nodeName(options.hostName), state: await defaultState(options) });
  const base = source === undefined ? document.tree : absolutePaths(document.tree, dirname(source.path));
  const overlay = overlayEnvironment(schema, base, env);
  const tree = absolutePaths(overlay.tree, cwd);
  if (options.statePath !== undefined) tree['state'] = resolve(cwd, options.statePath);
  for (const { variable, path, message } of overlay.problems) problems.push({ path, message, place: variable });
  for (const { variable, message } of overlay.warnings) warnings.push({ path: '', message, place: variable });

  const placeOf = (path: readonly PropertyKey[]): { place?: string } => {
    for (let length = path.length; length > 0; length -= 1) {
      const variable = overlay.variables.get(pathText(path.slice(0, length)));
      if (variable !== undefined) return { place: variable };
    }
    return inFile(document.locate(path));
  };
  const report = (path: readonly PropertyKey[], message: string): ConfigProblem => ({
    path: pathText(path),
    message,
    ...placeOf(path),
  });

  const inlineSecrets: string[] = [];
  const unreadable = await readSecrets(tree, {
    problem: (path, message) => problems.push(report(path, message)),
    warning: (path, message) => warnings.push(report(path, message)),
    inline: (path) => {
      if (!overlay.variables.has(pathText(path))) inlineSecrets.push(pathText(path));
    },
  });
  if (source?.worldReadable === true && inlineSecrets.length > 0) {
    const message = `holds ${inlineSecrets.join(', ')} and can be read by every user: chmod 640, or use passwordFile`;
    warnings.push({ path: '', message, place: source.path });
  }

  const result = schema.safeParse(tree);
  if (!result.success) {
    for (const issue of result.error.issues) {
      for (const { path, message } of issueProblems(schema, issue, tree)) {
        // A secret whose file could not be read has been reported as that.
        if (!unreadable.has(pathText(path))) problems.push(report(path, message));
      }
    }
  }
  if (!result.success || problems.length > 0) throw new ConfigError(problems);
  return { config: result.data, file: source?.path, warnings, searchPath: env['PATH'] ?? '' };
}

interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly worldReadable: boolean;
}

async function findFile(options: LoadOptions): Promise<SourceFile | undefined> {
  const { cwd, env } = options;
  const fromEnv = env['TOLLGATE_CONFIG'];
  const named = options.configPath ?? (fromEnv === '' ? undefined : fromEnv);
  if (named !== undefined) {
    const path = resolve(cwd, named);
    const found = await readSource(path);
    if (found !== undefined) return found;
    const place = options.configPath === undefined ? 'TOLLGATE_CONFIG' : '--config';
    throw new ConfigError([{ path: '', place, message: `there is no file ${path}` }]);
  }
  const system = options.systemPath ?? '/etc/tollgate/tollgate.yaml';
  return (await readSource(join(cwd, 'tollgate.yaml'))) ?? (await readSource(system));
}

/** `undefined` if there is no such file. One that is there and cannot be read is an error: to go on without would surprise. */
async function readSource(path: string): Promise<SourceFile | undefined> {
  try {
    return { path, ...(await readBounded(path)) };
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) {
      return undefined;
    }
    throw new ConfigError([{ path: '', place: path, message: `cannot be read: ${messageOf(error)}` }]);
  }
}

async function readBounded(path: string): Promise<{ readonly text: string; readonly worldReadable: boolean }> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw new Error('it is not a file');
    if (found.size > fileBytesMax) throw new Error(`it has more than ${fileBytesMax} bytes`);
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await handle.readFile());
    return { text, worldReadable: (found.mode & 0o004) !== 0 };
  } finally {
    await handle.close();
  }
}

/** Puts the text of each file named by an `…File` key in the place of the secret; gives the paths that have none now. */
async function readSecrets(
  root: Tree,
  tell: {
    problem(path: readonly string[], message: string): void;
    warning(path: readonly string[], message: string): void;
    inline(path: readonly string[]): void;
  },
): Promise<ReadonlySet<string>> {
  const unreadable = new Set<string>();
  for (const { holder, key, path, value } of [...entriesOf(root, [])]) {
    if (isSecret(path) && mayBeSecret(path, value)) tell.inline(path);
    if (!isSecretFile(path)) continue;
    const name = key.slice(0, -fileSuffix.length);
    const secretPath = [...path.slice(0, -1), name];
    delete holder[key];
    if (typeof value !== 'string' || value === '') {
      tell.problem(path, 'expected the path of a file');
      unreadable.add(pathText(secretPath));
    } else if (holder[name] !== undefined) {
      tell.problem(path, `cannot stand beside ${pathText(secretPath)}: choose one`);
    } else {
      try {
        const { text, worldReadable } = await readBounded(value);
        const secret = text.replace(/\r?\n$/, '');
        if (secret.trim() === '') throw new Error('it is empty');
        if (/[\r\n]/.test(secret)) throw new Error('it has more than one line');
        if (worldReadable) tell.warning(path, `${value} can be read by every user: chmod 600`);
        holder[name] = secret;
      } catch (error) {
        tell.problem(path, `${value} cannot be used: ${messageOf(error)}`);
        unreadable.add(pathText(secretPath));
      }
    }
  }
  return unreadable;
}

/** An address without a password is nothing to hide. */
function mayBeSecret(path: readonly string[], value: unknown): boolean {
  return path.at(-1) !== 'url' || (typeof value === 'string' && value.includes('@'));
}

interface Entry {
  readonly holder: Tree;
  readonly key: string;
  readonly path: readonly string[];
  readonly value: unknown;
}

function* entriesOf(value: unknown, path: readonly string[]): Generator<Entry> {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* entriesOf(item, [...path, String(index)]);
  } else if (isTree(value)) {
    for (const [key, inside] of Object.entries(value)) {
      yield { holder: value, key, path: [...path, key], value: inside };
      yield* entriesOf(inside, [...path, key]);
    }
  }
}

/** A copy in which every key that names a file or folder is absolute. */
function absolutePaths(tree: Tree, folder: string): Tree {
  const copy = structuredClone(tree);
  for (const { holder, key, path, value } of [...entriesOf(copy, [])]) {
    const namesFile = isSecretFile(path) || pathKeys.some((pattern) => matches(pattern, path));
    if (namesFile && typeof value === 'string' && value !== '') holder[key] = resolve(folder, value);
  }
  return copy;
}

function nodeName(hostName: string): string {
  const name = hostName.replaceAll(/[^A-Za-z0-9_.-]/g, '-').slice(0, 64);
  return name === '' ? 'tollgate' : name;
}

/** The system's folder if it can be written, or made; else `.tollgate` in the working folder. */
async function defaultState(options: LoadOptions): Promise<string> {
  const system = options.systemState ?? '/var/lib/tollgate';
  if ((await writable(system)) ?? (await writable(dirname(system))) ?? false) return system;
  return resolve(options.cwd, '.tollgate');
}

/** `undefined` if there is nothing at all. */
async function writable(folder: string): Promise<boolean | undefined> {
  try {
    await access(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT' ? undefined : false;
  }
}
