/**
 * Puts the events of an attempt together, so that each attempt is one offence, however many events it raises and however
 * many attempts share a Call-ID.
 *
 * Pure but for its memory, which is bounded. Guarantees:
 * - N wrong passwords are N offences, on one Call-ID too: each has its own nonce and response;
 * - an account that is unknown or barred, tried without and then with a password, is one offence, though it raises two
 *   events for each request;
 * - the first offence of an attempt is passed on with its first event, no later.
 *
 * A datagram that gets no answer is sent again, and raises the same events again. Three such repeats in 32 s are taken for
 * that; not more, because whoever puts a header for another realm before the true one makes all his guesses look the same.
 * On other transports nothing is ever sent twice (RFC 3261, section 17).
 */
import type { Offence, SecurityReading, Success } from './offence.ts';

/** At most one of both. */
export interface Counted {
  readonly offence?: Offence;
  readonly success?: Success;
}

export interface AttemptCounter {
  readonly take: (reading: SecurityReading) => Counted;
  /** Attempts remembered. */
  readonly size: () => number;
}

/** How long a SIP request is sent again, RFC 3261, timers B and F. */
const REMEMBERED_MS = 32_000;
const MOST_REPEATS = 3;
const MOST_SESSIONS = 10_000;

type Reading<Part extends SecurityReading['part']> = Extract<SecurityReading, { readonly part: Part }>;

/** What is known of one Call-ID, or of what stands for it, and one address. */
interface Session {
  at: number;
  /** The last account that was refused and counted. */
  refused: Offence | undefined;
  /** A refusal that counts or not by what follows in the same request. */
  held: Offence | undefined;
  /** A refusal was counted in the request under way. */
  isOpen: boolean;
  /** What was counted last went without a password: the one that follows belongs to it. */
  awaitsAnswer: boolean;
  fingerprint: string;
  repeats: number;
  challenge: Reading<'challenge'> | undefined;
}

export function createAttemptCounter(): AttemptCounter {
  // In the order of their last event.
  const sessions = new Map<string, Session>();

  const sessionOf = (address: string, id: string, at: number): Session => {
    const key = `${address} ${id}`;
    const known = sessions.get(key);
    sessions.delete(key);
    const isNew = known === undefined || Math.abs(at - known.at) > REMEMBERED_MS;
    const session = isNew ? newSession() : known;
    session.at = at;
    sessions.set(key, session);
    const [oldest] = sessions.keys();
    if (sessions.size > MOST_SESSIONS && oldest !== undefined) sessions.delete(oldest);
    return session;
  };

  const offenceOf = (reading: Exclude<SecurityReading, Reading<'success' | 'broken'>>): Offence | undefined => {
    const { offence } = reading;
    if (reading.part === 'whole') return offence;
    const session = sessionOf(offence.address, offence.session, offence.at);
    if (reading.part === 'refusal') return onRefusal(session, offence);
    if (!reading.isUnknown) {
      if (reading.part === 'answer') return onAnswer(session, reading);
      // Those of chan_pjsip tell nothing more.
      if (reading.asker !== undefined) session.challenge = reading;
      return undefined;
    }
    // The refusal before it was broken by the name that was tried, or missed.
    const isUnheard = session.held === undefined && !session.isOpen;
    const first = isUnheard ? onRefusal(session, offence) : undefined;
    const last = onEndOfRefused(session, reading);
    return first ?? last;
  };

  return {
    take: (reading) => {
      if (reading.part === 'broken') return {};
      if (reading.part === 'success') {
        const { success, session } = reading;
        const asker = sessionOf(success.address, session, success.at).challenge?.asker;
        return { success: asker === undefined ? success : { ...success, ...said(asker) } };
      }
      const offence = offenceOf(reading);
      return offence === undefined ? {} : { offence };
    },
    size: () => sessions.size,
  };
}

const newSession = (): Session => ({
  at: 0,
  refused: undefined,
  held: undefined,
  isOpen: false,
  awaitsAnswer: false,
  fingerprint: '',
  repeats: 0,
  challenge: undefined,
});

function onRefusal(session: Session, offence: Offence): Offence | undefined {
  const { refused, held } = session;
  const isSame = refused !== undefined && refused.kind === offence.kind && refused.account === offence.account;
  if (isSame) {
    // One that is held still got neither challenge nor answer: an ACK, or an Asterisk that refuses barred accounts at once.
    const isCounted = held !== undefined && session.repeats >= MOST_REPEATS;
    if (held !== undefined) session.repeats = isCounted ? 0 : session.repeats + 1;
    session.held = offence;
    return isCounted ? held : undefined;
  }
  session.held = undefined;
  session.refused = offence;
  session.isOpen = true;
  session.awaitsAnswer = true;
  session.repeats = 0;
  return offence;
}

/** The challenge or answer that ends a request by an unknown or barred account. */
function onEndOfRefused(session: Session, reading: Reading<'challenge' | 'answer'>): Offence | undefined {
  const { held, awaitsAnswer } = session;
  session.held = undefined;
  session.isOpen = false;
  const isAnswer = reading.part === 'answer';
  const isRepeat = isAnswer ? reading.fingerprint === session.fingerprint : awaitsAnswer;
  if (isAnswer) session.fingerprint = reading.fingerprint;
  session.awaitsAnswer = !isAnswer;
  if (held === undefined || (isAnswer && awaitsAnswer)) return undefined;
  // A name that is not known may be another one each time.
  return isRepeat && held.account !== undefined ? unlessRepeated(session, held) : anew(session, held);
}

/** A wrong password for an account that exists, or that chan_sip pretends to know. */
function onAnswer(session: Session, reading: Reading<'answer'>): Offence | undefined {
  const { challenge } = session;
  const isRepeat = reading.fingerprint === session.fingerprint;
  session.fingerprint = reading.fingerprint;
  const offence = challenge?.asker === undefined ? reading.offence : withAsker(reading, challenge);
  return isRepeat ? unlessRepeated(session, offence) : anew(session, offence);
}

function unlessRepeated(session: Session, offence: Offence): Offence | undefined {
  if (offence.transport !== 'udp' || session.repeats >= MOST_REPEATS) return anew(session, offence);
  session.repeats += 1;
  return undefined;
}

function anew(session: Session, offence: Offence): Offence {
  session.repeats = 0;
  return offence;
}

/**
 * chan_sip invents a nonce for each Call-ID, and a session is of one address: who answers with the nonce has received what
 * was sent there.
 */
function withAsker(reading: Reading<'answer'>, challenge: Reading<'challenge'>): Offence {
  const isProven = reading.nonce !== '' && reading.nonce === challenge.nonce;
  return { ...reading.offence, ...said(challenge.asker), isSpoofable: !isProven };
}

function said(asker: Reading<'challenge'>['asker']): Pick<Offence, 'account' | 'service'> {
  return { account: asker?.account, service: asker?.isCall === true ? 'sipCall' : 'sipRegistration' };
}
