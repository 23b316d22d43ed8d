/** Live events put together: what other parts tell, or show when they are asked again and again, into the stream. */
import type { Redis } from 'ioredis';
import type { Alerts } from '../alerts/alerts.ts';
import { reportAlert } from '../api/alert-report.ts';
import { type KnownApproval, reportApproval } from '../approvals/approval.ts';
import type { ApprovalDesk } from '../approvals/approval-desk.ts';
import type { BanList } from '../bans/ban-list.ts';
import type { FirewallService } from '../bans/firewall-service.ts';
import type { Journal } from '../gate/journal.ts';
import type { Log } from '../log.ts';
import type { AuditEntry } from '../people/audit-log.ts';
import type { Keys } from '../redis/keys.ts';
import type { PartStatus } from '../status.ts';
import { callEvent, type EventType } from './event.ts';
import { createEventStream, type EventStream } from './event-stream.ts';

export interface LiveEvents extends Pick<EventStream, 'follow' | 'since' | 'last' | 'publish'> {
  /** Of every entry of the audit log that this node writes. */
  readonly audited: (entry: AuditEntry) => void;
  /** @returns what ends it */
  readonly watch: (sources: EventSources) => () => void;
  readonly close: () => void;
}

export interface EventSources {
  readonly journal: Pick<Journal, 'follow'>;
  readonly desk: Pick<ApprovalDesk, 'onOpened' | 'onSeconded' | 'onSettled'>;
  readonly bans: Pick<BanList, 'onChange'>;
  readonly alerts: Pick<Alerts, 'list'>;
  readonly firewall: Pick<FirewallService, 'control'>;
  readonly parts: () => readonly PartStatus[];
}

const LOOK_EVERY_MS = 1000;
const ALERTS_LOOKED_AT = 20;

export function createLiveEvents(deps: {
  readonly redis: Redis;
  readonly reader: Redis;
  readonly keys: Keys;
  readonly node: string;
  readonly log: Log;
}): LiveEvents {
  const { node } = deps;
  const stream = createEventStream(deps);
  const { publish } = stream;

  const approval = (known: KnownApproval): void => {
    const report = reportApproval(known);
    const { id, state, approvedBy, resumedAfterMs } = report;
    publish('approval', report, [id, state, approvedBy.length, resumedAfterMs !== null].join(' '));
  };

  /** Of what has no listeners: tells what differs from the look before. */
  const differences = (type: EventType, shared: boolean) => {
    let known: ReadonlyMap<string, string> | undefined;
    return (now: ReadonlyMap<string, object>): void => {
      const texts = new Map([...now].map(([name, data]) => [name, JSON.stringify(data)]));
      for (const [name, data] of known === undefined ? [] : now)
        if (known?.get(name) !== texts.get(name))
          publish(type, data, shared ? `${name} ${texts.get(name)}` : undefined);
      known = texts;
    };
  };

  const watch: LiveEvents['watch'] = ({ journal, desk, bans, alerts, firewall, parts }) => {
    stream.whileWatched(() => journal.follow((decision) => publish('call', callEvent(decision))));
    const alertsDiffer = differences('alert', true);
    stream.whileWatched(() => {
      const look = async (): Promise<void> => {
        const incidents = (await alerts.list('all', ALERTS_LOOKED_AT)).map((each) => reportAlert(each));
        alertsDiffer(new Map(incidents.map((each) => [each.id, each])));
      };
      const timer = setInterval(() => void look().catch(() => undefined), LOOK_EVERY_MS).unref();
      return () => clearInterval(timer);
    });
    const partsDiffer = differences('health', false);
    const firewallDiffers = differences('firewall', false);
    const timer = setInterval(() => {
      partsDiffer(new Map(parts().map(({ name, state, since }) => [name, { node, part: name, state, since }])));
      const { plan, pending, lastUndone } = firewall.control.state();
      const portal = plan.portal !== null;
      const revertAt = pending === undefined ? null : new Date(pending.revertAt).toISOString();
      const undoneAt = lastUndone === undefined ? null : new Date(lastUndone.at).toISOString();
      firewallDiffers(new Map([['', { node, portal, isolated: plan.isolation !== null, revertAt, undoneAt }]]));
    }, LOOK_EVERY_MS).unref();
    const stops = [
      desk.onOpened((opened) =>
        approval({ approval: opened, settlement: undefined, approvers: [], resumedAt: undefined }),
      ),
      desk.onSeconded(approval),
      desk.onSettled(approval),
      bans.onChange((changes) => {
        for (const { what, at, by, ban } of changes) {
          const until = ban.until === null ? null : new Date(ban.until).toISOString();
          const { address, reason, service, origin, defenceType } = ban;
          const event = { what, by, address, until, reason, service, origin, defenceType };
          publish(
            'ban',
            { ...event, at: new Date(at).toISOString() },
            `${address} ${what} ${ban.since} ${ban.until} ${reason}`,
          );
        }
      }),
    ];
    return () => {
      clearInterval(timer);
      for (const stop of stops) stop();
    };
  };

  return {
    ...stream,
    watch,
    audited: ({ action, subject, by }) => {
      const [area = ''] = action.split('.');
      const type = TYPE_OF_ACTION[area];
      if (type !== undefined) publish(type, { node, action, subject, by });
    },
  };
}

/** What the audit log calls a change, by the first word of its action. */
const TYPE_OF_ACTION: Readonly<Record<string, EventType>> = {
  policy: 'rule',
  rules: 'rule',
  templates: 'rule',
  groups: 'rule',
  extensions: 'rule',
  trunks: 'rule',
  schedules: 'rule',
  destinations: 'rule',
  allowlist: 'allowlist',
  settings: 'settings',
  branding: 'settings',
  locks: 'lock',
};
