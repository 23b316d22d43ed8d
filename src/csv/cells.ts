/**
 * One value of a policy document as the text of one cell, and back: words, numbers, yes or no, lists.
 *
 * Guarantees: what `writeCell` makes of a value, `readCell` reads as that value, or `writeCell` says that it cannot.
 * Says nothing about whether a value is allowed; the policy's own schema does, in its own words.
 */
import { guard, unguard } from './table.ts';

/** `json`: whatever has no better form in a cell. */
export type CellKind = 'text' | 'number' | 'boolean' | 'texts' | 'numbers' | 'json';

/** Between the entries of a list, as in the files of Yeastar. */
const LIST_SEPARATOR = '&';

/** @returns undefined if a cell of this kind cannot hold the value */
export function writeCell(kind: CellKind, value: unknown): string | undefined {
  if (value === undefined) return '';
  switch (kind) {
    case 'text':
      return typeof value === 'string' && !/[\p{Cc}\p{Cs}]/u.test(value) ? guard(value) : undefined;
    case 'number':
    case 'boolean':
      return typeof value === kind ? guard(String(value)) : undefined;
    case 'texts':
    case 'numbers': {
      if (!Array.isArray(value)) return undefined;
      const items = value.map((item: unknown) => escapeItem(String(item)));
      return items.length === 0 ? '' : guard(items.join(LIST_SEPARATOR));
    }
    case 'json':
      return guard(JSON.stringify(value));
    default:
      return kind satisfies never;
  }
}

export type ReadCell =
  /** `items`: what stood for each entry of a list. */
  { readonly value: unknown; readonly items?: readonly string[] } | { readonly problem: string };

/**
 * Reads a cell that is not empty. Text that is no number where one is wanted is handed on as text: the schema says better
 * than this could what is expected.
 */
export function readCell(kind: CellKind, cell: string): ReadCell {
  const text = unguard(cell);
  switch (kind) {
    case 'text':
      return { value: text };
    case 'number':
      return { value: numberOr(text) };
    case 'boolean':
      return { value: BOOLEANS.get(text.trim().toLowerCase()) ?? text };
    case 'texts':
    case 'numbers': {
      const items = splitList(text);
      if (items === undefined)
        return { problem: 'holds a \\ on its own; write \\\\ for it, and \\& for an & that separates nothing' };
      return { items, value: kind === 'numbers' ? items.map(numberOr) : items };
    }
    case 'json':
      try {
        return { value: JSON.parse(text) };
      } catch {
        return { problem: 'is not JSON' };
      }
    default:
      return kind satisfies never;
  }
}

/** Spreadsheets write TRUE. */
const BOOLEANS = new Map([
  ['true', true],
  ['false', false],
]);

const numberOr = (text: string): number | string => (/^-?\d+(?:\.\d+)?$/.test(text.trim()) ? Number(text) : text);

/** Blanks round an entry mean nothing to people who type lists, so those that do mean something are escaped. */
const escapeItem = (item: string): string =>
  item
    .replaceAll(/[\\&]/g, (character) => `\\${character}`)
    .replaceAll(/[\p{Cc}\p{Cs}]|^\s+|\s+$/gu, (characters) =>
      Array.from({ length: characters.length }, (_, at) => hexadecimal(characters.charCodeAt(at))).join(''),
    );

const hexadecimal = (codeUnit: number): string => `\\u${codeUnit.toString(16).padStart(4, '0')}`;

const BLANK = /^\s+|\s+$/g;

/** @returns undefined if a backslash stands before something that it does not belong to */
function splitList(text: string): readonly string[] | undefined {
  const items: string[] = [];
  let item = '';
  // Only blanks that stand there themselves are dropped; escaped ones come back after that.
  const finish = (): void => {
    const read = unescapeItem(item.replaceAll(BLANK, ''));
    items.push(read);
    item = '';
  };
  for (const [token] of text.matchAll(/\\(?:u[0-9a-fA-F]{4}|[\\&])|[\s\S]/g)) {
    if (token === '\\') return undefined;
    if (token === LIST_SEPARATOR) finish();
    else item += token;
  }
  finish();
  return items.length === 1 && items[0] === '' ? [] : items;
}

const unescapeItem = (item: string): string =>
  item.replaceAll(/\\(?:u([0-9a-fA-F]{4})|([\\&]))/g, (_, code: string | undefined, character: string | undefined) =>
    code === undefined ? (character ?? '') : String.fromCharCode(Number.parseInt(code, 16)),
  );
