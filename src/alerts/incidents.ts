/**
 * Incidents in motion: takes alerts, lets time pass, takes acknowledgements, and writes each change together with what it
 * sends.
 *
 * What becomes of an incident is decided in grouping.ts; here it is read, changed and written until nobody was faster.
 */
import { TollgateError } from '../errors.ts';
import type { EpochMs } from '../policy/call.ts';
import type { Alert } from './alert.ts';
import {
  acknowledge,
  addAlert,
  type Batch,
  type Change,
  type GroupingRules,
  type Incident,
  lookAt,
  mayReopen,
  openIncident,
  resolve,
  snooze,
  wake,
} from './grouping.ts';
import type { IncidentStore } from './incident-store.ts';
import { messageOfIncident } from './message.ts';
import type { Delivery } from './outbox.ts';
import { type PlannedStep, planFor, type Route } from './routing.ts';

/** What came in about one thing since the last time. */
export interface Intake {
  /** Of the incident, should it begin with this. */
  readonly id: string;
  readonly key: string;
  /** Undefined: only its end. */
  readonly batch: Batch | undefined;
  /** It is over since then. */
  readonly over: string | undefined;
  /** Channels that were told of its beginning while the store was away. */
  readonly already: readonly string[];
}

export interface Incidents {
  /** @throws {TollgateError} `STORE_UNAVAILABLE`, `STORE_TIMEOUT`, `CONFLICT`; taken again, it counts nothing twice */
  readonly take: (intake: Intake) => Promise<void>;
  /** Steps, sums and ends that are due. @throws as `take` */
  readonly look: () => Promise<void>;
  /** Undefined where there is no such incident. @throws as `take` */
  readonly acknowledge: (
    id: string,
    by: string,
  ) => Promise<{ readonly incident: Incident; readonly isFirst: boolean } | undefined>;
  /** @param until undefined: it is taken back. As `acknowledge`; `isFirst` is false where there was nothing to do */
  readonly snooze: (
    id: string,
    by: string,
    until: EpochMs | undefined,
  ) => Promise<{ readonly incident: Incident; readonly isFirst: boolean } | undefined>;
  /** What would be sent at once if this were an incident: for when the store is away. */
  readonly first: (intake: Intake) => readonly Delivery[];
}

const MOST_ATTEMPTS = 20;
const MOST_AT_ONCE = 100;

export function createIncidents(deps: {
  readonly store: IncidentStore;
  readonly rules: GroupingRules;
  readonly routes: readonly Route[];
  readonly now: () => EpochMs;
  /** Something was written that may be due. */
  readonly onWritten: () => void;
}): Incidents {
  const { store, rules, now } = deps;
  const plan = (alert: Alert): PlannedStep[] => planFor(alert, now(), deps.routes, rules.schedules);

  const write = async (
    change: Change,
    before: Incident | undefined,
    latest: Incident | undefined,
  ): Promise<boolean> => {
    const deliveries = deliveriesOf(change, before, now());
    const isWritten = await store.put(change, before, latest, deliveries, now());
    if (isWritten && deliveries.length > 0) deps.onWritten();
    return isWritten;
  };

  /** @param attempt true when there is nothing more to do */
  const untilFirst = async (attempt: () => Promise<boolean>): Promise<void> => {
    for (let tries = 0; tries < MOST_ATTEMPTS; tries++) if (await attempt()) return;
    throw new TollgateError('CONFLICT', 'others keep changing the same incident');
  };

  /** The incident that goes on, or a new one. */
  const add = (intake: Intake, batch: Batch, latest: Incident | undefined): Change | undefined =>
    latest !== undefined && (latest.id === intake.id || mayReopen(latest, now(), rules))
      ? addAlert(latest, batch, plan(batch.alert), now(), rules)
      : openIncident(intake.id, batch, plan(batch.alert), intake.already, now(), rules);

  /** @param change undefined where there is nothing to do */
  const changeOne = async (id: string, change: (before: Incident) => Change | undefined) => {
    let found: Incident | undefined;
    let isFirst = false;
    await untilFirst(async () => {
      const before = await store.find(id);
      found = before;
      const changed = before === undefined ? undefined : change(before);
      if (changed === undefined || before === undefined) return true;
      isFirst = await write(changed, before, await store.about(before.key));
      if (isFirst) found = changed.incident;
      return isFirst;
    });
    return found === undefined ? undefined : { incident: found, isFirst };
  };

  return {
    take: async (intake) => {
      const { key, batch, over } = intake;
      if (batch !== undefined) {
        await untilFirst(async () => {
          const latest = await store.about(key);
          const change = add(intake, batch, latest);
          if (change === undefined) return true;
          return write(change, change.incident.id === latest?.id ? latest : undefined, latest);
        });
      }
      if (over === undefined) return;
      await untilFirst(async () => {
        const latest = await store.about(key);
        const change = latest === undefined ? undefined : resolve(latest, over, now(), rules);
        return change === undefined || write(change, latest, latest);
      });
    },
    look: async () => {
      for (const id of await store.due(now(), MOST_AT_ONCE)) {
        const before = await store.find(id);
        const change = before === undefined ? undefined : lookAt(before, now(), rules);
        if (change === undefined || before === undefined) continue;
        const latest = await store.about(before.key);
        // Another daemon may have been faster; it has done the same.
        await write(change, before, latest);
      }
    },
    acknowledge: (id, by) => changeOne(id, (before) => acknowledge(before, by, now(), rules)),
    snooze: (id, by, until) =>
      changeOne(id, (before) => (until === undefined ? wake(before, now(), rules) : snooze(before, by, until, now()))),
    first: ({ id, batch }) => {
      if (batch === undefined) return [];
      const change = openIncident(id, batch, plan(batch.alert), [], now(), rules);
      return deliveriesOf(change, undefined, now()).filter(({ deferred }) => !deferred);
    },
  };
}

/** The id is the same whoever makes it, so what was sent while the store was away is known by it. */
function deliveriesOf({ incident, tellings }: Change, before: Incident | undefined, now: EpochMs): Delivery[] {
  const { id, version, alert } = incident;
  return tellings.map(({ event, channel, at, deferred }) => {
    const messageId = `${id}-${version}-${event}-${channel}`;
    const { links, lines, ...message } = messageOfIncident(messageId, event, incident, before, now);
    return {
      id: messageId,
      channel,
      incident: id,
      dueAt: at,
      deferred,
      // The end of an approval is worth telling after its end.
      approval: event === 'resolved' || event === 'acknowledged' ? null : alert.approval,
      message: { ...message, lines: [...lines], links: [...links] },
    };
  });
}
