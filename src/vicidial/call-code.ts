/**
 * The code that VICIdial writes into the name of the caller id of every call it makes, and what can be read off it.
 *
 * Layouts as in VICIdial's docs/CALLER_ID_NAME_CODES.txt: a letter, nine digits of the time and ten of the lead, or two
 * letters, six digits of the time and the lead between two W. A code proves nothing by itself: any phone can send one. Who
 * may be believed is the dialplan's business.
 */

export interface CallCode {
  /** The same for the whole call, on every channel of it. */
  readonly code: string;
  /** Without leading zeros; undefined where the code names none. */
  readonly lead: string | undefined;
}

const LAYOUT = /^(?:[A-Z]\d{9}(\d{10})|[A-Z]{2}\d{6}W(?:(\d{10})|[0-9A-Za-z_-]{1,20})W)$/;

/** @param callerName what the caller id has as its name; VICIdial may have written more behind a blank */
export function readCallCode(callerName: string): CallCode | undefined {
  const code = callerName.split(' ', 1)[0] ?? '';
  const match = code.length > 40 ? null : LAYOUT.exec(code);
  if (match === null) return undefined;
  const lead = (match[1] ?? match[2] ?? '').replace(/^0+/, '');
  return { code, lead: lead === '' ? undefined : lead };
}
