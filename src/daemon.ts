/**
 * The composition root: builds and starts every part in order. Read this and know the program.
 *
 * What was started is closed in reverse order, each part even if another fails to close, and also when the start itself
 * fails half-way.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { linkPageRoutes } from './api/link-pages-routes.ts';
import { startApi } from './api/server.ts';
import { startWebServer, type WebServer } from './api/web-server.ts';
import { createApprovalDesk } from './approvals/approval-desk.ts';
import { createApprovalLinks, LINK_PATH } from './approvals/approval-links.ts';
import { followApprovalNotes } from './approvals/approval-notes.ts';
import { createCallApprovals } from './approvals/call-approvals.ts';
import { createDecisions } from './approvals/decisions.ts';
import { openGrants } from './approvals/grants.ts';
import { startHoldApp } from './approvals/hold-app.ts';
import { startPhoneApproval } from './approvals/phone-approval.ts';
import { type AgiServer, createAgiServer } from './asterisk/agi-server.ts';
import { connectAmi } from './asterisk/ami-connection.ts';
import { connectAri } from './asterisk/ari-connection.ts';
import { openBanList } from './bans/ban-list.ts';
import { openCountries } from './bans/country.ts';
import { startDefence } from './bans/defence.ts';
import { startFirewall } from './bans/firewall-service.ts';
import { createStanding, type StandingOf } from './bans/standing.ts';
import { systemClock } from './clock.ts';
import { type Config, storePlace } from './config/schema.ts';
import { TIMED_OUT, within } from './deadline.ts';
import { messageOf } from './errors.ts';
import { createAgiScript } from './gate/agi-script.ts';
import { createGate, goesOut } from './gate/gate.ts';
import { createJournal, newDecisionId } from './gate/journal.ts';
import { createRedisLimitStore } from './gate/redis-limit-store.ts';
import { createStoreBreaker } from './gate/store-breaker.ts';
import { createStoreClock } from './gate/store-clock.ts';
import { createTally } from './gate/tally.ts';
import { verdictLog } from './gate/verdict-log.ts';
import { channelControl, watchChannels } from './live-calls/channel-watch.ts';
import { createLiveCallRecords } from './live-calls/live-call-records.ts';
import { createLiveCalls } from './live-calls/live-calls.ts';
import type { Log } from './log.ts';
import { openAuditLog } from './people/audit-log.ts';
import type { RedisTarget } from './redis/client.ts';
import { connectRedis, peersOf } from './redis/connection.ts';
import { createEmbeddedServer } from './redis/embedded-server.ts';
import { createKeys } from './redis/keys.ts';
import { acquireStateLock } from './redis/state-lock.ts';
import { startRegistrations } from './registrations/registrations.ts';
import { createStatus, describeListen, type Status } from './status.ts';
import { createAllowedAddresses } from './store/allowed-addresses.ts';
import { openAllowlistStore } from './store/allowlist-store.ts';
import { createDomainWatch } from './store/domain-watch.ts';
import { createDurableWrites } from './store/durable-writes.ts';
import { openFirewallPlanStore } from './store/firewall-plan-store.ts';
import { createLastHits } from './store/last-hits.ts';
import { openPolicyStore } from './store/policy-store.ts';
import { openSettingsStore } from './store/settings-store.ts';

export interface Daemon {
  /** Where FastAGI listens, with the real port. */
  readonly agi: AgiServer['address'];
  /** Where the web port is, with the real port. */
  readonly http: WebServer['address'];
  readonly status: () => Status;
  /** What is known of the address that a call comes from. */
  readonly standingOf: StandingOf;
  /** Finishes the calls that are being asked about, writes what is left, and stops every part. */
  readonly close: () => Promise<void>;
}

export const CONTROL_SOCKET = 'tollgate.sock';
const STORE_STARTS_WITHIN_MS = 2000;
const PROBE_WITHIN_MS = 150;

/**
 * Starts the daemon and resolves when it decides calls.
 *
 * An external store that is away does not keep it from starting: emergency calls pass and each rule's `whenStoreFails`
 * decides until the store is there.
 *
 * @throws {TollgateError} `STATE_IN_USE`, `STORE_UNAVAILABLE` (the private store cannot be started), `CONFIG_INVALID`
 */
export async function startDaemon(
  config: Config,
  deps: { readonly log: Log; readonly version: string; readonly searchPath: string },
): Promise<Daemon> {
  const { log } = deps;
  const clock = systemClock;
  const releasers: Array<readonly [name: string, close: () => unknown]> = [];
  const close = async (): Promise<void> => {
    for (const [name, release] of releasers.splice(0).reverse()) {
      try {
        await release();
      } catch (error) {
        log.warn({ part: name, problem: messageOf(error) }, 'a part did not close cleanly');
      }
    }
  };
  try {
    await mkdir(config.state, { recursive: true, mode: 0o750 });
    const lock = await acquireStateLock(config.state);
    releasers.push(['state lock', () => lock.release()]);

    // Store
    const place = storePlace(config.redis);
    let target: RedisTarget;
    if (place.kind === 'embedded') {
      const server = createEmbeddedServer({ ...place, stateDir: config.state, log, searchPath: deps.searchPath, lock });
      releasers.push(['private store', () => server.stop()]);
      target = { kind: 'socket', path: (await server.start()).socketPath };
    } else {
      target = place;
    }
    const connect = (name: string): ReturnType<typeof connectRedis> => {
      const connection = connectRedis(target, { log, name });
      releasers.push([`${name} connection`, () => connection.close()]);
      return connection;
    };
    const decisions = connect('decisions');
    const records = connect('records');
    await Promise.all([decisions, records].map((each) => each.untilUp(STORE_STARTS_WITHIN_MS))).catch(
      (error: unknown) => {
        log.error(
          { problem: messageOf(error) },
          'starting without the store: whenStoreFails decides until it is there',
        );
      },
    );
    // Cluster has the commands of Redis; ioredis merely types the two apart.
    const [decisionStore, recordStore] = [decisions.redis as Redis, records.redis as Redis];
    const keys = createKeys(config.redis);

    // What was decided
    const journal = createJournal({
      redis: recordStore,
      keys,
      clock,
      node: config.node,
      maxEntries: config.journal.maxEntries,
      maxAgeSeconds: Math.ceil(config.journal.maxAge / 1000),
      log,
    });
    releasers.push(['journal', () => journal.close()]);

    // Who changed what
    const durable = createDurableWrites(recordStore, { embedded: place.kind === 'embedded' });
    const kept = { redis: recordStore, keys, clock, stateDir: config.state, log, durably: durable, node: config.node };
    const audit = await openAuditLog({
      ...kept,
      maxEntries: config.audit.maxEntries,
      maxAgeMs: config.audit.maxAge,
    });
    releasers.push(['audit log', () => audit.close()]);

    // Policy and settings
    const policies = await openPolicyStore(kept);
    releasers.push(['policy store', () => policies.close()]);
    const settings = await openSettingsStore(kept);
    releasers.push(['settings', () => settings.close()]);
    const settingsNow = () => settings.current().document;

    // Addresses
    const allowlist = await openAllowlistStore(kept);
    releasers.push(['allowlist', () => allowlist.close()]);
    const domains = await createDomainWatch({ clock, log, copyPath: join(config.state, 'allowlist-domains.json') });
    releasers.push(['domains', () => domains.close()]);
    const allowed = createAllowedAddresses({ store: allowlist, domains });
    releasers.push(['allowed addresses', () => allowed.close()]);
    const bans = await openBanList({ ...kept, allowed });
    releasers.push(['ban list', () => bans.close()]);
    const allowHits = createLastHits({ ...kept, key: keys.allowlistHits, isListed: (id) => allowed.hasEntry(id) });
    releasers.push(['hits of allowed addresses', () => allowHits.close()]);
    const banHits = createLastHits({ ...kept, key: keys.banHits, isListed: (id) => bans.get(id) !== undefined });
    releasers.push(['hits of bans', () => banHits.close()]);
    const countries = await openCountries({ file: config.countries.file, settings: settingsNow, clock, log });
    releasers.push(['countries', () => countries.close()]);
    const standingOf = createStanding({
      allowed,
      bans,
      noteAllowed: allowHits.note,
      noteBanned: banHits.note,
      country: countries.refusalOf,
    });

    // Asterisk
    const manager = config.asterisk.flatMap(({ name, ami }) =>
      ami === undefined ? [] : [connectAmi({ name, ...ami, log, clock })],
    );
    for (const each of manager) releasers.push([`manager interface of ${each.name}`, () => each.close()]);

    // Gate
    const breaker = createStoreBreaker({
      clock,
      probe: async () => {
        if ((await within(decisionStore.ping(), PROBE_WITHIN_MS)) === TIMED_OUT) throw new Error('no answer');
      },
      onOpen: (why) => {
        log.error({ problem: why }, 'the store is away: whenStoreFails decides');
        journal.storeLost(why);
      },
      onClosed: (openForMs) => {
        log.info({ awayForMs: Math.round(openForMs) }, 'the store is back');
        journal.storeBack();
      },
    });
    releasers.push(['breaker', () => breaker.close()]);
    decisions.onState((state, why) => {
      if (state === 'down') breaker.failed(why, true);
    });
    if (decisions.state() === 'down') breaker.failed('the store was away at the start', true);
    const limits = createRedisLimitStore({
      redis: decisionStore,
      keys,
      clock,
      storeClock: createStoreClock(),
      breaker,
      // Whoever can see calls says again that they are there; where nobody can, a call counts as long as it may last.
      ...(manager.length === 0 ? {} : { leaseSeconds: () => Math.ceil(config.calls.lease / 1000) }),
    });
    // A connection of its own: it waits at the store for what others decide.
    const approvalNotes = followApprovalNotes({ redis: connect('approvals').redis as Redis, keys, log });
    releasers.push(['notes of approvals', () => approvalNotes.close()]);
    const grants = await openGrants({ ...kept, notes: approvalNotes });
    releasers.push(['grants', () => grants.close()]);
    const gate = createGate({
      standingOf,
      grantedTo: grants.grantedTo,
      policy: () => policies.current().policy,
      limits,
      clock,
      deadlineMs: config.agi.deadlineMs,
      newDecisionId,
      log,
    });

    // Calls under way
    const liveCalls = createLiveCalls({
      limits,
      records: createLiveCallRecords({ redis: recordStore, key: keys.liveCalls(config.node), log }),
      policy: () => policies.current().policy,
      clock,
      log,
      control: channelControl(manager),
      leaseMs: config.calls.lease,
    });
    releasers.push(['calls under way', () => liveCalls.close()]);
    await liveCalls.restore().catch((error: unknown) => {
      log.warn({ problem: messageOf(error) }, 'the calls of before this start are not known');
    });
    releasers.push([
      'watch over channels',
      watchChannels(manager, { liveCalls, log, compareEveryMs: config.calls.lease / 5 }),
    ]);

    // Held calls
    const holding = config.asterisk.flatMap(({ name, ari }) =>
      ari === undefined ? [] : [connectAri({ name, ...ari, log, clock })],
    );
    for (const each of holding) releasers.push([`ARI of ${each.name}`, () => each.close()]);
    const desk = createApprovalDesk({ ...kept, notes: approvalNotes });
    releasers.push(['approvals', () => desk.close()]);
    const people = createDecisions({
      desk,
      grants,
      policy: () => policies.current().policy,
      clock,
      note: audit.audit,
    });
    const phone = startPhoneApproval(holding, { decide: people.decide, clock, log });
    releasers.push(['calls to supervisors', () => phone.stop()]);
    releasers.push(['held calls', startHoldApp(holding, { desk, log, listener: phone })]);
    const approvals = createCallApprovals({
      desk,
      policy: () => policies.current().policy,
      node: config.node,
      canHold: () => holding.some((each) => each.state().up),
    });

    // Registrations
    const registrations = startRegistrations(
      manager.map((ami) => ({ name: ami.name, ami, ari: holding.find(({ name }) => name === ami.name) })),
      {
        aclFile: config.registrations.aclFile,
        places: () => policies.current().policy.places,
        onIntruder: () => {},
        clock,
        log,
      },
    );
    releasers.push(['registrations', () => registrations.close()]);

    // Attacks
    const defence = startDefence({
      ...{ redis: recordStore, keys, clock, node: config.node, manager, bans, allowed, log },
      settings: settingsNow,
    });
    releasers.push(['defence', () => defence.close()]);

    // Packet filter
    const plans = await openFirewallPlanStore(kept);
    releasers.push(['plan of the firewall', () => plans.close()]);
    const firewall = startFirewall({
      ...{ ...kept, backend: config.firewall.backend, allowed, bans, plans, settings, audit: audit.audit },
      noteAllowed: allowHits.note,
      noteBanned: banHits.note,
      evidence: [
        { kind: 'report', read: () => defence.reports(500) },
        { kind: 'call', read: async () => (await journal.list({ limit: 5000, matches: () => true })).calls },
        { kind: 'allowed', read: () => allowlist.current().document.entries },
      ],
      needed: () => peersOf(recordStore),
    });
    releasers.push(['firewall', () => firewall.close()]);

    // FastAGI
    const tally = createTally();
    const writeVerdict = verdictLog(log, config.log.numbers);
    const agi = await createAgiServer({
      listen: config.agi.listen,
      allowFrom: config.agi.allowFrom,
      maxConnections: config.agi.maxConnections,
      log,
      clock,
      handle: createAgiScript({
        gate,
        clock,
        node: config.node,
        approvals,
        deadlineMs: config.agi.deadlineMs,
        wantsReport: liveCalls.wantsReport,
        onReport: liveCalls.reported,
        onDecided: (decision, outcome, channel) => {
          if (outcome !== 'hung-up' && goesOut(decision)) liveCalls.began(decision, channel);
          tally.count(decision.verdict.name);
          journal.record(decision);
          writeVerdict(decision, outcome);
          defence.decided(decision);
        },
      }),
    });
    releasers.push(['FastAGI', () => agi.close()]);

    // Web port
    const links = createApprovalLinks({
      redis: recordStore,
      keys,
      clock,
      desk,
      decisions: people,
      baseUrl: () => web.baseUrl(),
    });
    const web = await startWebServer(
      {
        settings: config.http,
        missing: () => (breaker.isOpen() ? ['the store is away: whenStoreFails decides until it is back'] : []),
        log,
      },
      [linkPageRoutes({ path: LINK_PATH, links, policy: () => policies.current().policy, clock, log })],
    );
    releasers.push(['web port', () => web.close()]);

    // API
    const status = createStatus({
      node: config.node,
      version: deps.version,
      clock,
      store: {
        breaker,
        place: place.kind === 'embedded' ? `private, in ${config.state}` : `external, by ${place.kind}`,
      },
      agi,
      web,
      journal,
      manager,
      holding,
      countries,
      registrations,
      defence,
      firewall,
      policies,
      tally,
    });
    const api = await startApi({
      socketPath: join(config.state, CONTROL_SOCKET),
      node: config.node,
      policies,
      settings,
      firewall,
      limits,
      gate,
      journal,
      liveCalls,
      approvals: { desk, grants, decisions: people, links },
      addresses: { allowlist, allowed, domains, allowHits, bans, banHits, countries },
      defence,
      audit,
      status,
      clock,
    });
    releasers.push(['API', () => api.close()]);

    log.info(
      {
        agi: describeListen(agi.address),
        http: describeListen(web.address),
        state: config.state,
        policyVersion: policies.current().version,
      },
      'deciding calls',
    );
    return { agi: agi.address, http: web.address, status, standingOf, close };
  } catch (error) {
    await close();
    throw error;
  }
}
