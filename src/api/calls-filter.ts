/** Which decisions of the journal are wanted: the filters that its list, its patterns and its CSV file share. */
import { z } from 'zod';
import type { DecisionReport } from '../gate/report.ts';
import { wouldHaveActed } from '../gate/shadow-report.ts';
import { VERDICTS } from '../policy/actions/action.ts';
import { time } from './schema.ts';

const name = z.string().max(128).optional();

export const callsFilter = {
  verdict: z.enum(VERDICTS).optional(),
  extension: name,
  rule: name,
  trunk: name,
  destination: name,
  /** What kind of number it is, in the words of `destinationLabel`. */
  label: name,
  /** Part of an extension, number, trunk, rule, address, campaign, or a whole id. */
  text: name,
  /** A rule: calls that it would have acted on while it was in shadow. */
  shadow: name,
  since: time.optional(),
  until: time.optional(),
} as const;

const _shape = z.strictObject(callsFilter);
export type CallsFilter = Omit<z.infer<typeof _shape>, 'since'>;

export const passes = (call: DecisionReport, filter: CallsFilter): boolean =>
  (filter.until === undefined || Date.parse(call.at) <= Date.parse(filter.until)) &&
  is(call.verdict, filter.verdict) &&
  is(call.extension, filter.extension) &&
  is(call.rule, filter.rule) &&
  is(call.trunk, filter.trunk) &&
  is(call.destinationLabel, filter.label) &&
  (filter.shadow === undefined || wouldHaveActed(call, filter.shadow)) &&
  (filter.destination === undefined ||
    call.destination.includes(filter.destination) ||
    call.dialled.includes(filter.destination)) &&
  (filter.text === undefined || holds(call, filter.text.toLowerCase()));

/** What `passes` lets pass passes this as well, by the JSON of a decision as it was written. */
export function mayPass(filter: CallsFilter): (json: string) => boolean {
  const { verdict, extension, rule, trunk, label, text } = filter;
  const said = { verdict, extension, rule, trunk, destinationLabel: label };
  const parts = Object.entries(said).flatMap(([name, value]) =>
    value === undefined ? [] : [`"${name}":${JSON.stringify(value)}`],
  );
  const part = text === undefined ? undefined : JSON.stringify(text.toLowerCase()).slice(1, -1);
  return (json) =>
    parts.every((each) => json.includes(each)) && (part === undefined || json.toLowerCase().includes(part));
}

const is = (value: string | null, wanted: string | undefined): boolean => wanted === undefined || value === wanted;

const holds = (call: DecisionReport, text: string): boolean =>
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
