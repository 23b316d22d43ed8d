/**
 * The text of a YAML file (configuration, policy) as a plain tree, together with where each key of it stands.
 *
 * Reports everything that YAML lets pass but a reader would misunderstand: a key twice in one mapping, a second document,
 * an unknown tag. A key without a value counts as absent, so that all keys of a section can be commented out. Knows no keys.
 */
import {
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type Scalar,
  visit,
  type YAMLError,
} from 'yaml';

/** A mapping of a configuration document. */
export type Tree = Record<string, unknown>;

export interface Position {
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

export interface YamlDocument {
  readonly tree: Tree;
  /** What is wrong with the text itself; the tree is what could be read all the same. */
  readonly problems: readonly { readonly message: string; readonly position: Position }[];
  /** Where the key at `path` stands, or the nearest mapping above it. */
  locate(path: readonly PropertyKey[]): Position | undefined;
}

/** Reads one YAML (or JSON) document. Never throws for a text, however broken. */
export function parseYamlDocument(text: string): YamlDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, strict: true });
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const problems = [...document.errors, ...document.warnings].map((error) => ({
    message: sentence(error, text),
    position: at(error.pos[0]),
  }));
  visit(document, { Scalar: (_key, scalar) => void keepDigits(scalar) });
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    problems.push({ message: `not usable YAML: ${String(error)}`, position: { line: 1, column: 1 } });
  }
  if (value !== null && value !== undefined && !isTree(value)) {
    problems.push({ message: 'expected a mapping (key: value) at the top', position: { line: 1, column: 1 } });
  }
  return {
    tree: isTree(value) ? withoutNulls(value) : {},
    problems,
    locate: (path) => {
      const offset = offsetOf(document.contents, path);
      return offset === undefined ? undefined : at(offset);
    },
  };
}

/** YAML reads `0100` as a hundred and `0x1f` as 31; in telephony both are what stands there. */
function keepDigits(scalar: Scalar): void {
  if (typeof scalar.value === 'number' && /^0[0-9xo]/.test(scalar.source ?? '')) scalar.value = scalar.source;
}

/** Whether a value is a mapping. */
export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function withoutNulls(tree: Tree): Tree {
  const kept = Object.entries(tree).filter(([, value]) => value !== null);
  return Object.fromEntries(kept.map(([key, value]) => [key, cleaned(value)]));
}

function cleaned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(cleaned);
  return isTree(value) ? withoutNulls(value) : value;
}

function sentence(error: YAMLError, text: string): string {
  const found = text.slice(...error.pos).split('\n')[0] ?? '';
  switch (error.code) {
    case 'DUPLICATE_KEY': {
      const name = /^[^\s:]+/.exec(text.slice(error.pos[0]))?.[0] ?? '';
      return `the key ${name} stands twice in the same mapping`;
    }
    case 'MULTIPLE_DOCS':
      return 'a second document begins here; the file must hold one';
    case 'TAG_RESOLVE_FAILED':
      return `the tag ${found} is not known`;
    default:
      return `not valid YAML: ${error.message.split('\n')[0] ?? ''}`;
  }
}

function offsetOf(root: Node | null, path: readonly PropertyKey[]): number | undefined {
  let node: unknown = root;
  let offset = root?.range?.[0];
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (pair === undefined) return offset;
      if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      const item: unknown = node.items[Number(step)];
      if (item === undefined) return offset;
      node = item;
      if (isMap(item) || isSeq(item) || isScalar(item)) offset = item.range?.[0] ?? offset;
    } else {
      return offset;
    }
  }
  return offset;
}
