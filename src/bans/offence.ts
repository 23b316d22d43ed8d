/**
 * One security event of Asterisk, read: the offence or success that it speaks of, and which part of an attempt it is.
 *
 * Pure: an event in, a reading out; nothing that arrives makes it throw. One attempt raises up to four events
 * (attempt-counter.ts puts them together), so that a reading is not yet an offence to be counted.
 *
 * What each event is taken for, as recorded from Asterisk 16.28 and 22.10 (test/fixtures/security-events):
 *
 * | event | taken for |
 * |---|---|
 * | ChallengeResponseFailed, InvalidPassword | `wrong-password`; with the account `<unknown>` the end of a refused request |
 * | InvalidAccountID | `unknown-account` |
 * | FailedACL | `acl` |
 * | InvalidTransport, UnexpectedAddress | `acl`: the account may not be used from there or in this way |
 * | ChallengeSent | nothing for a known account: every honest phone begins so. For `<unknown>`: an unknown account |
 * | RequestBadFormat, RequestNotAllowed | `malformed`, `scan` before log-in; afterwards nothing: a program with the password that errs is not kept out for it |
 * | RequestNotSupported, FailedACL of the registrar | `scan` by the endpoint `anonymous`, else nothing: whoever was let in and has no such address of record is set up wrongly |
 * | AuthMethodNotAllowed | `scan`; defined, never seen |
 * | SessionLimit, MemoryLimit, LoadAverageLimit | nothing: they tell of load, and hit whoever comes next, who may be the victim |
 * | SuccessfulAuth | success, if a password was asked for; AMI always asks, whatever `UsingPassword` says |
 *
 * The events of chan_pjsip do not say whether the request was a REGISTER, an INVITE or another: all count as registration.
 */
import type { AmiMessage } from '../asterisk/ami-packet.ts';
import { formatAddress, readAddress } from '../policy/addresses.ts';
import type { EpochMs } from '../policy/call.ts';
import type { Service } from '../policy/settings.ts';

export type OffenceKind =
  | 'wrong-password'
  | 'unknown-account'
  | 'acl'
  | 'scan'
  | 'malformed'
  | 'log-in'
  | 'call-pattern';

/** One hostile attempt. */
export interface Offence {
  /** By the clock of the Asterisk. */
  readonly at: EpochMs;
  readonly service: Service;
  readonly kind: OffenceKind;
  /** Canonical text. */
  readonly address: string;
  /** Of the attacker. chan_sip takes it from the Via header, where he writes it himself. */
  readonly port: number | null;
  readonly attackedPort: number | null;
  readonly transport: 'udp' | 'tcp' | 'tls' | 'ws' | 'wss' | null;
  /** As tried, at most 80 characters; undefined where it is not known. */
  readonly account: string | undefined;
  /** Of the attempt: the Call-ID, or a number that Asterisk uses again; at most 120 characters. */
  readonly session: string;
  /** Anybody could have caused it in the name of this address, by a datagram with a forged source. */
  readonly isSpoofable: boolean;
  /** Name of the Asterisk, or of the part of Tollgate that saw it. */
  readonly source: string;
}

/** A successful authentication: speaks for an address. Nobody can forge it: it takes the challenge sent to that address. */
export interface Success {
  readonly at: EpochMs;
  readonly service: Service;
  readonly address: string;
  readonly account: string | undefined;
  readonly transport: Offence['transport'];
  readonly source: string;
}

/** What one event says of the attempt that it belongs to. */
export type SecurityReading =
  /** All there is of an attempt. */
  | { readonly part: 'whole'; readonly offence: Offence }
  /** An account that is refused. The challenge or answer of the same request follows. */
  | { readonly part: 'refusal'; readonly offence: Offence }
  | (Challenge & { readonly part: 'challenge' })
  /** Wrong credentials. `fingerprint` is the same when the same request is sent again. */
  | (Challenge & { readonly part: 'answer'; readonly fingerprint: string })
  | { readonly part: 'success'; readonly success: Success; readonly session: string }
  /** Its lines contradict each other, or some are missing: a name that was tried held line ends. */
  | { readonly part: 'broken' };

interface Challenge {
  /** What the event stands for if nothing else is known of the attempt. */
  readonly offence: Offence;
  /** The account is none, or barred: Asterisk goes through the motions. */
  readonly isUnknown: boolean;
  /** Empty in challenges of chan_pjsip. */
  readonly nonce: string;
  /** Only chan_sip tells: what a challenge says of who asks. */
  readonly asker: { readonly account: string | undefined; readonly isCall: boolean } | undefined;
}

/** All events that have a meaning here. */
export const SECURITY_EVENTS = [
  ...['ChallengeSent', 'ChallengeResponseFailed', 'InvalidPassword', 'InvalidAccountID', 'FailedACL'],
  ...['InvalidTransport', 'UnexpectedAddress', 'RequestBadFormat', 'RequestNotAllowed', 'RequestNotSupported'],
  ...['AuthMethodNotAllowed', 'SuccessfulAuth'],
] as const;

const UNKNOWN = '<unknown>';
const LONGEST_ACCOUNT = 80;
const LONGEST_SESSION = 120;
const LONGEST_NONCE = 300;

/** @param source name of the Asterisk */
export function readSecurityEvent(event: AmiMessage, source: string): SecurityReading | undefined {
  const base = readBase(event, source);
  if (base === undefined) return { part: 'broken' };
  if (base === 'foreign') return undefined;
  const { channel, service } = base;
  const named = event.get('AccountID');
  const isUnknown = channel === 'PJSIP' && named === UNKNOWN;
  const offence = (kind: OffenceKind, account = accountOf(named)): Offence => ({
    ...base.seen,
    kind,
    service,
    account,
    port: base.port,
    attackedPort: base.attackedPort,
    session: base.session,
    isSpoofable: base.seen.transport === 'udp' || base.seen.transport === null || channel === 'SIP',
  });
  // On a call, chan_sip gives the dialled number as the account; only its challenges name who calls.
  const ofChanSip = (kind: OffenceKind): Offence => ({ ...offence(kind), account: undefined });
  const nameless = channel === 'SIP' ? ofChanSip : offence;
  const refusedAs = (kind: OffenceKind): SecurityReading =>
    channel === 'AMI' ? { part: 'whole', offence: offence(kind) } : { part: 'refusal', offence: nameless(kind) };
  const answer = (kind: OffenceKind, nonce: string, fingerprint: string): SecurityReading =>
    channel === 'AMI'
      ? { part: 'whole', offence: offence(kind) }
      : { part: 'answer', offence: nameless(kind), isUnknown, nonce, fingerprint, asker: undefined };
  const ofRegistrar = (): SecurityReading | undefined =>
    named === 'anonymous' ? { part: 'whole', offence: offence('scan') } : undefined;

  switch (event.name) {
    case 'ChallengeSent':
      if (channel === 'AMI') return undefined;
      return {
        part: 'challenge',
        offence: nameless('unknown-account'),
        isUnknown,
        nonce: kept(event.get('Challenge'), LONGEST_NONCE),
        asker: channel === 'SIP' ? askerOf(named) : undefined,
      };
    case 'ChallengeResponseFailed': {
      const [nonce, response] = [event.get('Challenge'), event.get('Response')];
      return answer(isUnknown ? 'unknown-account' : 'wrong-password', nonce, fingerprintOf(nonce, response));
    }
    case 'InvalidPassword': {
      // Asterisk's own nonce beside the one that came with the password.
      const [nonce, received] = [event.get('Challenge'), event.get('ReceivedChallenge')];
      const fingerprint = fingerprintOf(received, event.get('ReceivedHash'));
      return answer('wrong-password', nonce === received ? kept(nonce, LONGEST_NONCE) : '', fingerprint);
    }
    case 'InvalidTransport':
    case 'UnexpectedAddress':
      return answer('acl', '', event.name);
    case 'InvalidAccountID':
      return refusedAs('unknown-account');
    case 'FailedACL':
      if (event.get('ACLName') === 'registrar_attempt_without_configured_aors') return ofRegistrar();
      return refusedAs('acl');
    case 'RequestBadFormat':
      return named === '' ? { part: 'whole', offence: offence('malformed') } : undefined;
    case 'RequestNotAllowed':
      return named === '' ? { part: 'whole', offence: offence('scan') } : undefined;
    case 'RequestNotSupported':
      return ofRegistrar();
    case 'AuthMethodNotAllowed':
      return { part: 'whole', offence: offence('scan') };
    case 'SuccessfulAuth': {
      if (channel !== 'AMI' && event.get('UsingPassword') !== '1') return undefined;
      const account = channel === 'SIP' ? undefined : accountOf(named);
      return { part: 'success', success: { ...base.seen, service, account }, session: base.session };
    }
    default:
      return undefined;
  }
}

interface Base {
  readonly channel: 'AMI' | 'PJSIP' | 'SIP';
  readonly service: Service;
  readonly seen: Pick<Offence, 'at' | 'address' | 'transport' | 'source'>;
  readonly port: number | null;
  readonly attackedPort: number | null;
  readonly session: string;
}

/** Keys that every security event has. */
const KEYS = ['Event', 'Privilege', 'EventTV', 'Severity', 'Service', 'EventVersion', 'SessionID'].concat(
  'LocalAddress',
  'RemoteAddress',
);
const EVENT_TV = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4}$/;

/**
 * What all security events have in common; undefined for one that is not whole.
 *
 * Asterisk writes an account into an event as it was tried, percent-decoded, line ends included: from any phone, 36
 * characters over chan_pjsip and 79 over chan_sip. So that `x%0d%0aRemoteAddress%3a IPV4/TCP/192.0.2.9/1` gets nobody
 * else banned, nothing may be there twice; and as all of these keys take more room, no event can be made up. Over HTTP
 * (`webenabled` in manager.conf) a name may be of any length, and no such guard is possible.
 */
function readBase(event: AmiMessage, source: string): Base | 'foreign' | undefined {
  if (KEYS.some((key) => event.all(key).length === 0)) return undefined;
  for (const values of event.fields.values()) if (values.length > 1) return undefined;
  const at = EVENT_TV.test(event.get('EventTV')) ? Date.parse(event.get('EventTV')) : Number.NaN;
  const remote = endOf(event.get('RemoteAddress'));
  if (Number.isNaN(at) || remote === undefined || !event.get('Privilege').startsWith('security')) return undefined;
  const channel = event.get('Service');
  if (channel !== 'AMI' && channel !== 'PJSIP' && channel !== 'SIP') return 'foreign';
  const { address, transport, port } = remote;
  return {
    channel,
    service: channel === 'AMI' ? 'ami' : 'sipRegistration',
    seen: { at: at as EpochMs, address, transport, source },
    port,
    attackedPort: endOf(event.get('LocalAddress'))?.port ?? null,
    session: kept(event.get('SessionID'), LONGEST_SESSION),
  };
}

interface End {
  readonly address: string;
  readonly transport: Offence['transport'];
  readonly port: number | null;
}

const TRANSPORTS = new Map<string, NonNullable<Offence['transport']>>([
  ['UDP', 'udp'],
  ['TCP', 'tcp'],
  ['TLS', 'tls'],
  ['WS', 'ws'],
  ['WSS', 'wss'],
]);

/** Reads `IPV6/UDP/2001:db8::9/5060`. */
function endOf(text: string): End | undefined {
  const [, transport = '', host = '', digits = ''] = /^IPV[46]\/([A-Z]*)\/([^/]{2,60})\/(\d{1,5})$/.exec(text) ?? [];
  const address = readAddress(host);
  if (address === undefined) return undefined;
  const port = Number(digits);
  return {
    address: formatAddress(address),
    transport: TRANSPORTS.get(transport) ?? null,
    port: port >= 1 && port <= 65_535 ? port : null,
  };
}

function accountOf(text: string): string | undefined {
  if (text === '' || text === UNKNOWN) return undefined;
  return kept(text, LONGEST_ACCOUNT).replace(/[\p{Cc}\p{Cs}]/gu, '?');
}

/** chan_sip writes `sip:1001@pbx` for a call and `1001` for a registration. */
function askerOf(text: string): { readonly account: string | undefined; readonly isCall: boolean } {
  const [, user] = /^sips?:([^@;]*)/.exec(text) ?? [];
  return { account: accountOf(user ?? text), isCall: user !== undefined };
}

const fingerprintOf = (nonce: string, response: string): string =>
  `${kept(nonce, LONGEST_NONCE)} ${kept(response, LONGEST_NONCE)}`;

/** The beginning, as a string of its own: a slice would hold the whole line for as long as the attempt is remembered. */
const kept = (text: string, longest: number): string => Buffer.from(text.slice(0, longest)).toString();
