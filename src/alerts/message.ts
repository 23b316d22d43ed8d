/**
 * What is sent: an incident, or a change of one, as plain text in parts. Pure. Each channel makes its own medium of it.
 */
import type { EpochMs } from '../policy/call.ts';
import { type AlertKind, kindOf, oneLine, type Severity } from './alert.ts';
import type { Incident, IncidentEvent } from './grouping.ts';

export interface Message {
  /** The same at every attempt: whoever gets it twice can tell. */
  readonly id: string;
  /** The incident; the same in all messages about it. */
  readonly incident: string;
  readonly event: IncidentEvent | 'digest' | 'test';
  readonly kind: AlertKind;
  readonly severity: Severity;
  readonly at: EpochMs;
  readonly node: string;
  readonly rule: string | null;
  readonly subject: string | null;
  /** Alerts of the incident so far. */
  readonly count: number;
  readonly title: string;
  /** Sentences. */
  readonly lines: readonly string[];
  readonly links: readonly Link[];
  /** Of one that stands for several: these. */
  readonly together?: readonly Message[];
}

export interface Link {
  readonly text: string;
  readonly url: string;
}

const LONGEST_TITLE = 200;

/** `412 refused in 5 min for extension 1001`: what came since the last message. */
function sumOf({ alert, count }: Incident, { toldCount, windowAt }: Incident, now: EpochMs): string {
  const seconds = Math.max(1, Math.round((now - windowAt) / 1000));
  const whom = alert.subject === null ? '' : ` for ${alert.subject}`;
  return `${count - toldCount} ${kindOf(alert.kind).counted} in ${shortTime(seconds)}${whom}, ${count} so far`;
}

/** @param before the incident as it was; undefined where it begins */
export function messageOfIncident(
  id: string,
  event: IncidentEvent,
  incident: Incident,
  before: Incident | undefined,
  now: EpochMs,
): Message {
  const { alert, acknowledged, over } = incident;
  const common = {
    id,
    incident: incident.id,
    event,
    kind: alert.kind,
    severity: alert.severity,
    at: now,
    node: alert.node,
    rule: alert.rule,
    subject: alert.subject,
    count: incident.count,
    links: [],
  };
  const of = (title: string, lines: readonly string[]): Message => ({
    ...common,
    title: oneLine(title, LONGEST_TITLE),
    lines: lines.filter((line) => line !== ''),
  });
  const origin = `Node ${alert.node}${alert.rule === null ? '' : `, rule ${alert.rule}`}.`;
  switch (event) {
    case 'raised':
    case 'escalated': {
      const many = incident.count > 1 ? `${incident.count} ${kindOf(alert.kind).counted} so far.` : '';
      const late = event === 'escalated' ? `Nobody has acknowledged since ${iso(incident.openedAt)}.` : '';
      return of(event === 'escalated' ? `Still open: ${alert.title}` : alert.title, [
        alert.sentence,
        many,
        late,
        origin,
      ]);
    }
    case 'again':
      return of(`${alert.title}: ${sumOf(incident, before ?? incident, now)}`, [alert.sentence, origin]);
    case 'acknowledged':
      return of(`Acknowledged: ${alert.title}`, [`${acknowledged?.by ?? 'Somebody'} has it.`]);
    case 'resolved': {
      const total = incident.count > 1 ? `${incident.count} in all.` : '';
      return of(`Over: ${alert.title}`, [
        `${over?.why ?? 'It is over'}.`,
        total,
        `Since ${iso(incident.openedAt)}.`,
        origin,
      ]);
    }
    default:
      return event satisfies never;
  }
}

const shortTime = (seconds: number): string =>
  seconds < 120
    ? `${seconds} s`
    : seconds < 7200
      ? `${Math.round(seconds / 60)} min`
      : `${Math.round(seconds / 3600)} h`;
const iso = (at: EpochMs): string => new Date(at).toISOString();

const MOST_IN_DIGEST = 50;

/** One message for several, such as all that waited for the end of quiet hours. @param messages at least one */
export function digestOf(messages: readonly Message[], first: Message): Message {
  const shown = messages.slice(0, MOST_IN_DIGEST).map(({ title, at }) => `${iso(at)} ${title}`);
  const more = messages.length - shown.length;
  return {
    ...first,
    event: 'digest',
    title: `${messages.length} alerts during quiet hours`,
    lines: [...shown, ...(more > 0 ? [`and ${more} more`] : [])],
    links: [],
    together: messages,
  };
}

/** For the test button. */
export const testMessage = (id: string, channel: string, node: string, now: EpochMs): Message => ({
  id,
  incident: id,
  event: 'test',
  kind: 'test',
  severity: 'info',
  at: now,
  node,
  rule: null,
  subject: null,
  count: 1,
  title: `Test of the channel ${channel}`,
  lines: ['Whoever reads this is told of alerts by this channel.', `Node ${node}.`],
  links: [],
});
