/**
 * Asterisk's configuration files as Asterisk reads them: sections, templates, includes, comments.
 *
 * Follows main/config.c of Asterisk 16 to 22: `;` begins a comment unless escaped, `;--` to `--;` is one over many lines,
 * `[name](!)` is a template, `[name](a,b)` takes the entries of `a` and `b` first, `[name](+)` goes on with an earlier
 * section, `#include` and `#tryinclude` take wildcards and are meant from the folder of the configuration. `#exec` is never
 * run. Bounded in depth and number of files.
 */
import { posix } from 'node:path';
import type { Machine } from './machine.ts';

export interface AsteriskEntry {
  readonly key: string;
  readonly value: string;
  /** `/etc/asterisk/sip.conf:12`. */
  readonly place: string;
}

export interface AsteriskSection {
  readonly name: string;
  readonly isTemplate: boolean;
  /** Those of its templates first: what is meant is the last of a key. */
  readonly entries: readonly AsteriskEntry[];
  /** Where it begins. */
  readonly place: string;
}

export interface AsteriskFile {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
  readonly modifiedAt: number;
}

export interface AsteriskConfig {
  /** Whether the file itself is there, readable or not. */
  readonly exists: boolean;
  readonly sections: readonly AsteriskSection[];
  /** Every file that was read, the first one included. */
  readonly files: readonly AsteriskFile[];
  /** Files that are named and may not be read, and commands whose output would be part of it. */
  readonly unseen: readonly string[];
  /** Files that are named and not there. */
  readonly missing: readonly string[];
}

const DEEPEST = 10;
const MOST_FILES = 500;

interface Reading {
  readonly machine: Machine;
  readonly etc: string;
  readonly files: AsteriskFile[];
  readonly unseen: string[];
  readonly missing: string[];
  readonly sections: Section[];
}
interface Section {
  readonly name: string;
  readonly isTemplate: boolean;
  readonly entries: AsteriskEntry[];
  readonly place: string;
}

/** @param name of the file in `etc`, such as `manager.conf` */
export async function readAsteriskConfig(machine: Machine, etc: string, name: string): Promise<AsteriskConfig> {
  const reading: Reading = { machine, etc, files: [], unseen: [], missing: [], sections: [] };
  const path = posix.join(etc, name);
  await readInto(reading, path, 0);
  const { files, unseen, sections, missing } = reading;
  const exists = files.length > 0 || unseen.length > 0;
  return { exists, sections, files, unseen, missing: missing.filter((each) => each !== path) };
}

async function readInto(reading: Reading, path: string, depth: number): Promise<void> {
  const { files, unseen, missing } = reading;
  if (depth > DEEPEST || files.length >= MOST_FILES) {
    unseen.push(path);
    return;
  }
  const found = await reading.machine.read(path);
  if (found.kind === 'absent') missing.push(path);
  else if (found.kind === 'denied') unseen.push(path);
  else {
    const { text, mode, modifiedAt } = found;
    files.push({ path, text, mode, modifiedAt });
    let inComment = false;
    for (const [index, raw] of text.split('\n').entries()) {
      const read = withoutComments(raw, inComment);
      inComment = read.inComment;
      if (read.text !== '') await takeLine(reading, read.text, `${path}:${index + 1}`, depth);
    }
  }
}

async function takeLine(reading: Reading, line: string, place: string, depth: number): Promise<void> {
  const [, directive, target = ''] = /^#(include|tryinclude|exec)\s+["<]?([^">]*)[">]?/.exec(line) ?? [];
  if (directive === 'exec') reading.unseen.push(`${place} (#exec ${target})`);
  else if (directive !== undefined) {
    const missingBefore = reading.missing.length;
    for (const path of await matching(reading, target.trim())) await readInto(reading, path, depth + 1);
    if (directive === 'tryinclude') reading.missing.length = missingBefore;
  } else if (line.startsWith('[')) openSection(reading.sections, line, place);
  else {
    const [, key, value] = /^([^=]*?)\s*=>?\s*(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined)
      reading.sections.at(-1)?.entries.push({ key: key.trim(), value, place });
  }
}

function openSection(sections: Section[], line: string, place: string): void {
  const [, name = '', options = ''] = /^\[([^\]]*)\](?:\(([^)]*)\))?/.exec(line) ?? [];
  const words = options
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
  const earlier = sections.findLast((section) => section.name === name);
  if (words.includes('+') && earlier !== undefined) {
    // What follows belongs to it; the last section of the list takes the lines.
    sections.splice(sections.indexOf(earlier), 1);
    sections.push(earlier);
    return;
  }
  const inherited = words
    .filter((word) => word !== '!' && word !== '+')
    .flatMap((word) => sections.findLast((section) => section.name === word)?.entries ?? []);
  sections.push({ name, isTemplate: words.includes('!'), entries: [...inherited], place });
}

function withoutComments(raw: string, wasInComment: boolean): { readonly text: string; readonly inComment: boolean } {
  let text = '';
  let inComment = wasInComment;
  for (let at = 0; at < raw.length; at += 1) {
    if (inComment) {
      if (raw.startsWith('--;', at)) {
        inComment = false;
        at += 2;
      }
    } else if (raw[at] === '\\' && raw[at + 1] === ';') {
      text += ';';
      at += 1;
    } else if (raw.startsWith(';--', at) && raw[at + 3] !== '-') {
      inComment = true;
      at += 2;
    } else if (raw[at] === ';') break;
    else text += raw[at];
  }
  return { text: text.trim(), inComment };
}

/** Files that an include means. A wildcard stands for what is there, which may be nothing. */
async function matching({ machine, etc }: Reading, target: string): Promise<readonly string[]> {
  const path = posix.isAbsolute(target) ? target : posix.join(etc, target);
  const name = posix.basename(path);
  if (!/[*?]/.test(name)) return [path];
  const pattern = globPattern(name);
  const names = (await machine.list(posix.dirname(path))) ?? [];
  return names.filter((each) => pattern.test(each)).map((each) => posix.join(posix.dirname(path), each));
}

/** A shell pattern of `*` and `?` as a regular expression. */
export const globPattern = (name: string): RegExp =>
  new RegExp(
    `^${name
      .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '[^/]*')
      .replaceAll('?', '[^/]')}$`,
  );

/** The value in force of a key, compared without regard to case. */
export const valueIn = (section: AsteriskSection | undefined, key: string): string | undefined =>
  section?.entries.findLast((entry) => entry.key.toLowerCase() === key.toLowerCase())?.value.trim();

/** The section of a name in force: of several with one name, all entries together. */
export function sectionNamed({ sections }: AsteriskConfig, name: string): AsteriskSection | undefined {
  const same = sections.filter((section) => section.name.toLowerCase() === name.toLowerCase());
  const [first] = same;
  return first === undefined ? undefined : { ...first, entries: same.flatMap(({ entries }) => entries) };
}

/** As `ast_true()` of Asterisk has it. */
export const isYes = (value: string | undefined): boolean => /^(?:yes|true|y|t|1|on)$/i.test(value ?? '');
/** As `ast_false()` has it; a word that is neither is what the default is. */
export const isNo = (value: string | undefined): boolean => /^(?:no|false|n|f|0|off)$/i.test(value ?? '');

/** Whether somebody beyond this host can reach what is bound there. Nothing stands for every address. */
export function isBoundToLoopback(address: string | undefined): boolean {
  const host = (address ?? '').trim().replace(/^\[/, '').replace(/\].*$/, '');
  return /^(?:127\.|::1$|localhost\b)/.test(host);
}
