/**
 * What `setup` would write: users of AMI and ARI for Tollgate, their secrets, the dialplan files, `tollgate.yaml`.
 *
 * Guarantees that it writes nothing itself, that a secret which is in use stays, that what people wrote is added to and never
 * rewritten, and that a plan made after it was carried out is empty. An own user lives in a file of his own, which one
 * include brings in: taking that line out removes him.
 */
import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { stringify } from 'yaml';
import { parseYamlDocument } from '../config/yaml-document.ts';
import {
  type AsteriskConfig,
  isBoundToLoopback,
  isNo,
  isYes,
  readAsteriskConfig,
  sectionNamed,
  valueIn,
} from '../doctor/asterisk-files.ts';
import type { Machine } from '../doctor/machine.ts';
import { withInclude, withValue } from './asterisk-edit.ts';
import { DIALPLAN_FILES, type FoundAsterisk } from './find-asterisk.ts';

export interface FileChange {
  readonly path: string;
  /** Undefined: it is not there yet. */
  readonly before: string | undefined;
  readonly after: string;
  /** Whose file it is: Asterisk reads it, or Tollgate. */
  readonly reader: 'asterisk' | 'tollgate';
  /** What must not be shown of it. */
  readonly secrets: readonly string[];
}

export interface SetupPlan {
  readonly changes: readonly FileChange[];
  /** What a person has to do, because it is not for a program to do. */
  readonly notes: readonly string[];
  /** Commands of Asterisk that bring it into force. */
  readonly reloads: readonly string[];
}

export interface PlanOptions {
  readonly machine: Machine;
  readonly asterisk: FoundAsterisk;
  /** `/etc/tollgate/tollgate.yaml`. */
  readonly configPath: string;
  /** Folder of the dialplan files that come with Tollgate. */
  readonly dialplanFolder: string;
  readonly newSecret: () => string;
}

const USER = 'tollgate';
const MANAGER_FILE = 'tollgate-manager.conf';
const ARI_FILE = 'tollgate-ari.conf';
const ANY = new Set(['', '0.0.0.0', '::', '[::]']);

export async function makePlan(options: PlanOptions): Promise<SetupPlan> {
  const { asterisk, configPath } = options;
  const draft: Draft = { ...options, texts: new Map(), notes: [], folder: posix.dirname(configPath) };
  const written = await readWritten(draft);
  const [manager, ari, http] = await Promise.all(
    ['manager.conf', 'ari.conf', 'http.conf'].map((name) => readAsteriskConfig(options.machine, asterisk.etc, name)),
  );
  if (manager === undefined || ari === undefined || http === undefined) throw new Error('three files were read');
  for (const path of [manager, ari, http].flatMap(({ unseen }) => unseen)) {
    draft.notes.push(`${path} may not be read: run tollgate setup as root`);
  }
  const ami = await planAccount(draft, 'ami', manager, written?.ami);
  const rest = await planAccount(draft, 'ari', ari, written?.ari);
  await planServers(draft, http);
  const port = Number(valueIn(sectionNamed(manager, 'general'), 'port') ?? 5038);
  planConfig(
    draft,
    { ami: { ...ami, ...reachedAt(manager), port }, ari: { ...rest, url: urlOf(draft, http) } },
    written,
  );
  await planDialplan(draft, written?.agiPort ?? 4573);
  const changes = [...draft.texts.values()].filter(({ before, after }) => before !== after);
  return { changes, notes: draft.notes, reloads: reloadsFor(changes) };
}

/** A plan in the making: files by their path, each as it will be. */
interface Draft extends PlanOptions {
  readonly folder: string;
  readonly texts: Map<string, FileChange>;
  readonly notes: string[];
}

async function fileOf(draft: Draft, path: string, reader: FileChange['reader']): Promise<FileChange> {
  const known = draft.texts.get(path);
  if (known !== undefined) return known;
  const found = await draft.machine.read(path);
  if (found.kind === 'denied') draft.notes.push(`${path} ${found.why}: run tollgate setup as root`);
  const text = found.kind === 'text' ? found.text : undefined;
  const file = { path, before: text, after: text ?? '', reader, secrets: [] };
  draft.texts.set(path, file);
  return file;
}

const put = (draft: Draft, file: FileChange, after: string, secrets: readonly string[] = []): void =>
  void draft.texts.set(file.path, { ...file, after, secrets: [...file.secrets, ...secrets] });

/** One log-in as `tollgate.yaml` has it. */
interface WrittenAccount {
  readonly username: string;
  readonly password: string | undefined;
  readonly passwordFile: string | undefined;
}
interface Written {
  readonly hasServers: boolean;
  readonly ami: WrittenAccount | undefined;
  readonly ari: WrittenAccount | undefined;
  readonly agiPort: number | undefined;
  readonly text: string;
}

async function readWritten(draft: Draft): Promise<Written | undefined> {
  const file = await fileOf(draft, draft.configPath, 'tollgate');
  if (file.before === undefined) return undefined;
  const { tree } = parseYamlDocument(file.before);
  const servers = tree['asterisk'];
  const first: unknown = Array.isArray(servers) ? servers[0] : undefined;
  const account = (key: 'ami' | 'ari'): WrittenAccount | undefined => {
    const value = fieldOf(first, key);
    const username = textOf(value, 'username');
    if (username === undefined) return undefined;
    const passwordFile = textOf(value, 'passwordFile');
    const absolute = passwordFile === undefined ? undefined : posix.resolve(draft.folder, passwordFile);
    return { username, password: textOf(value, 'password'), passwordFile: absolute };
  };
  const port = /:(\d+)$/.exec(textOf(tree['agi'], 'listen') ?? '')?.[1];
  return {
    hasServers: first !== undefined,
    ami: account('ami'),
    ari: account('ari'),
    agiPort: port === undefined ? undefined : Number(port),
    text: file.before,
  };
}

const fieldOf = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? Object.entries(value).find(([name]) => name === key)?.[1] : undefined;
function textOf(value: unknown, key: string): string | undefined {
  const field = fieldOf(value, key);
  return typeof field === 'string' && field !== '' ? field : undefined;
}

/** The user over there and the secret over here, which have to be the same. */
async function planAccount(
  draft: Draft,
  kind: 'ami' | 'ari',
  config: AsteriskConfig,
  written: WrittenAccount | undefined,
): Promise<{ readonly username: string; readonly passwordFile: string }> {
  const { asterisk, newSecret, folder } = draft;
  const [key, ownName] = kind === 'ami' ? (['secret', MANAGER_FILE] as const) : (['password', ARI_FILE] as const);
  const username = written?.username ?? USER;
  const ownPath = posix.join(asterisk.etc, ownName);
  const passwordPath = written?.passwordFile ?? posix.join(folder, `${kind}.password`);
  const section = sectionNamed(config, username);
  const there = valueIn(section, key);
  const passwordFile = await fileOf(draft, passwordPath, 'tollgate');
  const kept = written?.password ?? passwordFile.before?.trim();
  const isForeign = section !== undefined && !section.place.startsWith(`${ownPath}:`);
  const isHashed = kind === 'ari' && valueIn(section, 'password_format') === 'crypt';

  if (isForeign && (isHashed || (kept !== undefined && kept !== '' && kept !== there))) {
    draft.notes.push(
      `${section.place} has a user [${username}] with another password than ${written?.password === undefined ? passwordPath : draft.configPath}: make them the same, or name another user in asterisk of ${draft.configPath}`,
    );
    if (passwordFile.before === undefined) draft.texts.delete(passwordPath);
    return { username, passwordFile: passwordPath };
  }
  const secret = [kept, there].find((each) => each !== undefined && each !== '') ?? newSecret();
  if (written?.password === undefined) {
    if (passwordFile.before?.trim() !== secret) put(draft, passwordFile, `${secret}\n`, [secret]);
  } else draft.texts.delete(passwordPath);
  if (isForeign) return { username, passwordFile: passwordPath };

  const own = await fileOf(draft, ownPath, 'asterisk');
  // What somebody changed in it stays, as long as the password fits.
  if (there !== secret)
    put(draft, own, kind === 'ami' ? managerUser(username, secret) : ariUser(username, secret), [secret]);
  const isIncluded = [...config.files.map(({ path }) => path), ...config.missing].includes(ownPath);
  if (!isIncluded) {
    const including = await includingFile(draft, kind);
    put(
      draft,
      including,
      withInclude(including.after === '' ? `[general]\nenabled = yes\n` : including.after, ownName),
    );
  }
  return { username, passwordFile: passwordPath };
}

const managerUser = (
  username: string,
  secret: string,
): string => `; The manager user of Tollgate. To remove it: take the line out that includes this file.
[${username}]
secret = ${secret}
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.1/255.255.255.255
read = system,call,security
write = system,call
`;

const ariUser = (
  username: string,
  secret: string,
): string => `; The ARI user of Tollgate. To remove it: take the line out that includes this file.
[${username}]
type = user
read_only = no
password = ${secret}
`;

/** FreePBX writes its own files anew; it leaves these to people. */
const INCLUDING = {
  own: { ami: 'manager.conf', ari: 'ari.conf' },
  freepbx: { ami: 'manager_custom.conf', ari: 'ari_additional_custom.conf' },
} as const;

async function includingFile(draft: Draft, kind: 'ami' | 'ari'): Promise<FileChange> {
  const { etc, platform } = draft.asterisk;
  const isFreepbx = platform === 'freepbx' || platform === 'issabel';
  const path = posix.join(etc, INCLUDING[isFreepbx ? 'freepbx' : 'own'][kind]);
  const file = await fileOf(draft, path, 'asterisk');
  // A custom file has no [general] of its own.
  return isFreepbx && file.after === ''
    ? { ...file, after: '; Yours: FreePBX includes it and never writes it.\n' }
    : file;
}

/** The interfaces themselves: on, and where they were off, for this host alone. */
async function planServers(draft: Draft, http: AsteriskConfig): Promise<void> {
  const { etc, platform } = draft.asterisk;
  const ofFreepbx = platform === 'freepbx' || platform === 'issabel';
  for (const name of ['manager.conf', 'http.conf'] as const) {
    const config = await readAsteriskConfig(draft.machine, etc, name);
    const general = sectionNamed(config, 'general');
    if (isYes(valueIn(general, 'enabled'))) continue;
    if (ofFreepbx) {
      draft.notes.push(
        name === 'http.conf'
          ? "Asterisk's web server is off: Settings, Advanced Settings, Enable the mini-HTTP Server: Yes"
          : `${etc}/manager.conf: enabled = yes is missing`,
      );
      continue;
    }
    const file = await fileOf(draft, posix.join(etc, name), 'asterisk');
    const on = withValue(file.after, 'general', 'enabled', 'yes');
    put(
      draft,
      file,
      valueIn(general, 'bindaddr') === undefined || !config.exists
        ? withValue(on, 'general', 'bindaddr', '127.0.0.1')
        : on,
    );
  }
  const ari = sectionNamed(await readAsteriskConfig(draft.machine, etc, 'ari.conf'), 'general');
  if (isNo(valueIn(ari, 'enabled'))) {
    const file = await fileOf(draft, posix.join(etc, 'ari.conf'), 'asterisk');
    put(draft, file, withValue(file.after, 'general', 'enabled', 'yes'));
  }
  if (valueIn(sectionNamed(http, 'general'), 'prefix') !== undefined) {
    draft.notes.push(`${etc}/http.conf sets a prefix, which Tollgate does not use: remove it, or ARI is not found`);
  }
}

/** An interface that listens on one address is reached there, and sees us come from there. */
function reachedAt(manager: AsteriskConfig): { readonly host: string } {
  const address = valueIn(sectionNamed(manager, 'general'), 'bindaddr') ?? '';
  return { host: ANY.has(address) || isBoundToLoopback(address) ? '127.0.0.1' : address };
}

function urlOf(draft: Draft, http: AsteriskConfig): string {
  const general = sectionNamed(http, 'general');
  const address = valueIn(general, 'bindaddr') ?? '';
  const host = ANY.has(address) || isBoundToLoopback(address) ? '127.0.0.1' : address;
  if (host !== '127.0.0.1')
    draft.notes.push(
      `ARI and AMI are reached at ${host}: add permit = ${host}/255.255.255.255 to ${MANAGER_FILE} if that is where AMI listens`,
    );
  return `http://${host.includes(':') ? `[${host}]` : host}:${valueIn(general, 'bindport') ?? '8088'}`;
}

function planConfig(
  draft: Draft,
  server: { readonly ami: object; readonly ari: object },
  written: Written | undefined,
): void {
  const file = draft.texts.get(draft.configPath);
  if (file === undefined || (written?.ami !== undefined && written.ari !== undefined)) return;
  const entry = { name: 'pbx', ami: server.ami, ari: { ...server.ari, app: 'tollgate' } };
  const text = stringify({ asterisk: [entry] });
  const tree = parseYamlDocument(file.after).tree;
  if (tree['asterisk'] !== undefined) {
    draft.notes.push(`${draft.configPath} has a section asterisk without ami or ari; what is missing there:\n${text}`);
    return;
  }
  const head = file.after === '' ? '# Where Tollgate listens and keeps its store: docs/configuration.md\n' : file.after;
  put(draft, file, `${head}${head.endsWith('\n') ? '' : '\n'}${text}`);
}

/** Tollgate's own files. The globals are the site's once they are there. */
async function planDialplan(draft: Draft, agiPort: number): Promise<void> {
  const { etc, platform } = draft.asterisk;
  const wanted = { 'tollgate.conf': 'tollgate.conf', ...DIALPLAN_FILES[platform] };
  for (const [name, source] of Object.entries(wanted)) {
    const file = await fileOf(draft, posix.join(etc, name), 'asterisk');
    put(draft, file, await readFile(posix.join(draft.dialplanFolder, source), 'utf8'));
  }
  const globals = await fileOf(draft, posix.join(etc, 'tollgate-globals.conf'), 'asterisk');
  if (globals.before !== undefined) return;
  const text = await readFile(posix.join(draft.dialplanFolder, 'tollgate-globals.conf'), 'utf8');
  put(draft, globals, text.replace(/^TOLLGATE_AGI = .*$/m, `TOLLGATE_AGI = agi://127.0.0.1:${agiPort}`));
}

function reloadsFor(changes: readonly FileChange[]): readonly string[] {
  const names = new Set(changes.filter(({ reader }) => reader === 'asterisk').map(({ path }) => posix.basename(path)));
  const has = (pattern: RegExp): boolean => [...names].some((name) => pattern.test(name));
  return [
    ...(has(/^(?:manager|tollgate-manager)/) ? ['manager reload'] : []),
    ...(has(/^http/) ? ['module reload http'] : []),
    ...(has(/^(?:ari|tollgate-ari|http)/) ? ['module reload res_ari.so'] : []),
    ...(has(/^tollgate(?:-globals|-freepbx|-vicidial)?\.conf$/) ? ['dialplan reload'] : []),
  ];
}
