/**
 * Sets of extensions as people write them: `2001`, `2001-2050`, `21xx`, `_2[0-4]XX`, `reception`.
 *
 * Pattern letters are Asterisk's (X 0-9, Z 1-9, N 2-9, `[…]`, `.` one or more, `!` none or more) and need the leading
 * underscore, except the plain `21xx` form of digits and x, which people write without it.
 * See "Pattern Matching" in the Asterisk documentation.
 */

export interface NumberSet {
  readonly has: (number: string) => boolean;
  /** True when nothing can ever be in it. */
  readonly isEmpty: boolean;
  /** Every number in it begins with one of these, one of which may be empty. */
  readonly prefixes: ReadonlySet<string>;
}

type Matcher = (number: string) => boolean;
type Member = { readonly exact: string } | { readonly matches: Matcher; readonly prefix: string };

const LONGEST_MEMBER = 80;

/**
 * Reads one member of a set.
 *
 * @returns the member, or a sentence that says what is wrong.
 */
export function parseMember(text: string): Member | { readonly problem: string } {
  const member = text.trim();
  if (member === '') return { problem: 'an empty entry; write a number, a range 2001-2050 or a pattern 21xx' };
  if (member.length > LONGEST_MEMBER)
    return { problem: `"${member.slice(0, 20)}…" is longer than ${LONGEST_MEMBER} characters` };
  const range = /^(\d+)-(\d+)$/.exec(member);
  if (range?.[1] !== undefined && range[2] !== undefined) return parseRange(member, range[1], range[2]);
  if (member.startsWith('_')) return parsePattern(member, member.slice(1));
  if (/^\d*[xX][\dxX]*$/.test(member)) return parsePattern(member, member);
  // Taken as a name, it would silently stand for nothing.
  if (/^\d*[xX][\dxX]*[.!]$/.test(member)) return { problem: `"${member}" is a pattern; write _${member}` };
  if (!/^[\p{L}\p{N}.+*#@=~_-]+$/u.test(member)) {
    return {
      problem: `"${member}" is not an extension; letters, digits and . + - _ * # @ = ~ are allowed, and patterns begin with _`,
    };
  }
  return { exact: member };
}

function parseRange(text: string, from: string, to: string): Member | { readonly problem: string } {
  if (from.length > 15 || to.length > 15) return { problem: `"${text}" has numbers of more than 15 digits` };
  if (from.length !== to.length && (/^0\d/.test(from) || /^0\d/.test(to))) {
    return { problem: `"${text}" has a leading zero on one side; write both numbers with the same number of digits` };
  }
  const [low, high] = [Number(from), Number(to)];
  if (low > high) return { problem: `"${text}" runs backwards; write ${to}-${from}` };
  const sameWidth = from.length === to.length;
  const differsAt = [...from].findIndex((digit, at) => digit !== to.charAt(at));
  return {
    prefix: sameWidth ? from.slice(0, differsAt < 0 ? from.length : differsAt) : '',
    matches: (number) => {
      if (!/^\d{1,15}$/.test(number)) return false;
      if (sameWidth ? number.length !== from.length : number.length > 1 && number.startsWith('0')) return false;
      const value = Number(number);
      return value >= low && value <= high;
    },
  };
}

const PATTERN_LETTERS: Readonly<Record<string, string>> = { X: '[0-9]', Z: '[1-9]', N: '[2-9]' };

function parsePattern(text: string, body: string): Member | { readonly problem: string } {
  let source = '';
  const prefix = /^[0-9+*#]*/.exec(body)?.[0] ?? '';
  for (let at = 0; at < body.length; at++) {
    const letter = body.charAt(at);
    const digits = PATTERN_LETTERS[letter.toUpperCase()];
    if (digits !== undefined) source += digits;
    else if (/[0-9+*#]/.test(letter)) source += `\\${letter}`.replace(/\\(\d)/, '$1');
    else if (letter === '[') {
      const end = body.indexOf(']', at);
      const inside = end < 0 ? '' : body.slice(at + 1, end);
      if (!/^(\d(-\d)?)+$/.test(inside))
        return { problem: `"${text}" has a [ ] that is not a list of digits such as [2-5] or [134]` };
      if ([...inside.matchAll(/(\d)-(\d)/g)].some(([, from = '', to = '']) => from > to)) {
        return { problem: `"${text}" has a range in [ ] that runs backwards` };
      }
      source += `[${inside}]`;
      at = end;
    } else if ((letter === '.' || letter === '!') && at === body.length - 1) {
      source += letter === '.' ? '.+' : '.*';
    } else {
      return {
        problem: `"${text}" is not a pattern Asterisk knows at "${body.slice(at)}"; use X Z N [ ] and a final . or !`,
      };
    }
  }
  if (source === '') return { problem: `"${text}" is an empty pattern` };
  const expression = new RegExp(`^${source}$`, 's');
  return { prefix, matches: (number) => expression.test(number) };
}

/**
 * Compiles members that `parseMember` accepted.
 *
 * @throws {RangeError} on a member that it does not accept: documents are checked before they are compiled.
 */
export function numberSet(members: readonly string[]): NumberSet {
  const exact = new Set<string>();
  const matchers: Matcher[] = [];
  const prefixes = new Set<string>();
  for (const text of members) {
    const member = parseMember(text);
    if ('problem' in member) throw new RangeError(member.problem);
    if ('exact' in member) exact.add(member.exact);
    else matchers.push(member.matches);
    prefixes.add('exact' in member ? member.exact : member.prefix);
  }
  return {
    isEmpty: exact.size === 0 && matchers.length === 0,
    prefixes,
    has: (number) => exact.has(number) || matchers.some((matches) => matches(number)),
  };
}
