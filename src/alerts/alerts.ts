/**
 * Alerts put together: what is raised becomes incidents in the store, these become messages, and channels send them.
 *
 * While the store is away, critical alerts go to the channels of their first step without it; with the same ids, so that
 * whoever knows a message twice can tell.
 */
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { AriConnection } from '../asterisk/ari-connection.ts';
import type { Clock } from '../clock.ts';
import { messageOf, TollgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Audit } from '../people/audit-log.ts';
import type { EpochMs } from '../policy/call.ts';
import type { Policy } from '../policy/policy.ts';
import type { Keys } from '../redis/keys.ts';
import { ACKNOWLEDGE_PATH, type AcknowledgementLinks, createAcknowledgementLinks } from './acknowledgement.ts';
import type { ChannelTools } from './channel.ts';
import { createDispatcher, type Dispatcher, type FailingChannel, type OpenChannel } from './dispatcher.ts';
import type { GroupingRules, Incident } from './grouping.ts';
import { createIncidentStore } from './incident-store.ts';
import { createIncidents, type Incidents } from './incidents.ts';
import { type AlertIntake, createIntake } from './intake.ts';
import { type Link, testMessage } from './message.ts';
import { type ChannelState, createOutbox, type DeadLetter, type Delivery } from './outbox.ts';
import { createAlertPhones } from './phone-calls.ts';
import { createPost, type LookUp } from './post.ts';
import { CHANNEL_KINDS } from './registry.ts';
import type { Route, Schedules } from './routing.ts';
import { type AlertsSettings, openChannel } from './settings.ts';
import { openAlertSpool } from './spool.ts';

export interface Alerts extends Pick<AlertIntake, 'raise' | 'raiseOften' | 'resolve'> {
  /** Those that changed last first. @throws {TollgateError} of the store */
  readonly list: (which: 'open' | 'all', most: number) => Promise<readonly Incident[]>;
  readonly find: (id: string) => Promise<Incident | undefined>;
  /** @param by `cli anna`, `link Anna`. Undefined where there is no such incident. @throws {TollgateError} of the store */
  readonly acknowledge: (
    id: string,
    by: string,
  ) => Promise<{ readonly incident: Incident; readonly isFirst: boolean } | undefined>;
  /** Nobody hears of it until then; undefined: that is taken back. As `acknowledge`. @throws {TollgateError} of the store */
  readonly snooze: Incidents['snooze'];
  /** What became of what each channel was to be told of each. @throws {TollgateError} of the store */
  readonly deliveries: (incidents: readonly Incident[]) => Promise<readonly (readonly ChannelDelivery[])[]>;
  readonly links: Pick<AcknowledgementLinks, 'read'>;
  /** Sends a test now, by one channel or by all. @throws {TollgateError} `NOT_FOUND` */
  readonly test: (channel: string | undefined) => Promise<readonly TestResult[]>;
  readonly dead: (most: number) => Promise<readonly DeadLetter[]>;
  /** @param ids of messages; undefined: all. @returns how many are tried again */
  readonly retry: (ids: readonly string[] | undefined) => Promise<number>;
  /** Who is told of what, and when, as configured. */
  readonly routes: readonly Route[];
  /** Whether a schedule of the policy is open now. */
  readonly isOpenNow: (schedule: string) => boolean;
  readonly channels: () => Promise<
    readonly (ChannelState & { readonly name: string; readonly kind: string; readonly person: string | undefined })[]
  >;
  /** Alerts that were dropped since the start, those that wait to be written, and channels that nothing comes through. */
  readonly state: () => {
    readonly dropped: number;
    readonly waiting: number;
    readonly failing: readonly FailingChannel[];
  };
  readonly attempts: Dispatcher['attempts'];
  /** Begins to write and to send. What is raised before waits. @returns what hangs up calls, to be done before `phones` close */
  readonly start: (reach: { readonly phones: readonly AriConnection[]; readonly audit: Audit }) => () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** What became of the latest message of one incident for one channel. */
export interface ChannelDelivery {
  readonly channel: string;
  /** `waiting`: for its turn, or the end of quiet hours. `retrying`: the other side did not take it. */
  readonly state: 'taken' | 'waiting' | 'retrying' | 'given-up';
  readonly attempts: number;
  /** When it is tried again. */
  readonly againAt: EpochMs | null;
  /** What the other side said, of one that was given up. */
  readonly problem: string | null;
}

export interface TestResult {
  readonly channel: string;
  readonly kind: string;
  readonly taken: boolean;
  /** What the other side said; null where it took it. */
  readonly problem: string | null;
}

export async function openAlerts(deps: {
  readonly settings: AlertsSettings;
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly node: string;
  readonly stateDir: string;
  readonly policy: () => Policy;
  /** Where this machine is reached, and what speaks against it. */
  readonly baseUrl: () => { readonly url: string; readonly warning: string | undefined };
  /** A signed link by which one person decides a held call. */
  readonly approvalLink: (
    approval: { readonly id: string; readonly expiresAt: EpochMs },
    person: string,
  ) => Promise<{ readonly url: string }>;
  readonly log: Log;
  readonly lookUp?: LookUp;
}): Promise<Alerts> {
  const { settings, redis, keys, clock, node } = deps;
  const log = deps.log.child({ part: 'alerts' });
  const { now } = clock;
  const tools: ChannelTools = {
    post: createPost({
      allowNetworks: settings.allowNetworks,
      now,
      ...(deps.lookUp === undefined ? {} : { lookUp: deps.lookUp }),
    }),
    tell: (call, signal) => phones.tell(call, signal),
    now,
  };
  const channels = Object.entries(settings.channels).map(([name, each]): OpenChannel => {
    const kind = CHANNEL_KINDS[each.kind];
    return {
      name,
      kind: each.kind,
      person: each.person,
      perMinute: each.perMinute ?? kind.perMinute,
      tracksIncidents: kind.tracksIncidents,
      rings: kind.rings,
      channel: openChannel(each, tools),
    };
  });
  const byName = new Map(channels.map((each) => [each.name, each]));

  const schedules: Schedules = {
    isOpen: (name, at) => deps.policy().schedules.get(name)?.isOpen(at) ?? false,
    closesAt: (name, at) => deps.policy().schedules.get(name)?.nextChange(at),
  };
  const rules: GroupingRules = {
    schedules,
    windowMs: settings.group,
    tracks: (name) => byName.get(name)?.tracksIncidents ?? false,
  };
  const store = createIncidentStore(redis, keys);
  const outbox = createOutbox({ redis, keys, now });
  const tokens = createAcknowledgementLinks(redis, keys);
  const routes = settings.routes ?? everythingTo(channels);
  const incidents = createIncidents({
    store,
    rules,
    routes,
    now,
    onWritten: () => dispatcher.wake(),
  });

  const linksFor = async ({ approval, incident, message }: Delivery, to: OpenChannel): Promise<readonly Link[]> => {
    const { url, warning } = deps.baseUrl();
    // One that only this machine can open is of no use to anybody who is told.
    if (warning !== undefined || message.event === 'resolved' || message.event === 'test') return [];
    const links: Link[] = [];
    const { person } = to;
    try {
      if (approval !== null && person !== undefined) {
        links.push({ text: `Decide as ${person}`, url: (await deps.approvalLink(approval, person)).url });
      }
      const token = await tokens.tokenFor(incident, person ?? to.name);
      links.push({ text: 'Show and acknowledge', url: `${url}${ACKNOWLEDGE_PATH}/${token}` });
    } catch (error) {
      // Told without a link is better than not told: the store may be what is down.
      log.warn({ problem: messageOf(error) }, 'an alert goes without its links');
    }
    return links;
  };
  const isOpen = async (id: string): Promise<boolean> => {
    const found = await store.find(id);
    return found !== undefined && found.acknowledged === null && found.over === null;
  };
  const dispatcher = createDispatcher({ channels, outbox, look: incidents.look, isOpen, linksFor, now, log });
  let audit: Audit | undefined;
  const phones = createAlertPhones({
    acknowledge: async (id, by, from) => {
      const found = await incidents.acknowledge(id, by);
      if (found?.isFirst !== true) return false;
      const { title } = found.incident.alert;
      await audit?.({ by, from, action: 'alerts.acknowledge', subject: `alert ${id}`, after: { title } });
      return true;
    },
    isOpen,
    log,
  });

  /** When each was last tried; not again while it is under way. */
  const directly = new Map<string, number>();
  const toldDirectly = new Set<string>();
  const intake = createIntake({
    take: incidents.take,
    sendDirectly: async (taken) => {
      const told: string[] = [];
      for (const delivery of incidents.first(taken)) {
        const to = byName.get(delivery.channel);
        const lastMs = directly.get(delivery.id) ?? Number.NEGATIVE_INFINITY;
        if (to === undefined || taken.already.includes(to.name)) continue;
        if (toldDirectly.has(delivery.id)) told.push(to.name);
        if (clock.monotonicMs() - lastMs < (to.rings ? CALL_DIRECTLY_EVERY_MS : DIRECTLY_EVERY_MS)) continue;
        directly.set(delivery.id, Number.POSITIVE_INFINITY);
        const sending = dispatcher.sendNow(to, delivery).then((failure) => {
          directly.set(delivery.id, clock.monotonicMs());
          if (failure === undefined) toldDirectly.add(delivery.id);
          else
            log.warn({ channel: to.name, problem: failure.message }, 'an alert was not taken, and the store is away');
          return failure === undefined;
        });
        // A call takes as long as a person does, and what he said is asked the next time.
        if (!to.rings && (await sending)) told.push(to.name);
      }
      if (directly.size > MOST_DIRECTLY) directly.clear();
      if (toldDirectly.size > MOST_DIRECTLY) toldDirectly.clear();
      return told;
    },
    spool: await openAlertSpool(join(deps.stateDir, 'alerts-spool.jsonl'), log),
    clock,
    node,
    windowMs: settings.group,
    log,
  });

  return {
    raise: intake.raise,
    raiseOften: intake.raiseOften,
    resolve: intake.resolve,
    list: async (which, most) => {
      const all = await store.list(which === 'open' ? MOST_SEARCHED : most);
      return which === 'open' ? all.filter(({ over }) => over === null).slice(0, most) : all;
    },
    find: store.find,
    acknowledge: incidents.acknowledge,
    snooze: incidents.snooze,
    deliveries: async (wanted) => {
      const pairs = wanted.flatMap(({ id, told }) => told.map(({ channel }) => ({ channel, incident: id })));
      const [waiting, dead] = await Promise.all([outbox.waiting(pairs), outbox.dead(MOST_DEAD)]);
      const known = new Map(pairs.map(({ channel, incident }, at) => [`${incident} ${channel}`, waiting[at]]));
      return wanted.map(({ id, told }) =>
        told.map(({ channel }): ChannelDelivery => {
          const waits = known.get(`${id} ${channel}`);
          if (waits !== undefined) {
            const { attempts, dueAt } = waits;
            return { channel, state: attempts === 0 ? 'waiting' : 'retrying', attempts, againAt: dueAt, problem: null };
          }
          // The newest come first.
          const letter = dead.find(({ delivery }) => delivery.incident === id && delivery.channel === channel);
          return letter === undefined
            ? { channel, state: 'taken', attempts: 0, againAt: null, problem: null }
            : { channel, state: 'given-up', attempts: letter.attempts, againAt: null, problem: letter.problem };
        }),
      );
    },
    links: tokens,
    test: async (wanted) => {
      const meant = wanted === undefined ? channels : channels.filter(({ name }) => name === wanted);
      if (wanted !== undefined && meant.length === 0) {
        const known = [...byName.keys()].join(', ');
        const hint = known === '' ? 'alerts.channels in the configuration is empty' : `there is ${known}`;
        throw new TollgateError('NOT_FOUND', `there is no channel "${wanted}"; ${hint}`);
      }
      return await Promise.all(
        meant.map(async (to): Promise<TestResult> => {
          const id = `test-${to.name}-${now()}`;
          const { links, lines, ...message } = testMessage(id, to.name, node, now());
          const failure = await dispatcher.sendNow(to, {
            ...{ id, channel: to.name, incident: id, dueAt: now(), deferred: false, approval: null },
            message: { ...message, lines: [...lines], links: [...links] },
          });
          return { channel: to.name, kind: to.kind, taken: failure === undefined, problem: failure?.message ?? null };
        }),
      );
    },
    dead: outbox.dead,
    retry: async (ids) => {
      const count = await outbox.retryDead(({ delivery }) => ids?.includes(delivery.id) ?? true);
      dispatcher.wake();
      return count;
    },
    routes,
    isOpenNow: (schedule) => schedules.isOpen(schedule, now()),
    channels: () =>
      Promise.all(
        channels.map(async ({ name, kind, person }) => ({ name, kind, person, ...(await outbox.state(name)) })),
      ),
    state: () => ({ dropped: intake.dropped(), waiting: intake.waiting(), failing: dispatcher.failing() }),
    attempts: dispatcher.attempts,
    start: (reach) => {
      audit = reach.audit;
      phones.connect(reach.phones);
      intake.start();
      dispatcher.start();
      return phones.stop;
    },
    close: async () => {
      await intake.close();
      await dispatcher.close();
    },
  };
}

const DIRECTLY_EVERY_MS = 5000;
const CALL_DIRECTLY_EVERY_MS = 60_000;
const MOST_DIRECTLY = 1000;
const MOST_SEARCHED = 2000;
const MOST_DEAD = 1000;

/** Where no routes are configured: whatever is worth a warning, to every channel; nobody is called for less than critical. */
const everythingTo = (channels: readonly OpenChannel[]): Route[] =>
  (['warning', 'critical'] as const).flatMap((severity) => {
    const to = channels.filter(({ rings }) => rings === (severity === 'critical')).map(({ name }) => name);
    return to.length === 0 ? [] : [{ severity, steps: [{ to, afterMs: 0 }] }];
  });
