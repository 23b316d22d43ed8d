/**
 * From what was counted to what is done about it: nothing, a report to staff, or a ban. Pure.
 *
 * Guarantees
 * - An address of which nothing is known is banned at exactly the attempt that the settings name, not before: no detector
 *   that looks at fewer attempts looks at one address alone, but for scans, which are no attempts.
 * - An allowed address is never banned, whatever is counted.
 * - What anybody can have sent in the name of an address never bans one that is a trunk, a phone that is registered, or
 *   that somebody was let in from within the last hour. Only certain events count against it.
 * - No network is banned that holds such an address.
 * - Where staff would want to know of a ban that was not made, they are told.
 *
 * Trusted addresses have three times the attempts, as long as no more than three accounts are tried: those from which
 * somebody was let in within 24 hours, those of phones and trunks, and that of a phone set wrongly which was right before.
 */
import type { EpochMs } from '../policy/call.ts';
import { durationText, parseDuration } from '../policy/duration.ts';
import type { Settings } from '../policy/settings.ts';
import type { Evidence } from './ban.ts';
import { EVENTS_OF, type Facts, type Finding } from './detectors/detector.ts';
import { DETECTORS } from './detectors/registry.ts';
import { isMisSetPhone } from './mis-set-phone.ts';
import type { Offence } from './offence.ts';
import { isOneSubscriber, networkOf, type Readings, realmOf } from './offence-counters.ts';
import { accountText, type CountedEvent, eventsWithin, othersWithin, totalOf } from './offence-record.ts';

/** What is known of an address besides what was counted. */
export interface Known {
  /** The entry of the allowlist that decides for it. */
  readonly allowedBy: string | undefined;
  /** What Asterisk says is there now. */
  readonly peer: 'trunk' | 'registered phone' | undefined;
  /** A phone or trunk that lies in the network of the address. */
  readonly peerInNetwork: string | undefined;
}

export interface BanPlan {
  /** An address or a network. */
  readonly range: string;
  readonly lastsMs: number;
  /** After so many bans for ever; undefined: never for ever. */
  readonly permanentAfter: number | undefined;
  readonly defenceType: string;
  readonly reason: string;
  readonly offences: number;
  readonly evidence: readonly Evidence[];
}

/** `spared`: what would have been banned if it were not known. */
export type NoticeKind = 'mis-set-phone' | 'spared' | 'allowed-address';

export interface Notice {
  readonly kind: NoticeKind;
  readonly sentence: string;
}

/** Both may be: a phone that is set wrongly is reported, and may be banned for a time. */
export interface Judgement {
  readonly ban: BanPlan | undefined;
  readonly report: Notice | undefined;
}

const NOTHING: Judgement = { ban: undefined, report: undefined };
const HOUR_MS = 3_600_000;
const TRUST_MS = 24 * HOUR_MS;
const PEER_MS = HOUR_MS;
const PREVIOUSLY_GOOD_MS = 30 * 24 * HOUR_MS;
const TRUSTED_TIMES = 3;
const MOST_ACCOUNTS_OF_TRUSTED = 3;

export function judge(offence: Offence, readings: Readings, known: Known, settings: Settings['autoBan']): Judgement {
  const { address, service } = offence;
  const own = settings.services[service];
  if (!settings.enabled || !own.enabled || !readings.isNew) return NOTHING;

  const asStranger = factsOf(offence, readings, own, { onlyCertain: false, attempts: own.attempts });
  const suspected = findingsOf(asStranger, settings);
  const [suspicion] = suspected;
  if (suspicion === undefined) return NOTHING;
  if (known.allowedBy !== undefined) {
    const sentence = `${suspicion.reason}: ${address} is not banned, because "${known.allowedBy}" allows it`;
    return { ban: undefined, report: { kind: 'allowed-address', sentence } };
  }

  const isSip = realmOf(service) === 'sip';
  const { lastGood, now } = readings;
  const isRecent = (at: EpochMs | undefined, ms: number): boolean => at !== undefined && now - at < ms;
  const isPeer = isSip && (known.peer !== undefined || isRecent(lastGood.address, PEER_MS));
  const misSet = isSip && isMisSetPhone(readings.address.events, asStranger.accounts);
  const isTrusted =
    isPeer || isRecent(lastGood.address, TRUST_MS) || (misSet && isRecent(lastGood.account, PREVIOUSLY_GOOD_MS));
  const inWindow = isPeer ? asStranger.inWindow.filter(({ isCertain }) => isCertain) : asStranger.inWindow;
  const isLenient = isTrusted && new Set(inWindow.map(({ account }) => account)).size <= MOST_ACCOUNTS_OF_TRUSTED;
  const facts = factsOf(offence, readings, own, {
    onlyCertain: isPeer,
    attempts: isLenient ? TRUSTED_TIMES * own.attempts : own.attempts,
  });

  const holdsPeers = isPeer || known.peerInNetwork !== undefined || isRecent(lastGood.network, TRUST_MS);
  const findings = findingsOf(facts, settings).filter(({ range }) => range === 'address' || !holdsPeers);
  const found = findings.find(({ range }) => range === 'network') ?? findings[0];
  const report = misSet ? misSetReport(offence, suspicion) : undefined;
  if (found === undefined) return { ban: undefined, report: report ?? sparedReport(address, suspicion, known, isPeer) };
  return {
    ban: {
      range: found.range === 'network' ? facts.network.text : address,
      lastsMs: parseDuration(own.duration) ?? TRUST_MS,
      permanentAfter: misSet ? undefined : settings.permanentAfter,
      defenceType: found.defenceType,
      reason: found.reason,
      offences: found.offences,
      evidence: evidenceOf(offence, readings),
    },
    report,
  };
}

/** How many more log-ins of an address may fail within the window before it is banned; it may be fewer, for other reasons. */
export function attemptsLeft(
  { now, address, lastGood }: Pick<Readings, 'now' | 'address'> & { readonly lastGood: EpochMs | undefined },
  own: Settings['autoBan']['services'][Offence['service']],
): number {
  const inWindow = eventsWithin(address, now, parseDuration(own.window) ?? 0);
  const isTrusted = lastGood !== undefined && now - lastGood < TRUST_MS;
  const isLenient = isTrusted && new Set(inWindow.map(({ account }) => account)).size <= MOST_ACCOUNTS_OF_TRUSTED;
  return Math.max(0, (isLenient ? TRUSTED_TIMES : 1) * own.attempts - inWindow.length);
}

function factsOf(
  { service, address, account: name, kind }: Offence,
  readings: Readings,
  own: Settings['autoBan']['services'][Offence['service']],
  { onlyCertain, attempts }: { readonly onlyCertain: boolean; readonly attempts: number },
): Facts {
  const { now } = readings;
  const windowMs = parseDuration(own.window) ?? 0;
  const which = onlyCertain ? 'certain' : 'all';
  const counts = ({ isCertain }: CountedEvent): boolean => isCertain || !onlyCertain;
  const shown = name === undefined ? undefined : accountText(name);
  const today = eventsWithin(readings.address, now, TRUST_MS).filter(counts);
  return {
    service,
    attempts,
    window: durationText(windowMs),
    inWindow: eventsWithin(readings.address, now, windowMs).filter(counts),
    within: (hours) => totalOf(readings.address, now, hours, which),
    // Which account a forged event named says nothing of a known address.
    accounts: onlyCertain ? new Set(today.map((each) => each.account)).size : othersWithin(readings.address, now, 24),
    account:
      shown === undefined || kind === 'unknown-account'
        ? undefined
        : {
            name: shown,
            addresses: othersWithin(readings.account, now, 24),
            here: today.filter((each) => each.account === shown).length,
          },
    network: {
      text: networkOf(address) ?? address,
      isOneSubscriber: isOneSubscriber(address),
      inWindow: eventsWithin(readings.network, now, windowMs).length,
      within24h: totalOf(readings.network, now, 24),
      addresses: othersWithin(readings.network, now, 24),
    },
  };
}

function findingsOf(facts: Facts, settings: Settings['autoBan']): readonly Finding[] {
  return Object.values(DETECTORS).flatMap(({ setting, detect }) => {
    const found = setting === undefined || settings.detect[setting] ? detect(facts) : undefined;
    return found === undefined ? [] : [found];
  });
}

function misSetReport({ address, account }: Offence, suspicion: Finding): Notice {
  const sentence = `${suspicion.reason}, at a steady pace, all as ${accountText(account ?? '')} from ${address}: a phone with a wrong password is more likely than an attack; correct it or switch it off`;
  return { kind: 'mis-set-phone', sentence };
}

function sparedReport(address: string, suspicion: Finding, known: Known, isPeer: boolean): Notice {
  const who =
    known.peer !== undefined
      ? `${address} is a ${known.peer}`
      : isPeer
        ? `somebody was let in from ${address} within the last hour`
        : suspicion.range === 'network'
          ? `the network holds ${known.peerInNetwork ?? 'addresses from which somebody was let in'}`
          : `somebody was let in from ${address} within 24 hours`;
  const why = isPeer ? ', and what came over UDP anybody can have sent in its name' : '';
  const sentence = `${suspicion.reason}: not banned, because ${who}${why}; if it is an attack, ban it by hand`;
  return { kind: 'spared', sentence };
}

const WHAT: Readonly<Record<Offence['kind'], string>> = {
  'wrong-password': 'wrong password',
  'unknown-account': 'unknown account',
  acl: 'address that the account does not allow',
  scan: 'scan',
  malformed: 'malformed message',
  'log-in': 'failed log-in',
  'call-pattern': 'suspicious calls',
};

/** What the store kept of the address, whichever daemon saw it; the last ones are shown with a ban. */
function evidenceOf({ service, address }: Offence, { address: { events } }: Readings): readonly Evidence[] {
  return events.map(({ at, kind, account, port, transport }) => {
    const as = account === '' ? '' : ` as ${account}`;
    const from = port === null ? address : `${address}:${port}`;
    const over = transport === null ? '' : ` over ${transport.toUpperCase()}`;
    return { at, event: `${WHAT[kind]}${as} (${EVENTS_OF[service]}) from ${from}${over}` };
  });
}
