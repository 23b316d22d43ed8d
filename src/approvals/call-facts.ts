/**
 * What those who judge a held call are told of it, beside what the rule said: who calls, where the number is, what the call
 * costs, and what "raise this limit" comes to. Noted once, when it is held, so that every node, link and log shows the same.
 *
 * Nothing here holds a call up or fails: what is not known is null.
 */
import type { CallAttempt } from '../policy/call.ts';
import type { PolicyDocument } from '../policy/document.ts';
import { describeLimit, type Limit } from '../policy/limit.ts';
import { MICROS } from '../policy/money.ts';
import { worstCases } from '../policy/rule-sentence.ts';
import type { RateSheet } from '../rates/rate-sheet.ts';
import { usualCalls } from './grant.ts';

/** For how long a yes is usually given: what the page offers. */
export const OFFERED_MINUTES = [15, 30, 60, 240, 480, 1440] as const;

export interface CallFacts {
  /** Of the extension, in the policy. */
  readonly name: string | null;
  /** By name, where they have one. */
  readonly groups: readonly string[];
  /** ISO 3166, two letters. */
  readonly country: string | null;
  readonly classes: readonly string[];
  /** No call of the extension went to that country in 90 days; null where nobody kept count. */
  readonly isFirst: boolean | null;
  readonly campaign: string | null;
  readonly agent: string | null;
  /** By the rate sheet; null without one. Units of its currency. */
  readonly cost: { readonly currency: string; readonly perMinute: number; readonly connection: number } | null;
  /** Limits of the rule, in words. */
  readonly limits: readonly string[];
  /** What "raise this limit" comes to, unless the supervisor says how many. */
  readonly raises: readonly Raise[];
}

export interface Raise {
  readonly minutes: number;
  /** How many calls more. */
  readonly calls: number;
  /** The most of one subject that start in that time, the rule's own with them; null where nothing bounds them. */
  readonly most: number | null;
}

/** Whether no call of an extension went to a country before; undefined where nobody kept count. Never rejects. */
export type IsFirstCall = (extension: string, country: string) => Promise<boolean | undefined>;

export async function callFacts(
  call: CallAttempt,
  rule: { readonly id: string; readonly limits: readonly Limit[] },
  deps: {
    readonly document: PolicyDocument;
    readonly groupsOf: (extension: string) => readonly string[];
    readonly sheet: RateSheet | undefined;
    readonly isFirstCall: IsFirstCall;
  },
): Promise<CallFacts> {
  const { extension, destination, campaign } = call;
  const { country, classes } = destination;
  const { extensions, groups, rules } = deps.document;
  // A dialler calls whatever is in its list, and nobody keeps count of that.
  const asked =
    extension !== undefined && campaign === undefined && country !== undefined && classes.has('international');
  const isFirst = asked ? await deps.isFirstCall(extension, country) : undefined;
  const entry = extension !== undefined && Object.hasOwn(extensions, extension) ? extensions[extension] : undefined;
  const written = rules.find(({ id }) => id === rule.id);
  const raises = OFFERED_MINUTES.map((minutes): Raise => {
    const calls = usualCalls(rule.limits, minutes);
    const [own] = written === undefined ? [] : worstCases(written, [minutes * 60], undefined);
    return { minutes, calls, most: own?.each == null ? null : own.each + calls };
  });
  return {
    name: entry?.name ?? null,
    groups: extension === undefined ? [] : deps.groupsOf(extension).map((id) => groups[id]?.name ?? id),
    country: country ?? null,
    classes: [...classes],
    isFirst: isFirst ?? null,
    campaign: campaign ?? null,
    agent: call.dialler?.agent ?? null,
    cost: costOf(deps.sheet, destination),
    limits: rule.limits.map(describeLimit),
    raises,
  };
}

function costOf(sheet: RateSheet | undefined, destination: CallAttempt['destination']): CallFacts['cost'] {
  if (sheet === undefined) return null;
  const { perMinuteMicros, connectionMicros } = sheet.priceOf(destination).price;
  return { currency: sheet.currency, perMinute: perMinuteMicros / MICROS, connection: connectionMicros / MICROS };
}
