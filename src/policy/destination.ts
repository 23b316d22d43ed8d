/**
 * What was dialled, read once: the digits that decide, and whether they are an emergency number.
 *
 * Emergency numbers are recognised as dialled and behind each outside prefix, whichever way the phone sent them
 * (`911`, `9911`, `+911` is not one). This never throws, on any input: a destination that cannot be read is simply one
 * that no list names.
 */
export interface Dialling {
  /** Prefixes for an outside line, for example `9`. */
  readonly outside: readonly string[];
  /** Prefixes that stand for `+`, for example `011` and `00`. */
  readonly international: readonly string[];
}

/** What was dialled, read but not yet placed in a numbering plan. */
export interface DialledNumber {
  /** As the dialplan passed it, cut at 128 characters; for people, decides nothing. */
  readonly dialled: string;
  /**
   * Digits without separators and outside prefix; `+` in front when it was dialled with an international prefix. Cut at
   * 128 characters.
   */
  readonly number: string;
  readonly isEmergency: boolean;
}

/** Looked for behind these whatever is configured: a wrong setting must not cost a life. */
const CUSTOMARY_OUTSIDE = ['9', '0'];
const LONGEST_KEPT = 128;
/** A cut must not leave half of a character: such text cannot be sent or stored as UTF-8. */
const cut = (text: string): string => text.slice(0, LONGEST_KEPT).replace(/[\uD800-\uDBFF]$/, '');

export function readDestination(
  dialling: Dialling,
  emergencyNumbers: ReadonlySet<string>,
  text: string,
): DialledNumber {
  const dialled = cut(text);
  // All of the text is read: were it cut first, `911`, many separators and a number would pass for an emergency. What
  // stands around the number are the URI scheme (RFC 3261, RFC 3966), SIP parameters after ; and the host after @;
  // what stands in it are the separators that people and phones put there.
  const bare = text
    .replace(/^\s*(?:sips?|tel):/i, '')
    .replace(/[;@].*$/s, '')
    .replace(/[\s().\-/]/g, '');
  const readings = [bare, ...withoutPrefix(bare, [...dialling.outside, ...CUSTOMARY_OUTSIDE])];
  const emergency = readings.find((reading) => emergencyNumbers.has(reading));
  if (emergency !== undefined) return { dialled, number: emergency, isEmergency: true };
  const [inside = bare] = withoutPrefix(bare, dialling.outside);
  const [international] = withoutPrefix(inside, dialling.international);
  return { dialled, number: cut(international === undefined ? inside : `+${international}`), isEmergency: false };
}

/** The longest prefix first, so that `90` wins over `9` where a site has both. */
function withoutPrefix(digits: string, prefixes: readonly string[]): string[] {
  return prefixes
    .filter((prefix) => digits.length > prefix.length && digits.startsWith(prefix))
    .sort((a, b) => b.length - a.length)
    .map((prefix) => digits.slice(prefix.length));
}
