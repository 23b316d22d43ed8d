/** What the why-view says of a decision, in words. Pure: zone and present are arguments. */
import type { DecisionReport, ExplanationReport, FindingReport, LimitReport } from '../../../gate/report.ts';
import type { CountPer } from '../../../policy/call.ts';
import {
  formatClock,
  formatCount,
  formatDuration,
  formatExactly,
  formatMoment,
  formatPhone,
  sentence,
} from '../../parts/format.ts';
import { callTexts } from '../../texts/calls.ts';

const texts = callTexts.why;
export type Layer = Exclude<ExplanationReport['layer'], 'lock'>;
/** In the order in which they are asked. A lock is one of the call limits. */
export const LAYERS: readonly Layer[] = ['emergency', 'registration', 'allowlist', 'ban', 'country', 'rules'];

export const layerOf = ({ layer }: Pick<ExplanationReport, 'layer'>): Layer => (layer === 'lock' ? 'rules' : layer);

/** `2007 → +53 5 234 5678 (Cuba, mobile) over Carrier A`. */
export function describeCall({ extension, destination, destinationLabel, trunk }: ExplanationReport): string {
  const label = ['', 'unknown'].includes(destinationLabel) ? '' : ` (${destinationLabel})`;
  const over = trunk === null ? '' : ` ${texts.over(trunk)}`;
  return `${extension ?? callTexts.unknownExtension} → ${formatPhone(destination)}${label}${over}`;
}

/** The reason, and when the same call would be let go; one sentence each. */
export function explainIt(
  call: ExplanationReport,
  at: number,
  now: number,
  zone: string | undefined,
): readonly string[] {
  return [
    sentence(call.reason),
    ...(call.waitMs === null ? [] : [texts.waits(formatDuration(call.waitMs))]),
    ...(call.verdict === 'block' || call.maxSeconds === null
      ? []
      : [texts.atMost(formatDuration(call.maxSeconds * 1000))]),
    ...(call.verdict === 'block' || call.verdict === 'hold' ? [whenAllowed(call, at, now, zone)] : []),
    ...(call.store === 'failed' ? [texts.storeAway(call.storeProblem ?? '')] : []),
  ];
}

function whenAllowed(call: ExplanationReport, at: number, now: number, zone: string | undefined): string {
  const { retryAfterSeconds, layer, rule, findings } = call;
  if (retryAfterSeconds !== null) {
    const from = at + retryAfterSeconds * 1000;
    const shown = formatMoment(from, now, zone);
    return from <= now ? texts.wasAllowedFrom(shown) : texts.allowedFrom(shown);
  }
  if (layer === 'ban') return texts.untilLifted;
  if (layer === 'lock') return texts.untilCleared;
  const decisive = findings.find((each) => each.rule === rule);
  if (decisive?.limits.some(({ kind, retryAfterSeconds: after }) => kind === 'concurrent' && after === null) === true)
    return texts.untilOver;
  return call.verdict === 'hold' ? texts.untilApproved : texts.notByItself;
}

/** `5 of 5 → not taken`, `4 of 5 → 5`; the count of a limit is the number before its slash. */
export function countOf({ kind, limit, used, usedAfter, currency }: LimitReport): string {
  const unit = kind === 'spend' ? ` ${currency ?? ''}` : kind === 'minutes' ? ' min' : '';
  const shown = (amount: number): string => `${formatCount(Math.round(amount * 100) / 100)}${unit}`;
  const of = /^[\d.]+/.exec(limit)?.[0] ?? limit;
  return used === usedAfter ? texts.notTaken(shown(used), of) : texts.taken(shown(used), of, shown(usedAfter));
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** The period of a limit such as `5/1m` that ended with the call: `14:01:09–14:02:09`; undefined where it has none. */
export function windowOf(
  { limit }: LimitReport,
  at: number,
  now: number,
  zone: string | undefined,
): string | undefined {
  const [, count = '', unit = ''] = /\/(\d+)([smhd])$/.exec(limit) ?? [];
  const seconds = Number(count) * (SECONDS[unit] ?? 0);
  if (seconds === 0) return undefined;
  const from = at - seconds * 1000;
  return `${seconds >= 86_400 ? formatMoment(from, now, zone) : formatClock(from, zone)}–${formatClock(at, zone)}`;
}

/** When this rule would let the same call go. */
export function allowedFrom(
  { exceeded, retryAfterSeconds }: FindingReport,
  at: number,
  now: number,
  zone: string | undefined,
): string {
  if (!exceeded || retryAfterSeconds === 0) return texts.now;
  if (retryAfterSeconds === null) return '–';
  return formatMoment(at + retryAfterSeconds * 1000, now, zone);
}

export interface Whose {
  readonly kind: CountPer;
  readonly id: string;
}

/** From the words of a reading back to what was counted for; undefined for what cannot be told. */
export function readSubject(words: string): Whose | undefined {
  if (words === 'the whole system') return { kind: 'system', id: '' };
  const pair = /^extension (\S+) to (\S+)$/.exec(words);
  if (pair !== null) return { kind: 'extension-number', id: `${pair[1]} ${pair[2]}` };
  const [, kind, id = ''] = /^(extension|group|trunk|number) (.+)$/.exec(words) ?? [];
  return kind === 'extension' || kind === 'group' || kind === 'trunk' || kind === 'number' ? { kind, id } : undefined;
}

/** For a mail or a ticket. */
export function asText(call: DecisionReport, now: number, zone: string | undefined): string {
  const at = Date.parse(call.at);
  const rules = call.findings
    .filter(({ applies }) => applies)
    .map(({ name, because, limits, exceeded, mode, action }) => {
      const counts = limits.map((each) => `${each.subject} ${countOf(each)} (${each.limit})`).join(', ');
      const said = exceeded ? `${mode === 'shadow' ? 'shadow ' : ''}${action}` : texts.passes;
      return `- ${name}: ${said}; ${because}${counts === '' ? '' : `; ${counts}`}`;
    });
  return [
    `${texts.did[call.verdict]}. ${describeCall(call)}, ${formatExactly(at, zone)}, ${call.id}`,
    explainIt(call, at, now, zone).join(' '),
    ...rules,
  ].join('\n');
}
