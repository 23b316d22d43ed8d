/**
 * What a call record says of an outbound call: who called, what was dialled, over which trunk, for which campaign. A record
 * of anything else (inbound, internal, one half of a Local channel) says nothing.
 *
 * The extension is the endpoint of the calling channel, as for a call that is decided live; caller ids are not believed.
 * Where a channel has no endpoint (Local) or is a trunk's (a call that came in and was sent out), `accountcode` or a column
 * that the user names says whose call it is, and otherwise nobody knows.
 */
import { endpointOfChannel } from '../asterisk/channel-name.ts';
import type { Outcome } from '../policy/outcome.ts';
import type { CdrRow } from './cdr-file.ts';

/** What policies know, so that a phone is told from a carrier. */
export interface KnownNames {
  readonly isTrunk: (name: string) => boolean;
  readonly isExtension: (number: string) => boolean;
  readonly isCampaign: (name: string) => boolean;
}

/** One try of one call over one trunk. Texts are empty where nobody knows. */
export interface OutboundTry {
  readonly dialled: string;
  readonly trunk: string;
  /** The endpoint of the calling channel; whether that is a trunk is only known once the whole file has been read. */
  readonly endpoint: string;
  /** As a column says it. */
  readonly extension: string;
  readonly campaign: string;
  readonly accountcode: string;
  readonly outcome: Outcome | undefined;
}

/** Extensions that are no number: the dialplan's own. */
const SPECIAL = /^(?:[a-z]|~~s~~|)$/i;
/** By which VICIdial sends calls back to itself. */
const LOOPBACK = /^AST(?:loop|blind|playback)$/;
const LIKE_AN_EXTENSION = /^\d{2,6}$/;

/** @returns undefined for a record of no outbound call */
export function outboundTryOf(row: CdrRow, names: KnownNames): OutboundTry | undefined {
  const via = dialledThrough(row);
  const dialled = SPECIAL.test(row.dst) ? (via?.number ?? '') : row.dst;
  if (dialled === '') return undefined;
  const endpoint = endpointOfChannel(row.channel) ?? sessionOf(row) ?? '';
  const trunk = row.trunk === '' ? (row.tellsTrunk ? trunkOf(row, dialled, via, names) : '') : row.trunk;
  if (trunk === undefined || LOOPBACK.test(trunk)) return undefined;
  if (!row.tellsTrunk && (names.isExtension(dialled) || names.isTrunk(endpoint))) return undefined;
  const { extension, campaign, accountcode } = row;
  const outcome = trunk === '' && row.tellsTrunk ? 'failed' : outcomeOf(row.disposition);
  // Without a channel, the caller's number is all that there is.
  const named = extension === '' && row.channel === '' ? row.src : extension;
  return { dialled, trunk, endpoint, extension: named, campaign, accountcode, outcome };
}

/** Undefined: the call did not leave the system, as far as can be seen. */
function trunkOf(
  { channel, dstchannel, lastapp, lastdata }: CdrRow,
  dialled: string,
  via: Via | undefined,
  names: KnownNames,
): string | undefined {
  // The other half has a record of its own, and that one says where the call went.
  if (dstchannel.startsWith('Local/')) return undefined;
  const reached = endpointOfChannel(dstchannel) ?? dahdiOf(dstchannel) ?? (dstchannel === '' ? via?.trunk : undefined);
  if (dstchannel === '' && lastapp.toLowerCase() !== 'dial')
    return neverDialled(channel, dialled, names) ? '' : undefined;
  if (reached === undefined || reached === endpointOfChannel(channel)) return undefined;
  if (names.isTrunk(reached)) return reached;
  if (names.isExtension(reached) || reached === dialled) return undefined;
  if (via !== undefined && (via.trunk === reached || reached.startsWith('DAHDI/')))
    return via.number === reached ? undefined : reached;
  if (LIKE_AN_EXTENSION.test(reached) || names.isExtension(dialled)) return undefined;
  // Dial named an endpoint and no number: that is how phones are called.
  return lastapp.toLowerCase() === 'dial' && lastdata !== '' ? undefined : reached;
}

/** A phone dialled an outside number and was refused before it came to Dial: the trunk is not known, the call is. */
function neverDialled(channel: string, dialled: string, names: KnownNames): boolean {
  const caller = endpointOfChannel(channel) ?? '';
  const isPhone = names.isExtension(caller) || (LIKE_AN_EXTENSION.test(caller) && !names.isTrunk(caller));
  return isPhone && /^\+?\d{7,}$/.test(dialled);
}

interface Via {
  readonly trunk: string;
  readonly number: string;
}

/** What Dial was told: `PJSIP/NUMBER@TRUNK`, `SIP/TRUNK/NUMBER`, `PJSIP/TRUNK/sip:NUMBER@HOST`, `DAHDI/g1/NUMBER`. */
function dialledThrough({ lastapp, lastdata }: CdrRow): Via | undefined {
  if (lastapp.toLowerCase() !== 'dial') return undefined;
  const [, tech = '', rest = ''] = /^(PJSIP|SIP|IAX2|DAHDI|Zap)\/([^,&|]+)/i.exec(lastdata) ?? [];
  const slash = rest.indexOf('/');
  const [line, address] =
    slash < 0
      ? [rest.slice(rest.lastIndexOf('@') + 1), rest.slice(0, Math.max(0, rest.lastIndexOf('@')))]
      : [rest.slice(rest.lastIndexOf('@', slash) + 1, slash), rest.slice(slash + 1)];
  const number = address.replace(/^sips?:/i, '').replace(/[@;].*$/, '');
  if (line === '' || !/^[+\d*#w]+$/i.test(number)) return undefined;
  return { trunk: /^(?:dahdi|zap)$/i.test(tech) ? `DAHDI/${line}` : line, number };
}

/** `DAHDI/i1/13055550100-5` is a call over span 1, `DAHDI/3-1` one over channel 3. */
function dahdiOf(channel: string): string | undefined {
  const [, line] = /^(?:DAHDI|Zap)\/([^/-]+)/i.exec(channel) ?? [];
  return line === undefined ? undefined : `DAHDI/${line}`;
}

/** The conference in which the agent of a manual or three-way call of VICIdial sits. */
function sessionOf({ clid, channel }: CdrRow): string | undefined {
  if (!/^"?(?:M\d{19}|D[CV]\d{6}W)/.test(clid)) return undefined;
  return /^Local\/(\d{4,})@/.exec(channel)?.[1];
}

/** Of a call that came over a trunk or out of the dialplan: what `accountcode` says, which may be either. */
export function namesOf(
  { endpoint, extension, campaign, accountcode }: OutboundTry,
  names: KnownNames,
): Pick<OutboundTry, 'extension' | 'campaign'> {
  const caller = names.isTrunk(endpoint) ? '' : endpoint;
  const isPerson =
    names.isExtension(accountcode) || (LIKE_AN_EXTENSION.test(accountcode) && !names.isCampaign(accountcode));
  const who = extension || caller || (isPerson ? accountcode : '');
  return { extension: who, campaign: campaign || (isPerson || accountcode === who ? '' : accountcode) };
}

function outcomeOf(disposition: string): Outcome | undefined {
  switch (disposition.toUpperCase()) {
    case 'ANSWERED':
      return 'answered';
    case 'NO ANSWER':
      return 'no-answer';
    case 'BUSY':
      return 'busy';
    case 'FAILED':
    case 'CONGESTION':
      return 'failed';
    default:
      return undefined;
  }
}
