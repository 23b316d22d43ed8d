/** A row of Calls: of the journal, or of the live stream; and whether it passes the filters of the list. Pure. */
import type { DecisionReport } from '../../../gate/report.ts';

type Common = Omit<
  DecisionReport,
  'findings' | 'rulesNotListed' | 'store' | 'storeProblem' | 'zone' | 'maxSeconds' | 'tookMs'
>;
export interface CallRow extends Common {
  readonly store: string;
  /** Rules in shadow that would have acted: ids. */
  readonly shadow: readonly string[];
  /** By id, as far as the decision says them. */
  readonly names: ReadonlyMap<string, string>;
}

export const rowOf = ({ findings, ...call }: DecisionReport): CallRow => ({
  ...call,
  shadow: findings
    .filter(({ mode, applies, exceeded }) => mode === 'shadow' && applies && exceeded)
    .map(({ rule }) => rule),
  names: new Map(findings.map(({ rule, name }) => [rule, name])),
});

/** @param data of an event `call`: a decision, with `shadow` for its findings */
export function rowOfEvent(data: Readonly<Record<string, unknown>>): CallRow | undefined {
  if (typeof data['id'] !== 'string' || typeof data['verdict'] !== 'string') return undefined;
  // The daemon's own event, whose type is CallEvent there.
  return { ...(data as unknown as Omit<CallRow, 'names'>), names: new Map() };
}

export const CALL_FILTERS = [
  'verdict',
  'extension',
  'rule',
  'trunk',
  'destination',
  'label',
  'shadow',
  'text',
  'since',
  'until',
] as const;
export type CallFilters = Readonly<Partial<Record<(typeof CALL_FILTERS)[number], string>>>;

/** As the daemon does it for what is kept (api/calls-filter.ts). */
export function passes(call: CallRow, filters: CallFilters): boolean {
  const { verdict, extension, rule, trunk, destination, label, shadow, text, since, until } = filters;
  const at = Date.parse(call.at);
  return (
    is(call.verdict, verdict) &&
    is(call.extension, extension) &&
    is(call.rule, rule) &&
    is(call.trunk, trunk) &&
    is(call.destinationLabel, label) &&
    (destination === undefined || call.destination.includes(destination) || call.dialled.includes(destination)) &&
    (shadow === undefined || call.shadow.includes(shadow)) &&
    (since === undefined || at >= Date.parse(since)) &&
    (until === undefined || at <= Date.parse(until)) &&
    (text === undefined || holds(call, text.toLowerCase()))
  );
}

const is = (value: string | null, wanted: string | undefined): boolean => wanted === undefined || value === wanted;

const holds = (call: CallRow, text: string): boolean =>
  call.id === text ||
  [
    call.extension,
    call.destination,
    call.dialled,
    call.destinationLabel,
    call.trunk,
    call.rule,
    call.source,
    call.campaign,
  ].some((each) => each?.toLowerCase().includes(text) === true);

/** Arrivals and what was read, each once, the newest first. */
export function merged(arrived: readonly CallRow[], read: readonly CallRow[]): readonly CallRow[] {
  if (arrived.length === 0) return read;
  const known = new Map([...arrived, ...read].map((row) => [row.id, row]));
  return [...known.values()].sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : a.id < b.id ? 1 : -1));
}
