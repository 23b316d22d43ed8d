/**
 * Who calls, where to, over what: the one input of every rule.
 *
 * A CallAttempt is what the edge (FastAGI, API, replay) understood of one outbound call that is being set up. Nothing
 * in it is trusted to be well-formed: the extension and the dialled digits may hold any character a SIP user part can.
 */
import type { Destination } from './destination-classes.ts';

declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

export type EpochMs = Branded<number, 'EpochMs'>;
export type RuleId = Branded<string, 'RuleId'>;

export interface CallAttempt {
  readonly destination: Destination;
  /** Endpoint of the calling channel, or what the dialplan passed; undefined when nobody knows. */
  readonly extension: string | undefined;
  readonly trunk: string | undefined;
  readonly campaign: string | undefined;
  /** Address the phone signals from, as text; undefined when unknown. */
  readonly source: string | undefined;
  /** Time zone of the called party as the dialplan passed it, which may be none that there is. */
  readonly calledZone?: string | undefined;
  /** Whose address `source` is, where that is not the extension: of a transferred call, the channel's own endpoint. */
  readonly sourceOf?: string | undefined;
  /** What a dialler knows of a call that it made. */
  readonly dialler?: DialledBy | undefined;
}

/** How a dialler came to make a call; `direct` is a phone that dials past it, `other` what has no word here. */
export const CALL_KINDS = ['predictive', 'manual', 'three-way', 'override', 'transfer', 'direct', 'other'] as const;
export type CallKind = (typeof CALL_KINDS)[number];

/** Undefined is what nobody knows. */
export interface DialledBy {
  readonly kind: CallKind;
  readonly agent: string | undefined;
  readonly lead: string | undefined;
  readonly list: string | undefined;
}

/** What a rule counts on: one extension, one group as a whole, one trunk, one called number, or the whole system. */
export interface Subject {
  readonly kind: CountPer;
  /** Empty for the system. */
  readonly id: string;
}

export const COUNT_PER = ['extension', 'group', 'trunk', 'number', 'extension-number', 'system'] as const;
export type CountPer = (typeof COUNT_PER)[number];

/** Calls whose extension is not known are counted together under this name, so that hiding it buys nothing. */
export const UNKNOWN_EXTENSION = 'unknown';

const LONGEST_SHOWN = 80;

/** A name that came with a call, for a sentence: one line, and not longer than a screen takes. */
export const showName = (name: string): string =>
  (name.length > LONGEST_SHOWN ? `${name.slice(0, LONGEST_SHOWN)}…` : name).replace(/[\p{Cc}\p{Cs}]/gu, '?');

/** `extension 1001`, `the whole system`. */
export function describeSubject(subject: Subject): string {
  if (subject.kind === 'system') return 'the whole system';
  const [extension = '', number = ''] = subject.id.split(' ');
  if (subject.kind === 'extension-number') return `extension ${showName(extension)} to ${showName(number)}`;
  return `${subject.kind} ${showName(subject.id)}`;
}
