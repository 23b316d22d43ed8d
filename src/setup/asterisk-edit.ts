/**
 * Small changes to the text of Asterisk's configuration files: one value, one include. Pure.
 *
 * Guarantees that every other byte stays, and that doing it twice is doing it once.
 */

/** Sets a value in a section, which is made at the end if it is not there. Of several lines with the key the last counts. */
export function withValue(text: string, section: string, key: string, value: string): string {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => new RegExp(`^\\s*\\[${section}\\]`, 'i').test(line));
  const wanted = `${key} = ${value}`;
  if (start < 0) return `${withLineEnd(text)}[${section}]\n${wanted}\n`;
  const next = lines.findIndex((line, index) => index > start && /^\s*\[/.test(line));
  const end = next < 0 ? lines.length : next;
  const last = lines.findLastIndex(
    (line, index) => index > start && index < end && new RegExp(`^\\s*${key}\\s*=`, 'i').test(line),
  );
  if (last >= 0) lines[last] = wanted;
  else lines.splice(start + 1, 0, wanted);
  return lines.join('\n');
}

/** Adds an include at the end: what is in the other file begins a section of its own. */
export const withInclude = (text: string, file: string): string => `${withLineEnd(text)}#include ${file}\n`;

const withLineEnd = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`);
