/** Incidents and given-up messages as the API and the command line have them. */
import type { ChannelDelivery } from '../alerts/alerts.ts';
import type { Incident } from '../alerts/grouping.ts';
import type { DeadLetter } from '../alerts/outbox.ts';
import type { EpochMs } from '../policy/call.ts';

export interface AlertReport {
  readonly id: string;
  readonly state: 'open' | 'acknowledged' | 'over';
  readonly kind: Incident['alert']['kind'];
  readonly severity: Incident['alert']['severity'];
  readonly rule: string | null;
  readonly subject: string | null;
  readonly title: string;
  readonly sentence: string;
  /** Alerts that are one with it. */
  readonly count: number;
  readonly node: string;
  /** ISO 8601, UTC. */
  readonly since: string;
  readonly lastAt: string;
  readonly acknowledgedBy: string | null;
  readonly acknowledgedAt: string | null;
  readonly overAt: string | null;
  readonly overBecause: string | null;
  readonly snoozedBy: string | null;
  /** Nobody hears of it until then. */
  readonly snoozedUntil: string | null;
  /** Channels that were told. */
  readonly told: readonly string[];
  /** When the next step of escalation is; null: there is none. */
  readonly nextStepAt: string | null;
}

export interface DeliveryReport extends Omit<ChannelDelivery, 'againAt'> {
  /** ISO 8601, UTC. */
  readonly againAt: string | null;
}

/** In a list, with what became of its messages. */
export interface ListedAlertReport extends AlertReport {
  readonly deliveries: readonly DeliveryReport[];
}

const iso = (at: EpochMs): string => new Date(at).toISOString();

export const reportDelivery = ({ againAt, ...rest }: ChannelDelivery): DeliveryReport => ({
  ...rest,
  againAt: againAt === null ? null : iso(againAt),
});

/** @param now by which what was snoozed is not any more */
export function reportAlert(incident: Incident, now: number = Date.now()): AlertReport {
  const { id, alert, openedAt, lastAt, count, acknowledged, over, told, steps } = incident;
  const snoozed = incident.snoozed !== null && incident.snoozed.until > now ? incident.snoozed : null;
  const [next] = steps;
  return {
    id,
    state: over !== null ? 'over' : acknowledged !== null ? 'acknowledged' : 'open',
    kind: alert.kind,
    severity: alert.severity,
    rule: alert.rule,
    subject: alert.subject,
    title: alert.title,
    sentence: alert.sentence,
    count,
    node: alert.node,
    since: iso(openedAt),
    lastAt: iso(lastAt),
    acknowledgedBy: acknowledged?.by ?? null,
    acknowledgedAt: acknowledged === null ? null : iso(acknowledged.at),
    overAt: over === null ? null : iso(over.at),
    overBecause: over?.why ?? null,
    snoozedBy: snoozed?.by ?? null,
    snoozedUntil: snoozed === null ? null : iso(snoozed.until),
    told: told.map(({ channel }) => channel),
    nextStepAt: next === undefined ? null : iso(next.at),
  };
}

export interface DeadLetterReport {
  /** Of the message. */
  readonly id: string;
  readonly channel: string;
  readonly alert: string;
  readonly title: string;
  readonly attempts: number;
  readonly problem: string;
  /** ISO 8601, UTC. */
  readonly givenUpAt: string;
}

export const reportDeadLetter = ({ delivery, at, attempts, problem }: DeadLetter): DeadLetterReport => ({
  id: delivery.id,
  channel: delivery.channel,
  alert: delivery.incident,
  title: delivery.message.title,
  attempts,
  problem,
  givenUpAt: iso(at),
});
