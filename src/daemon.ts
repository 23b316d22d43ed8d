/**
 * The composition root: builds and starts every part in order. Read this and know the program.
 *
 * What was started is closed in reverse order, each part even if another fails to close, and also when the start itself
 * fails half-way.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ACKNOWLEDGE_PATH } from './alerts/acknowledgement.ts';
import { openAlerts } from './alerts/alerts.ts';
import { createAlertSources } from './alerts/sources.ts';
import { createAdminAccess } from './api/admin-access.ts';
import { alertLinkRoutes } from './api/alert-link-routes.ts';
import { linkPageRoutes } from './api/link-pages-routes.ts';
import { metricsRoutes } from './api/metrics-routes.ts';
import { type ApiParts, startApi } from './api/server.ts';
import { pageAndApi } from './api/web-api.ts';
import { startWebServer, type WebServer } from './api/web-server.ts';
import { createApprovalDesk } from './approvals/approval-desk.ts';
import { createApprovalLinks, LINK_PATH } from './approvals/approval-links.ts';
import { followApprovalNotes } from './approvals/approval-notes.ts';
import { createCallApprovals } from './approvals/call-approvals.ts';
import { createDecisions } from './approvals/decisions.ts';
import { openGrants } from './approvals/grants.ts';
import { startHoldApp } from './approvals/hold-app.ts';
import { recordHoldEnds } from './approvals/hold-ends.ts';
import { startPhoneApproval } from './approvals/phone-approval.ts';
import { type AgiServer, createAgiServer } from './asterisk/agi-server.ts';
import { connectAmi } from './asterisk/ami-connection.ts';
import { connectAri } from './asterisk/ari-connection.ts';
import { createBanBackup } from './bans/ban-backup.ts';
import { openBanList } from './bans/ban-list.ts';
import { openCountries } from './bans/country.ts';
import { startDefence } from './bans/defence.ts';
import { startFirewall } from './bans/firewall-service.ts';
import { createStanding, type StandingOf } from './bans/standing.ts';
import { systemClock } from './clock.ts';
import { type Config, storePlace } from './config/schema.ts';
import { createMachineDoctor } from './doctor/from-daemon.ts';
import { messageOf } from './errors.ts';
import { createAgiScript } from './gate/agi-script.ts';
import { newDecisionId } from './gate/decision-id.ts';
import { createGate } from './gate/gate.ts';
import { createJournal } from './gate/journal.ts';
import { createRedisLimitStore } from './gate/redis-limit-store.ts';
import { watchForAll } from './gate/seen-by-all.ts';
import { createStoreClock } from './gate/store-clock.ts';
import { guardStore } from './gate/store-guard.ts';
import { createTally } from './gate/tally.ts';
import { verdictLog } from './gate/verdict-log.ts';
import { startLiveCalls } from './live-calls/start-live-calls.ts';
import { createLiveEvents } from './live-events/live-events.ts';
import { openLocks } from './locks/locks.ts';
import type { Log, LogLevel } from './log.ts';
import { createLogLevel } from './log-level.ts';
import { createMetrics } from './metrics/metrics.ts';
import { readApiKeys } from './people/api-keys.ts';
import { openAuditLog } from './people/audit-log.ts';
import { openPeople } from './people/people.ts';
import { readUsers } from './people/user.ts';
import { goesOut } from './policy/verdict.ts';
import { openRateStore } from './rates/rate-store.ts';
import { peersOf } from './redis/connection.ts';
import { createKeys } from './redis/keys.ts';
import { commandsOf, openStore } from './redis/open-store.ts';
import { acquireStateLock } from './redis/state-lock.ts';
import { startRegistrations } from './registrations/registrations.ts';
import { createReplayJob } from './simulate/replay-job.ts';
import { createStatus, describeListen, type Status } from './status.ts';
import { createAllowedAddresses } from './store/allowed-addresses.ts';
import { openAllowlistStore } from './store/allowlist-store.ts';
import { createDomainWatch } from './store/domain-watch.ts';
import { openDurableWrites } from './store/durable-writes.ts';
import { openFirewallPlanStore } from './store/firewall-plan-store.ts';
import { createLastHits } from './store/last-hits.ts';
import { createNodes } from './store/nodes.ts';
import { openPolicyStore } from './store/policy-store.ts';
import { openSettingsStore } from './store/settings-store.ts';
import { openVicidial } from './vicidial/vicidial.ts';

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
  deps: {
    readonly log: Log;
    readonly setLogLevel: (level: LogLevel) => void;
    readonly version: string;
    readonly searchPath: string;
    /** Shows the first owner's password, once; absent: no owner is made. */
    readonly announce?: (owner: { readonly name: string; readonly password: string }) => void;
  },
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
  /** Closed with the daemon. */
  const own = <Part extends { readonly close: () => unknown }>(name: string, part: Part): Part => {
    releasers.push([name, () => part.close()]);
    return part;
  };
  try {
    await mkdir(config.state, { recursive: true, mode: 0o750 });
    const lock = await acquireStateLock(config.state);
    releasers.push(['state lock', () => lock.release()]);

    // What is measured and written of all that follows
    const metrics = createMetrics({ policy: () => policies.current().policy, node: config.node, clock });
    releasers.push(['metrics', metrics.close]);
    const logLevel = createLogLevel({ configured: config.log.level, setLevel: deps.setLogLevel, clock, log });
    releasers.push(['log level', logLevel.close]);

    // Store
    const place = storePlace(config.redis);
    const keys = createKeys(config.redis);
    const store = await openStore(place, {
      ...{ stateDir: config.state, lock, log, searchPath: deps.searchPath, probeKey: keys.probe },
      onPing: (connection, tookMs) => metrics.pinged(connection, tookMs),
    });
    releasers.push(['store', () => store.close()]);
    const { decisions, records } = store;
    const [decisionStore, recordStore] = [commandsOf(decisions), commandsOf(records)];

    // What was decided
    const journal = createJournal({
      ...{ redis: recordStore, keys, clock, node: config.node, log },
      ...{ maxEntries: config.journal.maxEntries, maxAgeSeconds: Math.ceil(config.journal.maxAge / 1000) },
      extensionName: (extension) => policies.current().policy.document.extensions[extension]?.name,
    });
    releasers.push(['journal', () => journal.close()]);

    // Who is told, and who changed what
    const { durably, promise } = openDurableWrites(store, { embedded: place.kind === 'embedded', keys, log });
    const kept = { redis: recordStore, keys, clock, stateDir: config.state, log, durably, node: config.node };
    const alerts = await openAlerts({
      ...{ ...kept, settings: config.alerts, policy: () => policies.current().policy },
      baseUrl: () => web.baseUrl(),
      approvalLink: (approval, person) => links.linkFor(approval, person),
    });
    releasers.push(['alerts', () => alerts.close()]);
    const tell = createAlertSources(alerts, { clock, node: config.node });
    const events = own('events', createLiveEvents({ ...kept, reader: commandsOf(store.connect('events')) }));
    const audit = await openAuditLog({
      ...{ ...kept, onEntry: (entry) => [tell.audited(entry), events.audited(entry)], onBroken: tell.auditBroken },
      maxEntries: config.audit.maxEntries,
      maxAgeMs: config.audit.maxAge,
    });
    releasers.push(['audit log', () => audit.close()]);

    const seen = own('what all daemons see', watchForAll(kept));

    // Policy and settings
    const policies = own('policy store', await openPolicyStore(kept));
    const settings = own('settings', await openSettingsStore({ ...kept, audit: audit.audit }));
    const settingsNow = () => settings.current().document;
    const rates = own('rate sheet', await openRateStore(kept));

    // Addresses
    const allowlist = own('allowlist', await openAllowlistStore(kept));
    const domains = await createDomainWatch({ clock, log, copyPath: join(config.state, 'allowlist-domains.json') });
    releasers.push(['domains', () => domains.close()]);
    const allowed = own('allowed addresses', createAllowedAddresses({ store: allowlist, domains }));
    const bans = own('ban list', await openBanList({ ...kept, allowed }));
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
    const breaker = own('breaker', guardStore(decisions, { journal, clock, log }));
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
    const approvalNotes = followApprovalNotes({ redis: commandsOf(store.connect('approvals')), keys, log });
    releasers.push(['notes of approvals', () => approvalNotes.close()]);
    const grants = own('grants', await openGrants({ ...kept, notes: approvalNotes }));
    const locking = { ...kept, notes: approvalNotes, audit: audit.audit, ...tell.locks };
    const locks = own('locks', await openLocks({ ...locking, policy: () => policies.current().policy }));
    const gate = createGate({
      ...{ standingOf, grantedTo: grants.grantedTo, locksOn: locks.locksOn, rates: rates.sheet },
      policy: () => policies.current().policy,
      limits,
      clock,
      deadlineMs: config.agi.deadlineMs,
      newDecisionId,
      log,
    });

    // Calls under way
    const underWay = await startLiveCalls({
      ...{ ...kept, limits, manager, notes: approvalNotes, audit: audit.audit, leaseMs: config.calls.lease },
      ...{ policy: () => policies.current().policy, journal, prices: rates.sheet },
      onReached: (ceiling) => void locks.lock(ceiling),
    });
    releasers.push(['calls under way', () => underWay.close()]);
    const { liveCalls, ender } = underWay;

    // Held calls
    const holding = config.asterisk.flatMap(({ name, ari }) =>
      ari === undefined ? [] : [connectAri({ name, ...ari, log, clock })],
    );
    for (const each of holding) releasers.push([`ARI of ${each.name}`, () => each.close()]);
    const desk = own('approvals', createApprovalDesk({ ...kept, notes: approvalNotes }));
    releasers.push(['ends of held calls', recordHoldEnds(desk, journal)]);
    const people = createDecisions({
      ...{ desk, grants, policy: () => policies.current().policy, clock, note: audit.audit },
      ownExtension: (name) => accounts.ownExtension(name),
    });
    const phone = startPhoneApproval(holding, { decide: people.decide, clock, log });
    releasers.push(['calls to supervisors', () => phone.stop()]);
    releasers.push(['held calls', startHoldApp(holding, { desk, log, listener: phone })]);
    const approvals = createCallApprovals({
      ...{ desk, policy: () => policies.current().policy, node: config.node, sheet: rates.sheet },
      canHold: () => holding.some((each) => each.state().up),
      isFirstCall: (extension, country) => defence.isFirstCall(extension, country),
    });

    // Registrations
    const registrations = startRegistrations(
      manager.map((ami) => ({ name: ami.name, ami, ari: holding.find(({ name }) => name === ami.name) })),
      {
        aclFile: config.registrations.aclFile,
        places: () => policies.current().policy.places,
        onIntruder: tell.intruder,
        clock,
        log,
      },
    );
    releasers.push(['registrations', () => registrations.close()]);

    // Attacks
    const defence = startDefence({
      ...{ redis: recordStore, keys, clock, node: config.node, manager, bans, allowed, log },
      settings: settingsNow,
      ...{ onReport: tell.reported, onHostile: seen.hostile },
    });
    releasers.push(['defence', () => defence.close()]);

    // Packet filter
    const plans = own('plan of the firewall', await openFirewallPlanStore(kept));
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

    // Dialler
    const vicidial = config.vicidial === undefined ? undefined : openVicidial(config.vicidial, { clock, log });
    releasers.push(['VICIdial', () => vicidial?.close()]);

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
        dialler: vicidial,
        deadlineMs: config.agi.deadlineMs,
        wantsReport: liveCalls.wantsReport,
        onReport: liveCalls.reported,
        onDecided: (decision, outcome, channel) => {
          if (outcome !== 'hung-up' && goesOut(decision)) liveCalls.began(decision, channel);
          tally.count(decision.verdict.name);
          metrics.decided(decision, outcome);
          journal.record(decision);
          writeVerdict(decision, outcome);
          for (const each of [seen, defence, tell, locks, underWay]) each.decided(decision);
        },
      }),
    });
    releasers.push(['FastAGI', () => agi.close()]);

    // Users and API keys
    const accounts = await openPeople({
      ...{ ...kept, defence, http: config.http, settings: settingsNow, announce: deps.announce },
      ...{ isAllowed: (address) => allowed.entryOf(address) !== undefined, onNewAddress: tell.loggedIn },
    });
    releasers.push(['users', () => accounts.close()]);

    // Web port
    const documents = { policy: policies, settings, allowlist };
    const nodes = own(
      'nodes',
      createNodes({ ...kept, version: deps.version, id: newDecisionId(clock.now()), documents }),
    );
    const links = createApprovalLinks({ ...kept, desk, decisions: people, baseUrl: () => web.baseUrl() });
    const apiParts: ApiParts = {
      ...{ node: config.node, policies, settings, firewall, limits, gate, journal },
      ...{ ender, locks, rates, defence, audit, alerts, costs: underWay.costs, trunks: underWay.trunks },
      replay: own('replay of call records', createReplayJob(kept)),
      ...{ people: accounts, logLevel, status: () => status(), clock, events, seen, nodes, store: kept },
      machine: createMachineDoctor({
        ...{ ...deps, config, clock, firewall, policies, people: accounts, status: () => status() },
      }),
      approvals: { desk, grants, decisions: people, links },
      addresses: { allowlist, allowed, domains, allowHits, bans, banHits, countries },
    };
    const { mayCome } = createAdminAccess({
      settings: settingsNow,
      isBanned: (address) => standingOf(address, 'question')?.layer === 'ban',
    });
    const web = await startWebServer(
      {
        settings: config.http,
        missing: () => (breaker.isOpen() ? ['the store is away: whenStoreFails decides until it is back'] : []),
        log,
      },
      [
        linkPageRoutes({ path: LINK_PATH, links, policy: () => policies.current().policy, clock, log }),
        metricsRoutes({ ...config.metrics, render: metrics.render }),
        alertLinkRoutes({ path: ACKNOWLEDGE_PATH, alerts, audit: audit.audit, clock, log }),
      ],
      { mayCome, routes: pageAndApi({ settings: config.http, parts: apiParts, mayCome, log }) },
    );
    releasers.push(['web port', () => web.close()]);

    // API
    const measured = { agi, web, journal, alerts, defence, firewall, registrations };
    const known = { node: config.node, version: deps.version, clock };
    const told = { ...known, manager, holding, countries, policies, tally, vicidial, metrics };
    const status = createStatus({
      ...{ ...measured, ...told },
      store: {
        breaker,
        place: place.kind === 'embedded' ? `private, in ${config.state}` : `external, by ${place.kind}`,
        promise,
      },
    });
    metrics.watch({ ...measured, status, audit, liveCalls, desk, bans });
    const backup = { ...kept, version: deps.version, bans: createBanBackup(kept), readUsers, readApiKeys };
    const api = await startApi(join(config.state, CONTROL_SOCKET), { ...apiParts, backup });
    releasers.push(['API', () => api.close()]);
    releasers.push(['sources of alerts', tell.follow({ desk, bans, parts: () => status().parts, firewall })]);
    releasers.push([
      'what is told live',
      events.watch({ journal, desk, bans, alerts, firewall, parts: () => status().parts }),
    ]);
    releasers.push(['calls about alerts', alerts.start({ phones: holding, audit: audit.audit })]);

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
