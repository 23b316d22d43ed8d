/**
 * Calls that look like fraud or a defect although each of them may be allowed: an extension that keeps hitting limits or a
 * lock, its first call to a high-risk country, many numbers in a short time, many numbers of one range.
 *
 * They speak of an extension, not of an address, so staff are told. While one goes on, each further call of it counts
 * against the address it comes from as well, unless that is allowed or that of a trunk or a registered phone. Runs after a call was answered; bounded.
 * Calls of a campaign are not looked at: a dialler calls many numbers by trade.
 */
import { peerAddress } from '../asterisk/peer-address.ts';
import { messageOf } from '../errors.ts';
import type { Decision } from '../gate/gate.ts';
import type { Log } from '../log.ts';
import { formatAddress, readAddress } from '../policy/addresses.ts';
import { showName } from '../policy/call.ts';
import { HIGH_RISK_PREFIXES } from '../policy/high-risk.ts';
import { createPrefixTable } from '../policy/prefix-table.ts';
import type { Settings } from '../policy/settings.ts';
import { goesOut } from '../policy/verdict.ts';
import type { CalledCountries } from './called-countries.ts';
import type { DefenceReports, ReportKind } from './defence-reports.ts';
import type { KnownPeers } from './known-peers.ts';
import type { Offence } from './offence.ts';

export interface CallPatterns {
  /** Never throws, never waits. */
  readonly decided: (decision: Decision) => void;
}

const WINDOW_MS = 10 * 60_000;
const MANY_REFUSALS = 10;
const MANY_NUMBERS = 100;
const MANY_FOREIGN_NUMBERS = 20;
/** Numbers that differ in their last digits only: whoever rents a range is paid for all of it. */
const RANGE_DIGITS = 3;
const MANY_DEAR_IN_RANGE = 6;
/** At home a company has its numbers in a row, too. */
const MANY_IN_RANGE = 20;
const MOST_EXTENSIONS = 10_000;
const LONGEST_EXTENSION = 80;

const HIGH_RISK = createPrefixTable(HIGH_RISK_PREFIXES.map((each) => [each.prefix, each]));

interface Called {
  readonly at: number;
  readonly isForeign: boolean;
  /** Abroad, or at the price of the number's owner. */
  readonly isDear: boolean;
}

interface Recent {
  /** When calls were refused, oldest first; at most as many as are too many. */
  refusedAt: number[];
  /** Numbers by when they were last called. */
  readonly numbers: Map<string, Called>;
}

export function createCallPatterns(deps: {
  readonly countries: CalledCountries;
  readonly settings: () => Settings;
  readonly reports: Pick<DefenceReports, 'report'>;
  readonly allowedBy: (address: string) => string | undefined;
  readonly peers: Pick<KnownPeers, 'find'>;
  readonly onOffence: (offence: Offence) => void;
  readonly node: string;
  readonly log: Log;
}): CallPatterns {
  const { log } = deps;
  const recent = new Map<string, Recent>();

  const recentOf = (extension: string): Recent => {
    const known = recent.get(extension) ?? { refusedAt: [], numbers: new Map() };
    // Last used, last forgotten.
    recent.delete(extension);
    recent.set(extension, known);
    const [oldest] = recent.keys();
    if (recent.size > MOST_EXTENSIONS && oldest !== undefined) recent.delete(oldest);
    return known;
  };

  const sourceOf = ({ call }: Decision): string | undefined => {
    const address = readAddress(call.source === undefined ? '' : (peerAddress(call.source) ?? ''));
    return address === undefined ? undefined : formatAddress(address);
  };

  const tell = (decision: Decision, extension: string, kind: ReportKind, sentence: string): void =>
    deps.reports.report({
      kind,
      sentence,
      address: sourceOf(decision) ?? null,
      account: extension,
      service: 'sipCall',
    });

  const refused = (decision: Decision, extension: string, known: Recent): void => {
    known.refusedAt = [...known.refusedAt.filter((at) => decision.at - at < WINDOW_MS), decision.at].slice(
      -MANY_REFUSALS,
    );
    if (known.refusedAt.length < MANY_REFUSALS) return;
    const name = showName(extension);
    tell(
      decision,
      extension,
      'keeps-hitting-limits',
      `extension ${name} was refused ${MANY_REFUSALS} calls within 10 minutes, the last one because: ${decision.verdict.reason}`,
    );
    offend(decision, extension);
  };

  const offend = (decision: Decision, extension: string): void => {
    const address = sourceOf(decision);
    if (address === undefined || deps.allowedBy(address) !== undefined || deps.peers.find(address) !== undefined)
      return;
    deps.onOffence({
      at: decision.at,
      service: 'sipCall',
      kind: 'call-pattern',
      address,
      port: null,
      attackedPort: null,
      transport: null,
      account: extension,
      session: decision.id,
      isSpoofable: false,
      source: `calls on ${deps.node}`,
    });
  };

  const called = (decision: Decision, extension: string, known: Recent): void => {
    const { destination } = decision.call;
    const isForeign = destination.classes.has('international');
    const isDear = isForeign || destination.classes.has('premium');
    const { at } = decision;
    known.numbers.delete(destination.number);
    known.numbers.set(destination.number, { at, isForeign, isDear });
    for (const [number, last] of known.numbers) {
      if (at - last.at < WINDOW_MS && known.numbers.size <= MANY_NUMBERS) break;
      known.numbers.delete(number);
    }
    lookAtRange(decision, extension, known, isDear);
    const foreign = [...known.numbers.values()].filter((last) => last.isForeign).length;
    const many =
      foreign >= MANY_FOREIGN_NUMBERS ? 'international ' : known.numbers.size >= MANY_NUMBERS ? '' : undefined;
    if (many === undefined) return;
    const count = many === '' ? known.numbers.size : foreign;
    const sentence = `extension ${showName(extension)} called ${count} different ${many}numbers within 10 minutes`;
    tell(decision, extension, 'many-destinations', sentence);
    offend(decision, extension);
  };

  const lookAtRange = (decision: Decision, extension: string, known: Recent, isDear: boolean): void => {
    const { number } = decision.call.destination;
    const range = number.slice(0, -RANGE_DIGITS);
    if (range.length <= RANGE_DIGITS) return;
    let count = 0;
    for (const each of known.numbers.keys()) if (each.length === number.length && each.startsWith(range)) count += 1;
    if (count < (isDear ? MANY_DEAR_IN_RANGE : MANY_IN_RANGE)) return;
    const shown = `${range}${'x'.repeat(RANGE_DIGITS)}`;
    const sentence = `extension ${showName(extension)} called ${count} different numbers of the range ${shown} within 10 minutes`;
    tell(decision, extension, 'number-range', sentence);
    offend(decision, extension);
  };

  const wentTo = async (decision: Decision, extension: string): Promise<void> => {
    const { e164, country, classes } = decision.call.destination;
    const risk = e164 === undefined || classes.has('national') ? undefined : HIGH_RISK.longest(e164)?.value;
    // Who judges a held call is told whether it is the first one there, wherever that is.
    const where = country ?? risk?.prefix;
    if (where === undefined || (risk === undefined && !classes.has('international'))) return;
    if (!(await deps.countries.isFirst(extension, where)) || risk === undefined) return;
    const sentence = `extension ${showName(extension)} called ${risk.name} (${risk.prefix}) for the first time in 90 days; numbers there are often used for fraud`;
    // Told for each country: the kind alone would be told once an hour.
    deps.reports.report({
      kind: 'new-high-risk-country',
      sentence,
      address: sourceOf(decision) ?? null,
      account: `${extension} ${where}`,
      service: 'sipCall',
    });
    offend(decision, extension);
  };

  return {
    decided: (decision) => {
      const { call, verdict } = decision;
      const extension = call.extension?.slice(0, LONGEST_EXTENSION);
      const wanted = deps.settings().autoBan;
      if (!wanted.enabled || !wanted.detect.callPatterns) return;
      if (extension === undefined || call.campaign !== undefined || verdict.layer === 'emergency') return;
      if (call.destination.classes.has('internal')) return;
      const known = recentOf(extension);
      called(decision, extension, known);
      if (verdict.name === 'block' && (verdict.layer === 'rules' || verdict.layer === 'lock'))
        refused(decision, extension, known);
      if (goesOut(decision)) {
        wentTo(decision, extension).catch((error: unknown) =>
          log.debug({ problem: messageOf(error) }, 'the countries that an extension calls could not be asked for'),
        );
      }
    },
  };
}
