/** How the command line looks: tables, colours, times. Colours only on a terminal, and never where NO_COLOR is set. */
import { stripVTControlCharacters, styleText } from 'node:util';
import Table from 'cli-table3';

/** Where a command writes to and what surrounds it. Passed in, so that commands can be run by tests in one process. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  readonly colours: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readStdin: () => Promise<string>;
  /** Asks a question that is answered with yes or no; absent where nobody sits at the terminal. */
  readonly confirm?: (question: string) => Promise<boolean>;
  /** Asks for a value, and gives what was typed; absent where nobody sits at the terminal. */
  readonly ask?: (question: string) => Promise<string>;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

export const paint = (terminal: Terminal, style: Style, text: string): string =>
  terminal.colours ? styleText(style, text, { validateStream: false }) : text;

export const VERDICT_STYLES: Readonly<Record<string, Style>> = {
  allow: 'green',
  alert: 'yellow',
  wait: 'cyan',
  hold: 'yellow',
  block: 'red',
};

/** Names and numbers come from phones and dialplans: control characters must not reach the terminal. */
export const plain = (text: string): string => stripVTControlCharacters(text).replace(/\p{Cc}/gu, ' ');

/** The library's layout takes the square of the rows: ten thousand took 8 s at once, and take less than 2 in pieces. */
const ROWS_AT_ONCE = 50;

export function table(terminal: Terminal, headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = headers.map((header) => paint(terminal, 'bold', header));
  const pieces = [[head, ...rows.slice(0, ROWS_AT_ONCE)]];
  for (let at = ROWS_AT_ONCE; at < rows.length; at += ROWS_AT_ONCE) {
    pieces.push(rows.slice(at, at + ROWS_AT_ONCE).map((row) => [...row]));
  }
  const [first = [], ...more] = pieces;
  if (more.length === 0) return layOut(first).text;
  const widths = pieces.map((piece) => layOut(piece).widths);
  const widest = head.map((_, column) => Math.max(...widths.map((each) => each[column] ?? 0)));
  return pieces.map((piece) => layOut(piece, widest).text).join('');
}

/** @param colWidths of the columns, padding included; undefined for as wide as what they hold */
function layOut(rows: readonly (readonly string[])[], colWidths: readonly number[] = []) {
  const lines = new Table({
    chars: NO_LINES,
    style: { 'padding-left': 0, 'padding-right': 2, head: [], border: [] },
    colWidths: [...colWidths],
  });
  lines.push(...rows.map((row) => [...row]));
  const text = lines
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
  // What was worked out is left in the options.
  return { text: `${text}\n`, widths: lines.options.colWidths };
}

const NO_LINES = Object.fromEntries(
  [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
    'right',
    'right-mid',
    'middle',
  ].map((place) => [place, '']),
);

export const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

/** `2026-11-21T09:41:07.123Z` in the reader's own zone: `2026-11-21 10:41:07`. */
export function localTime(iso: string): string {
  const at = new Date(iso);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

export function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

const WIDTH = 100;

/** Lines of at most so many characters, indented by two. */
export function wrapped(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length + 1 > WIDTH) lines.push(`  ${word}`);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join('\n');
}
