import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { runCommandLine } from '../../src/cli/program.ts';
import { documentSchema, readPolicyDocument, ruleSchema } from '../../src/policy/document.ts';

const REPOSITORY = join(import.meta.dirname, '../..');

/** Pages for people, by path from the root. */
const pages = [
  ...readdirSync(REPOSITORY).filter((file) => file.endsWith('.md')),
  ...['docs', 'dialplan', 'lua-scripts'].flatMap((folder) =>
    readdirSync(join(REPOSITORY, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md'))
      .map((file) => join(folder, file)),
  ),
].sort();
const read = (page: string): string => readFileSync(join(REPOSITORY, page), 'utf8');

interface Fence {
  /** What stands behind the opening three backticks. */
  readonly mark: string;
  /** Line of the opening, from 1. */
  readonly line: number;
  readonly text: string;
}

function fencesOf(markdown: string): readonly Fence[] {
  const fences: Fence[] = [];
  let open: { readonly mark: string; readonly line: number; readonly lines: string[] } | undefined;
  markdown.split('\n').forEach((text, index) => {
    const mark = /^ *```(.*)$/.exec(text)?.[1]?.trim();
    if (mark === undefined) open?.lines.push(text);
    else if (open === undefined) open = { mark, line: index + 1, lines: [] };
    else {
      fences.push({ mark: open.mark, line: open.line, text: open.lines.join('\n') });
      open = undefined;
    }
  });
  return fences;
}

const withoutFences = (markdown: string): string => markdown.replaceAll(/^ *```[\s\S]*?^ *```$/gm, '');

/** The anchor that a heading gets: lower case, punctuation dropped, blanks to dashes. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
const anchorsOf = (page: string): readonly string[] =>
  [...withoutFences(read(page)).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading ?? ''));

function brokenLinks(page: string, markdown: string): string[] {
  return [...withoutFences(markdown).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? page : relative(REPOSITORY, join(REPOSITORY, dirname(page), path));
    if (!existsSync(join(REPOSITORY, file))) return [`${page}: ${target} is not there`];
    if (anchor !== undefined && !anchorsOf(file).includes(anchor)) return [`${page}: ${target} has no such heading`];
    return [];
  });
}

/** Runs the command line for its help alone; nothing else of it may be reached. */
async function helpOf(words: readonly string[]): Promise<string> {
  let text = '';
  const never = (): never => {
    throw new Error('help needs nothing of the program');
  };
  await runCommandLine([...words, '--help'], {
    terminal: {
      out: (part) => {
        text += part;
      },
      error: never,
      colours: false,
      env: {},
      readStdin: never,
      signal: new AbortController().signal,
    },
    version: '0',
    stateDir: never,
    programs: { serve: never, demo: never, describeConfig: never },
  });
  return text;
}

interface CommandShape {
  readonly commands: ReadonlyMap<string, CommandShape>;
  readonly options: ReadonlySet<string>;
}

/** The tree of commands as the program itself tells it. */
async function shapeOf(words: readonly string[]): Promise<CommandShape> {
  const help = await helpOf(words);
  const [head = '', list = ''] = help.split(/^Commands:$/m);
  const names = [...list.matchAll(/^ {2}([a-z]+)\b/gm)].map(([, name]) => name ?? '').filter((name) => name !== 'help');
  const commands = new Map<string, CommandShape>();
  for (const name of names) commands.set(name, await shapeOf([...words, name]));
  const options = new Set(
    [...head.matchAll(/^ {2}(?:(-\w), )?(--[a-z-]+)/gm)].flatMap(([, short, long]) => [short, long]),
  );
  return { commands, options: new Set([...options].filter((option) => option !== undefined)) };
}

/** Every `tollgate …` of a page: whole lines of its fenced blocks, and code inside its sentences. */
function commandsIn(markdown: string): readonly string[] {
  const lines = fencesOf(markdown).flatMap(({ text }) => text.split('\n'));
  const inline = [...withoutFences(markdown).matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? '');
  return [...lines, ...inline].flatMap((code) => {
    const words = /^\s*(?:sudo )?(?:npx )?tollgate\s+([a-z-][\s\S]*)$/.exec(code)?.[1];
    return words === undefined ? [] : [words.replaceAll(/\s+/g, ' ').replace(/ *(?:#|[<>|]).*$/, '')];
  });
}

/** What of a command the program does not know; undefined when it knows all. */
function unknownIn(command: string, program: CommandShape): string | undefined {
  const words = command.split(' ');
  let at = program;
  let depth = 0;
  for (const word of words) {
    const next = at.commands.get(word);
    if (next === undefined) break;
    at = next;
    depth += 1;
  }
  const rest = words.slice(depth);
  const [verb] = rest;
  if (depth === 0 || (at.commands.size > 0 && verb !== undefined)) return `no command "${command}"`;
  const option = rest.find(
    (word) => word.startsWith('-') && word !== '-' && !at.options.has(word) && !program.options.has(word),
  );
  return option === undefined ? undefined : `"${command}" has no option ${option}`;
}

describe('the documentation', () => {
  it('links to pages and headings that are there', () => {
    expect(pages.length).toBeGreaterThan(8);
    expect(pages.flatMap((page) => brokenLinks(page, read(page)))).toEqual([]);
  });

  it('names only commands and options that the program has', async () => {
    const program = await shapeOf([]);
    expect([...program.commands.keys()]).toContain('rules');
    const named = pages.flatMap((page) => commandsIn(read(page)).map((command) => ({ page, command })));
    expect(named.length).toBeGreaterThan(40);
    const unknown = named.flatMap(({ page, command }) => {
      const problem = unknownIn(command, program);
      return problem === undefined ? [] : [`${page}: ${problem}`];
    });
    expect(unknown).toEqual([]);
    expect(unknownIn('rules frobnicate x', program)).toBe('no command "rules frobnicate x"');
    expect(unknownIn('rules set x --limits 5/1s', program)).toBe('"rules set x --limits 5/1s" has no option --limits');
  });

  const examples = pages.flatMap((page) =>
    fencesOf(read(page))
      .filter(({ mark }) => mark === 'yaml policy')
      .map(({ line, text }) => [`${page}:${line}`, text] as const),
  );
  it.each(examples)('shows a policy that can be applied as it stands: %s', (_place, text) => {
    expect(readPolicyDocument(parse(text))).toHaveProperty('document');
  });

  it('shows every example of a policy in blocks that are tried', () => {
    const untried = fencesOf(read('docs/rules.md')).filter(({ mark }) => mark === 'yaml');
    expect(examples.length).toBeGreaterThan(8);
    expect(untried).toEqual([]);
  });

  it('explains every key of the policy', () => {
    const text = read('docs/rules.md');
    const keys = [...Object.keys(documentSchema.shape), ...Object.keys(ruleSchema.shape)];
    expect(keys.filter((key) => !text.includes(`\`${key}`))).toEqual([]);
  });

  it('lists every stable error code, and none that does not exist', () => {
    const ofCode = [...read('src/errors.ts').matchAll(/^ {2}\| '([A-Z_]+)'/gm)].map(([, code]) => code);
    const listed = new Set([...read('docs/errors.md').matchAll(/`([A-Z_]{4,})`/g)].map(([, code]) => code));
    expect(ofCode.length).toBeGreaterThan(5);
    // The API's answer to what nobody foresaw; no error of ours has it.
    expect([...listed].sort()).toEqual([...ofCode, 'INTERNAL'].sort());
  });
});
