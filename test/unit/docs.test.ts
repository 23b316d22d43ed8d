import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { runCommandLine } from '../../src/cli/program.ts';
import { loadConfig } from '../../src/config/load.ts';
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

/** Every `tollgate …` of a page: whole lines of its fenced blocks, and code inside its sentences. */
function commandsIn(markdown: string): readonly string[] {
  const lines = fencesOf(markdown).flatMap(({ text }) => text.replaceAll(/ \\\n\s*/g, ' ').split('\n'));
  const inline = [...withoutFences(markdown).matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? '');
  return [...lines, ...inline].flatMap((code) => {
    const words = /^\s*(?:sudo )?(?:npx )?tollgate\s+([a-z-][\s\S]*)$/.exec(code)?.[1];
    return words === undefined ? [] : [words.replaceAll(/\s+/g, ' ').replace(/ *(?:#|[<>|]|&&).*$/, '')];
  });
}

/** As a shell would split it. */
const wordsOf = (command: string): string[] =>
  [...command.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)].map(([word]) =>
    word.replaceAll(/"([^"]*)"|'([^']*)'/g, '$1$2'),
  );

/**
 * What the program itself says against a command; undefined when it would carry it out. Nothing is reached beyond reading
 * the words: there is no daemon, and no program to start. In sentences the name of a command stands for it.
 */
async function objectionTo(command: string): Promise<string | undefined> {
  const nowhere = (): Promise<never> => Promise.reject(new Error('nothing is carried out here'));
  const run = async (words: readonly string[]) => {
    let said = '';
    const say = (text: string): void => {
      said += text;
    };
    const exitCode = await runCommandLine(words, {
      terminal: {
        out: say,
        error: say,
        colours: false,
        env: {},
        readStdin: async () => '',
        signal: AbortSignal.abort(),
      },
      version: '0',
      stateDir: nowhere,
      programs: { serve: nowhere, demo: nowhere, doctor: nowhere, setup: nowhere, describeConfig: nowhere },
    });
    return { exitCode, said };
  };
  const words = wordsOf(command);
  const { exitCode, said } = await run(words);
  const isMention =
    /missing required argument|required option|^Usage: /m.test(said) && !/unknown (?:command|option)/.test(said);
  if (exitCode !== 2) return undefined;
  if (isMention && (await run([...words, '--help'])).exitCode === 0) return undefined;
  return `"${command}": ${said.split('\n')[0]}`;
}

const ASTERISK = `asterisk:
  - name: pbx
    ami: { username: tollgate, password: a word }
    ari: { username: tollgate, password: a word }
`;

/** What stands in for the secrets that examples read from files, by the key without `File`. */
const SECRETS: Readonly<Record<string, string>> = {
  password: 'a word',
  sentinelPassword: 'a word',
  secret: 'a word of more than sixteen letters',
  token: '123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11',
  key: '0123456789abcdef0123456789abcdef',
  url: 'https://hooks.example.com/a',
};

describe('the documentation', () => {
  it('links to pages and headings that are there', () => {
    expect(pages.length).toBeGreaterThan(8);
    expect(pages.flatMap((page) => brokenLinks(page, read(page)))).toEqual([]);
  });

  const named = pages.flatMap((page) => commandsIn(read(page)).map((command) => ({ page, command })));

  it('names only commands that the program takes, with options and values that it takes', async () => {
    expect(named.length).toBeGreaterThan(100);
    const objections: string[] = [];
    for (const { page, command } of named) {
      const objection = await objectionTo(command);
      if (objection !== undefined) objections.push(`${page}: ${objection}`);
    }
    expect(objections).toEqual([]);
  });

  it('would be told of a command, an option or a value that does not exist', async () => {
    for (const wrong of [
      'rules frobnicate x',
      'rules set x --limits 5/1s',
      'setup --platform acme',
      'calls show a b c',
    ])
      expect(await objectionTo(wrong)).toContain(wrong);
    expect(await objectionTo('rules set x --limit 5/1s')).toBeUndefined();
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

  const configurations = pages.flatMap((page) =>
    fencesOf(read(page))
      .filter(({ mark }) => mark === 'yaml')
      .map(({ line, text }) => [`${page}:${line}`, text] as const),
  );
  it.each(configurations)('shows a part of tollgate.yaml that the daemon takes: %s', async (_place, text) => {
    const folder = mkdtempSync(join(tmpdir(), 'tollgate-docs-'));
    try {
      for (const [key, secret] of Object.entries(SECRETS)) writeFileSync(join(folder, key), secret, { mode: 0o600 });
      // The files of secrets are on the reader's machine.
      const here = text.replaceAll(/\b(\w+)File: *[^\s,}]+/g, (whole, key: string) =>
        Object.hasOwn(SECRETS, key) ? `${key}File: ${key}` : whole,
      );
      const configPath = join(folder, 'tollgate.yaml');
      // Some parts are of use only beside an Asterisk.
      const beside = /^asterisk:/m.test(here) ? '' : ASTERISK;
      writeFileSync(configPath, `${here}\n${beside}`, { mode: 0o600 });
      const options = { configPath, statePath: folder, env: {}, cwd: folder, hostName: 'test' };
      await expect(loadConfig(options)).resolves.toHaveProperty('config');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('names only files of the project that are there', () => {
    const folders =
      /^(?:src|docs|dialplan|test|docker|lua-scripts)\/[\w./-]+\.(?:ts|md|conf|lua|ael|json|yaml|mjs|service|wav)$/;
    const lost = pages.flatMap((page) =>
      [...withoutFences(read(page)).matchAll(/`([^`\s]+)`/g)].flatMap(([, path = '']) =>
        folders.test(path) && !existsSync(join(REPOSITORY, path)) ? [`${page}: ${path}`] : [],
      ),
    );
    expect(lost).toEqual([]);
  });

  it('has one page from which every other one is reached', () => {
    const reached = new Set<string>();
    const follow = (page: string): void => {
      if (reached.has(page)) return;
      reached.add(page);
      for (const [, target = ''] of withoutFences(read(page)).matchAll(/\]\(([^)#\s]+)/g)) {
        const path = relative(REPOSITORY, join(REPOSITORY, dirname(page), target));
        if (pages.includes(path)) follow(path);
      }
    };
    follow('docs/README.md');
    const inside = pages.filter((page) => /^(?:docs|dialplan)\//.test(page) && !page.startsWith('docs/adr/'));
    expect(inside.filter((page) => !reached.has(page))).toEqual([]);
    const first = new Set(
      [...read('docs/README.md').matchAll(/\]\(([^)#\s]+)/g)].map(([, target = '']) => join('docs', target)),
    );
    expect(
      inside.filter((page) => /^docs\/[\w-]+\.md$/.test(page) && page !== 'docs/README.md' && !first.has(page)),
    ).toEqual([]);
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
