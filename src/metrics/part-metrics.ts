/** The parts of the daemon as metrics: which is up, since when, and what waits in each. */
import type { Registry } from 'prom-client';
import type { Alerts } from '../alerts/alerts.ts';
import type { WebServer } from '../api/web-server.ts';
import type { AgiServer } from '../asterisk/agi-server.ts';
import type { Clock } from '../clock.ts';
import type { Journal } from '../gate/journal.ts';
import type { LiveCalls } from '../live-calls/live-calls.ts';
import type { AuditLog } from '../people/audit-log.ts';
import type { Status } from '../status.ts';
import { byName, counter, gauge } from './collected.ts';

export function partMetrics(
  register: Registry,
  deps: {
    readonly status: () => Status;
    readonly agi: Pick<AgiServer, 'connections' | 'counters'>;
    readonly web: Pick<WebServer, 'connections'>;
    readonly journal: Pick<Journal, 'backlog'>;
    readonly audit: Pick<AuditLog, 'waiting'>;
    readonly liveCalls: Pick<LiveCalls, 'count'>;
    readonly alerts: Pick<Alerts, 'state' | 'attempts'>;
    readonly clock: Pick<Clock, 'now'>;
  },
): void {
  const { status, agi, journal, clock } = deps;
  gauge(register, {
    name: 'tollgate_info',
    help: 'Always 1; says what runs here.',
    labelNames: ['version', 'node'],
    read: () => [{ labels: { version: status().version, node: status().node }, value: 1 }],
  });
  gauge(register, {
    name: 'tollgate_part_up',
    help: 'Whether a part works, 1 or 0; the parts are those of tollgate status.',
    labelNames: ['part'],
    read: () => status().parts.map(({ name, state }) => ({ labels: { part: name }, value: state === 'up' ? 1 : 0 })),
  });
  gauge(register, {
    name: 'tollgate_part_since_timestamp_seconds',
    help: 'Since when a part works, or does not.',
    labelNames: ['part'],
    read: () => status().parts.map(({ name, since }) => ({ labels: { part: name }, value: Date.parse(since) / 1000 })),
  });
  gauge(register, {
    name: 'tollgate_policy_version',
    help: 'Version of the policy in force; nodes of a tenant that differ for more than a second are worth a look.',
    read: () => status().policy.version,
  });
  gauge(register, {
    name: 'tollgate_policy_rules',
    help: 'Rules in the policy in force.',
    read: () => status().policy.rules,
  });
  gauge(register, {
    name: 'tollgate_live_calls',
    help: 'Calls of this node that are under way, as far as it can see them end.',
    read: deps.liveCalls.count,
  });
  gauge(register, {
    name: 'tollgate_agi_connections',
    help: 'Connections of FastAGI that are open.',
    read: agi.connections,
  });
  counter(register, {
    name: 'tollgate_agi_refused_total',
    help: 'Connections of FastAGI that were refused, by why.',
    labelNames: ['reason'],
    read: () => byName('reason', agi.counters().refused),
  });
  counter(register, {
    name: 'tollgate_agi_ended_total',
    help: 'Connections of FastAGI that ended, by how.',
    labelNames: ['end'],
    read: () => byName('end', agi.counters().ended),
  });
  gauge(register, {
    name: 'tollgate_web_connections',
    help: 'Connections of the web port that are open.',
    read: deps.web.connections,
  });
  gauge(register, {
    name: 'tollgate_journal_waiting',
    help: 'Decisions that wait to be written to the journal.',
    read: () => journal.backlog().waiting,
  });
  gauge(register, {
    name: 'tollgate_journal_lag_seconds',
    help: 'Age of the oldest decision that waits to be written to the journal; 0 where none does.',
    read: () => {
      const { oldestAt } = journal.backlog();
      return oldestAt === undefined ? 0 : Math.max(0, clock.now() - oldestAt) / 1000;
    },
  });
  counter(register, {
    name: 'tollgate_journal_lost_total',
    help: 'Decisions that are in no journal: too many waited while the store was away.',
    read: () => journal.backlog().lost,
  });
  gauge(register, {
    name: 'tollgate_audit_waiting',
    help: 'Entries of the audit log that wait on this host for the store.',
    read: deps.audit.waiting,
  });
  counter(register, {
    name: 'tollgate_alert_deliveries_total',
    help: 'Attempts of this node to send an alert, by channel and what became of it.',
    labelNames: ['channel', 'outcome'],
    read: () =>
      deps.alerts
        .attempts()
        .flatMap(({ channel, ...counts }) =>
          byName('outcome', counts).map(({ labels, value }) => ({ labels: { channel, ...labels }, value })),
        ),
  });
  gauge(register, {
    name: 'tollgate_alerts_waiting',
    help: 'Alerts that wait to be written to the store.',
    read: () => deps.alerts.state().waiting,
  });
  counter(register, {
    name: 'tollgate_alerts_dropped_total',
    help: 'Alerts that were dropped: too many waited.',
    read: () => deps.alerts.state().dropped,
  });
}
