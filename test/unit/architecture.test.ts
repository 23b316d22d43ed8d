import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

/**
 * Who may import what, by the first folder below src; a file of src itself stands for itself.
 *
 * A target is a folder or a file. After `type` it may be imported for its types only: the thing itself arrives as an
 * argument. Every folder may import its own files. A new folder needs a line here.
 */
const ROOT = ['clock.ts', 'errors.ts', 'log.ts', 'log-level.ts', 'deadline.ts'];
const CORE = ['policy', 'redis', 'asterisk', ...ROOT];
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  policy: [],
  asterisk: ROOT,
  redis: ROOT,
  rates: [...CORE, 'csv', 'store'],
  gate: [...CORE, 'rates/price.ts', 'approvals/approval-desk.ts', 'type rates'],
  'live-calls': [...CORE, 'gate', 'rates/price.ts'],
  approvals: [...CORE, 'type gate', 'type rates'],
  locks: [...CORE, 'gate/charge-packer.ts', 'gate/refusing-rules.ts', 'type gate'],
  bans: [...CORE, 'type gate'],
  registrations: CORE,
  vicidial: [...CORE, 'type gate'],
  alerts: [...CORE, 'type *'],
  people: [...CORE, 'store', 'csv', 'type bans'],
  store: CORE,
  metrics: ['policy', 'approvals/approval.ts', ...ROOT, 'type *'],
  api: [
    ...CORE,
    'csv',
    'gate',
    'store',
    'rates',
    'approvals/approval.ts',
    'approvals/grant.ts',
    'alerts/alert.ts',
    'bans/ban.ts',
    'bans/ban-search.ts',
    'bans/firewall/firewall.ts',
    'bans/left-alone.ts',
    'bans/lost-peers.ts',
    'people/api-keys.ts',
    'people/audit-file.ts',
    'people/own-decisions.ts',
    'people/roles.ts',
    'people/user.ts',
    'live-events/event.ts',
    'doctor/finding.ts',
    'live-calls/cost-history.ts',
    'live-calls/which-calls.ts',
    'locks/lock-report.ts',
    'type *',
  ],
  'live-events': [...CORE, 'gate', 'approvals/approval.ts', 'api/alert-report.ts', 'type *'],
  config: [
    'alerts/settings.ts',
    'errors.ts',
    'log.ts',
    'policy/addresses.ts',
    'policy/duration.ts',
    'policy/nearest-word.ts',
    'policy/problem.ts',
  ],
  csv: ['policy'],
  doctor: [...CORE, 'config', 'type *'],
  setup: [...CORE, 'config', 'doctor', 'type *'],
  simulate: ['policy', 'gate', 'rates', 'asterisk', ...ROOT],
  cli: [
    'config',
    'csv',
    'policy',
    'rates',
    'simulate',
    'approvals/grant.ts',
    'people/roles.ts',
    'people/audit-file.ts',
    'errors.ts',
    'type *',
  ],
  demo: ['config', 'policy', 'redis', 'asterisk', ...ROOT, 'daemon.ts', 'cli/terminal.ts', 'type *'],
  page: ['type *'],
  'clock.ts': ['type policy/call.ts'],
  'errors.ts': [],
  'log.ts': ['errors.ts'],
  'log-level.ts': [...ROOT, 'type policy/call.ts'],
  'deadline.ts': ROOT,
  'watchdog.ts': [],
  'status.ts': [...ROOT, 'type *'],
  'daemon.ts': ['*'],
  'main.ts': ['*'],
};

/** What the core may use of other people's work. */
const PACKAGES_OF_POLICY = ['zod', 'luxon', 'ipaddr.js', 'libphonenumber-js/max'];
const FORBIDDEN_FOLDERS = ['utils', 'helpers', 'common'];
const FORBIDDEN_FILES = ['types.ts', 'interfaces.ts', 'index.ts'];
const MOST_LINES = 420;

const REPOSITORY = join(import.meta.dirname, '../..');
const SRC = join(REPOSITORY, 'src');
const LUA = join(REPOSITORY, 'lua-scripts');

/** Source text by path below src, written with `/`. */
type Sources = ReadonlyMap<string, string>;
interface Import {
  readonly from: string;
  /** A path below src, or the specifier of a package. */
  readonly to: string;
  readonly isOurs: boolean;
  readonly isTypeOnly: boolean;
}

const sources: Sources = new Map(
  readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.tsx?$/.test(path))
    .sort()
    .map((path) => [path, readFileSync(join(SRC, path), 'utf8')]),
);

const parsed = (path: string, text: string): ts.SourceFile => ts.createSourceFile(path, text, ts.ScriptTarget.Latest);

function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node);
  ts.forEachChild(node, (child) => visit(child, see));
}

function isTypeOnly(node: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(node)) return node.isTypeOnly;
  const { importClause: clause } = node;
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const { namedBindings: bindings, name } = clause;
  if (name !== undefined || bindings === undefined || ts.isNamespaceImport(bindings)) return false;
  return bindings.elements.length > 0 && bindings.elements.every((element) => element.isTypeOnly);
}

function importsIn(files: Sources): Import[] {
  const found: Import[] = [];
  for (const [from, text] of files) {
    const add = (specifier: ts.Node, typeOnly: boolean): void => {
      if (!ts.isStringLiteralLike(specifier)) throw new Error(`${from} imports something that is not written out`);
      const isOurs = specifier.text.startsWith('.');
      const to = isOurs ? posix.join(posix.dirname(from), specifier.text) : specifier.text;
      found.push({ from, to, isOurs, isTypeOnly: typeOnly });
    };
    visit(parsed(from, text), (node) => {
      if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
        if (node.moduleSpecifier !== undefined) add(node.moduleSpecifier, isTypeOnly(node));
      } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true);
      else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
        const [specifier] = node.arguments;
        if (specifier !== undefined) add(specifier, false);
      }
    });
  }
  return found;
}

const placeOf = (path: string): string => path.split('/')[0] ?? path;
const covers = (target: string, path: string): boolean => target === '*' || target === path || target === placeOf(path);

function isAllowed({ from, to, isTypeOnly: typeOnly }: Import): boolean {
  if (placeOf(from) === placeOf(to)) return true;
  return (MAY_IMPORT[placeOf(from)] ?? []).some((allowed) =>
    allowed.startsWith('type ') ? typeOnly && covers(allowed.slice(5), to) : covers(allowed, to),
  );
}

const edge = ({ from, to, isTypeOnly: typeOnly }: Import): string => `${from} -> ${to}${typeOnly ? ' (types)' : ''}`;

const forbiddenEdges = (files: Sources): string[] =>
  importsIn(files)
    .filter((each) => each.isOurs && !isAllowed(each))
    .map(edge);

const forbiddenPackages = (files: Sources): string[] =>
  importsIn(files)
    .filter(({ from, to, isOurs }) => !isOurs && placeOf(from) === 'policy' && !PACKAGES_OF_POLICY.includes(to))
    .map(edge);

/** One line for each circle of imports, types included: a circle of types still means that two files are one. */
function circles(files: Sources): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to, isOurs } of importsIn(files)) if (isOurs) next.set(from, [...(next.get(from) ?? []), to]);
  const found: string[] = [];
  const done = new Set<string>();
  const follow = (path: string, above: readonly string[]): void => {
    const start = above.indexOf(path);
    if (start >= 0) found.push([...above.slice(start), path].join(' -> '));
    if (start >= 0 || done.has(path)) return;
    for (const to of next.get(path) ?? []) follow(to, [...above, path]);
    done.add(path);
  };
  for (const path of next.keys()) follow(path, []);
  return found;
}

/** What would make an answer of the core depend on more than its arguments, or come later than its call. */
function impurities(files: Sources): string[] {
  const found: string[] = [];
  for (const [path, text] of files) {
    if (placeOf(path) !== 'policy') continue;
    const file = parsed(path, text);
    const report = (node: ts.Node, what: string): void => {
      const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
      found.push(`${path}:${line + 1} has ${what}`);
    };
    visit(file, (node) => {
      if (ts.isAwaitExpression(node) || node.kind === ts.SyntaxKind.AsyncKeyword) report(node, 'await or async');
      if (ts.isForOfStatement(node) && node.awaitModifier !== undefined) report(node, 'await or async');
      if (ts.isNewExpression(node) && node.expression.getText(file) === 'Date' && (node.arguments ?? []).length === 0)
        report(node, 'a clock');
      if (ts.isCallExpression(node)) {
        const called = node.expression.getText(file);
        if (/^(?:Date|DateTime|performance)(?:\.now|\.local|\.utc)?$/.test(called)) report(node, 'a clock');
        if (/^(?:Math\.random|crypto\.)/.test(called)) report(node, 'chance');
      }
      if (ts.isIdentifier(node) && ['process', 'console', 'fetch', 'setTimeout'].includes(node.text))
        report(node, node.text);
    });
  }
  return found;
}

const planted = (files: Readonly<Record<string, string>>): Sources => new Map(Object.entries(files));

describe('the import rules', () => {
  it('hold for every file of src: no edge leads where its folder may not', () => {
    expect(sources.size).toBeGreaterThan(20);
    expect(forbiddenEdges(sources)).toEqual([]);
  });

  it('have a line for every folder and file of src', () => {
    const places = readdirSync(SRC).filter((place) => !place.startsWith('.'));
    const withFiles = places.filter((place) => [...sources.keys()].some((path) => placeOf(path) === place));
    expect(withFiles.filter((place) => MAY_IMPORT[place] === undefined)).toEqual([]);
  });

  it('lead to files that exist', () => {
    // The page imports its styles and pictures as well.
    const isThere = (path: string): boolean =>
      sources.has(path) || (placeOf(path) === 'page' && existsSync(join(SRC, path)));
    const lost = importsIn(sources).filter(({ to, isOurs }) => isOurs && !isThere(to));
    expect(lost.map(edge)).toEqual([]);
  });

  it('leave the core to itself: no Node module, and no package but its own four', () => {
    expect(forbiddenPackages(sources)).toEqual([]);
  });

  it('make no circle', () => {
    expect(circles(sources)).toEqual([]);
  });

  it('would name each forbidden edge, however it is written', () => {
    const files = planted({
      'policy/a.ts': "import type { Log } from '../log.ts'; import fs from 'node:fs'; import { z } from 'zod';",
      'asterisk/b.ts': "import { a } from '../policy/a.ts'; export { c } from '../gate/c.ts'; import '../errors.ts';",
      'gate/c.ts': "const s = await import('../store/d.ts'); import { open } from '../approvals/approval-desk.ts';",
      'store/d.ts': "import type { G } from '../gate/c.ts'; let g: import('../gate/c.ts').G;",
      'api/e.ts': "import { type G } from '../alerts/f.ts'; import { type H, i } from '../alerts/f.ts';",
    });
    expect(forbiddenEdges(files)).toEqual([
      'policy/a.ts -> log.ts (types)',
      'asterisk/b.ts -> policy/a.ts',
      'asterisk/b.ts -> gate/c.ts',
      'gate/c.ts -> store/d.ts',
      'store/d.ts -> gate/c.ts (types)',
      'store/d.ts -> gate/c.ts (types)',
      'api/e.ts -> alerts/f.ts',
    ]);
    expect(forbiddenPackages(files)).toEqual(['policy/a.ts -> node:fs']);
    expect(circles(files)).toContain('gate/c.ts -> store/d.ts -> gate/c.ts');
  });
});

describe('the page', () => {
  const page: Sources = new Map([...sources].filter(([path]) => placeOf(path) === 'page'));

  it('imports no Node module, and of the daemon its types alone', () => {
    const foreign = importsIn(page).filter(({ to, isOurs }) => !isOurs && to.startsWith('node:'));
    expect(foreign.map(edge)).toEqual([]);
    const ours = importsIn(page).filter(({ to, isOurs }) => isOurs && placeOf(to) !== 'page');
    expect(ours.length).toBeGreaterThan(3);
    expect(ours.filter(({ isTypeOnly: typeOnly }) => !typeOnly).map(edge)).toEqual([]);
  });

  it('names colours in one file alone, so that none can lack its contrast', () => {
    const styles = readdirSync(join(SRC, 'page'), { recursive: true, encoding: 'utf8' }).filter(
      (path) => /\.(?:css|tsx?)$/.test(path) && path !== 'theme/tokens.css',
    );
    const coloured = styles.filter((path) =>
      /#[\da-f]{3,8}\b(?=[;'"])|\brgb\(|\bhsl\(/i.test(readFileSync(join(SRC, 'page', path), 'utf8')),
    );
    expect(coloured).toEqual([]);
  });
});

describe('the core', () => {
  it('answers at once and from its arguments alone: no await, no clock, no chance, no environment', () => {
    expect(impurities(sources)).toEqual([]);
  });

  it('would be seen to wait or to look at a clock', () => {
    const text = [
      'const f = async () => { await g(); };',
      'const a = Date.now();',
      'const b = new Date();',
      'const c = DateTime.now().plus(Math.random());',
      'const d = new Date(0);',
      'const e = process.env;',
    ].join('\n');
    expect(impurities(planted({ 'policy/a.ts': text, 'gate/b.ts': text }))).toEqual([
      'policy/a.ts:1 has await or async',
      'policy/a.ts:1 has await or async',
      'policy/a.ts:2 has a clock',
      'policy/a.ts:3 has a clock',
      'policy/a.ts:4 has a clock',
      'policy/a.ts:4 has chance',
      'policy/a.ts:6 has process',
    ]);
  });
});

describe('files', () => {
  it('are sorted by meaning: no folder and no file is named after a kind of code', () => {
    const named = [...sources.keys()].filter((path) => {
      const parts = path.split('/');
      return FORBIDDEN_FILES.includes(parts.at(-1) ?? '') || parts.some((part) => FORBIDDEN_FOLDERS.includes(part));
    });
    expect(named).toEqual([]);
  });

  it(`have at most ${MOST_LINES} lines`, () => {
    const lines = [...sources].map(([path, text]) => [path, text.split('\n').length - 1] as const);
    expect(lines.filter(([, count]) => count > MOST_LINES).map(([path, count]) => `${path}: ${count} lines`)).toEqual(
      [],
    );
  });
});

const scripts = readdirSync(LUA)
  .filter((file) => file.endsWith('.lua'))
  .map((file) => {
    const text = readFileSync(join(LUA, file), 'utf8');
    const comment = /^(?:--.*\n)+/.exec(text)?.[0] ?? '';
    return { file, header: comment.replaceAll(/^-- ?/gm, ''), body: text.slice(comment.length) };
  });

describe('Lua scripts', () => {
  it.each(scripts)(
    '$file says what it guarantees, its keys, its arguments, its reply and its caller',
    ({ file, header }) => {
      expect(header.startsWith(`${file.replace(/\.lua$/, '')}: `)).toBe(true);
      expect(header).toMatch(/^Guarantees?\b/m);
      expect(header).toMatch(/^KEYS\[/m);
      expect(header).toMatch(/^ARGV\[/m);
      expect(header).toMatch(/^Reply: /m);
      const caller = /^Called by src\/(\S+\.ts)/m.exec(header)?.[1];
      expect(caller === undefined ? 'nobody' : sources.has(caller)).toBe(true);
    },
  );

  it.each(scripts)('$file says of every key and argument that it reads by number what it is', ({ header, body }) => {
    const used = [...body.matchAll(/\b(?:KEYS|ARGV)\[\d+\]/g)].map(([name]) => name);
    expect(used.filter((name) => !header.includes(name))).toEqual([]);
  });
});
