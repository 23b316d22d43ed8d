/**
 * The API: all of its routes, and the unix socket in the state folder on which they are served without a log-in. Whoever
 * may write to that socket is an administrator. On the web port the same routes are behind web-api.ts.
 */
import { chmod, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Redis } from 'ioredis';
import type { Alerts } from '../alerts/alerts.ts';
import type { ApprovalDesk } from '../approvals/approval-desk.ts';
import type { ApprovalLinks } from '../approvals/approval-links.ts';
import type { Decisions } from '../approvals/decisions.ts';
import type { Grants } from '../approvals/grants.ts';
import type { BanList } from '../bans/ban-list.ts';
import type { Countries } from '../bans/country.ts';
import type { Defence } from '../bans/defence.ts';
import type { FirewallService } from '../bans/firewall-service.ts';
import type { Clock } from '../clock.ts';
import type { MachineDoctor } from '../doctor/from-daemon.ts';
import type { Gate } from '../gate/gate.ts';
import type { Journal } from '../gate/journal.ts';
import type { LimitStore } from '../gate/limit-store.ts';
import type { SeenByAll } from '../gate/seen-by-all.ts';
import type { CallEnder } from '../live-calls/call-ender.ts';
import type { CostHistory } from '../live-calls/cost-history.ts';
import type { TrunkFailures } from '../live-calls/trunk-failures.ts';
import type { LiveEvents } from '../live-events/live-events.ts';
import type { Locks } from '../locks/locks.ts';
import type { LogLevelControl } from '../log-level.ts';
import type { AuditLog } from '../people/audit-log.ts';
import type { People } from '../people/people.ts';
import { readAddress } from '../policy/addresses.ts';
import type { RateStore } from '../rates/rate-store.ts';
import type { Keys } from '../redis/keys.ts';
import type { ReplayJob } from '../simulate/replay-job.ts';
import type { Status } from '../status.ts';
import type { AllowedAddresses } from '../store/allowed-addresses.ts';
import type { AllowlistStore } from '../store/allowlist-store.ts';
import type { DomainWatch } from '../store/domain-watch.ts';
import type { LastHits } from '../store/last-hits.ts';
import { createLogoStore } from '../store/logo-store.ts';
import type { Nodes } from '../store/nodes.ts';
import type { PolicyStore } from '../store/policy-store.ts';
import type { SettingsStore } from '../store/settings-store.ts';
import { alertRoutes } from './alerts-routes.ts';
import { allowlistPreviewRoutes } from './allowlist-preview-routes.ts';
import { allowlistRoutes } from './allowlist-routes.ts';
import { approvalLinkRoutes } from './approval-link-routes.ts';
import { approvalRoutes } from './approvals-routes.ts';
import { asteriskRoutes } from './asterisk-routes.ts';
import { auditExportRoutes } from './audit-export-routes.ts';
import { auditRoutes } from './audit-routes.ts';
import { type BackupDeps, backupRoutes } from './backup-routes.ts';
import { banHistoryRoutes } from './bans-history-routes.ts';
import { banRestoreRoutes } from './bans-restore-routes.ts';
import { banRoutes } from './bans-routes.ts';
import { brandingRoutes } from './branding-routes.ts';
import { callsCsvRoutes } from './calls-csv-routes.ts';
import { callRoutes } from './calls-routes.ts';
import { costRoutes } from './cost-routes.ts';
import { dashboardRoutes } from './dashboard-routes.ts';
import { defenceRoutes } from './defence-routes.ts';
import { doctorRoutes } from './doctor-routes.ts';
import { eventRoutes } from './events-routes.ts';
import { exemptRoutes } from './exempt-routes.ts';
import { extensionOverviewRoutes } from './extension-overview-routes.ts';
import { firewallRoutes } from './firewall-routes.ts';
import { answerOnce } from './idempotency.ts';
import { tellInForce } from './in-force.ts';
import { keyRoutes } from './keys-routes.ts';
import { learnRoutes } from './learn-routes.ts';
import { leftAloneRoutes } from './left-alone-routes.ts';
import { liveCallRoutes } from './live-calls-routes.ts';
import { lockRoutes } from './locks-routes.ts';
import { logRoutes } from './log-routes.ts';
import { meRoutes } from './me-routes.ts';
import { memberOverviewRoutes } from './member-overview-routes.ts';
import { memberRoutes } from './members-routes.ts';
import { nodeRoutes } from './nodes-routes.ts';
import { describeRoutes } from './openapi.ts';
import { packRoutes } from './packs-routes.ts';
import { policyRoutes } from './policy-routes.ts';
import { notFound, sendProblem } from './problem.ts';
import { promptRoutes } from './prompts-routes.ts';
import { rateRoutes } from './rates-routes.ts';
import { actOf, recordAllowlist, recordPolicies, recordSettings } from './recorded-changes.ts';
import { replayRoutes } from './replay-routes.ts';
import { ruleOverviewRoutes } from './rule-overview-routes.ts';
import { rulePreviewRoutes } from './rules-preview-routes.ts';
import { ruleRoutes } from './rules-routes.ts';
import { scheduleStateRoutes } from './schedule-state-routes.ts';
import { checkBySchema, type ZodTypes } from './schema.ts';
import { settingsRoutes } from './settings-routes.ts';
import { spendRoutes } from './spend-routes.ts';
import { statusAnswer } from './status-answer.ts';
import { templateRoutes } from './templates-routes.ts';
import { userRoutes } from './users-routes.ts';
import { setAsker, whoAsks } from './who-asks.ts';

/** A policy of ten thousand rules and members stays well under this. */
export const LARGEST_BODY_BYTES = 8 * 1024 * 1024;

/** Who is always let in, and who is kept out. */
export interface AddressLists {
  readonly allowlist: AllowlistStore;
  readonly allowed: AllowedAddresses;
  readonly domains: DomainWatch;
  readonly allowHits: LastHits;
  readonly bans: BanList;
  readonly banHits: LastHits;
  readonly countries: Pick<Countries, 'countryOf' | 'refusalOf'>;
}

/** What the routes need. */
export interface ApiParts {
  readonly node: string;
  readonly policies: PolicyStore;
  readonly limits: LimitStore;
  readonly gate: Gate;
  readonly journal: Journal;
  readonly rates: RateStore;
  readonly ender: CallEnder;
  readonly costs: CostHistory;
  readonly trunks: TrunkFailures;
  readonly replay: ReplayJob;
  readonly locks: Locks;
  readonly approvals: {
    readonly desk: ApprovalDesk;
    readonly decisions: Decisions;
    readonly grants: Grants;
    readonly links: ApprovalLinks;
  };
  readonly addresses: AddressLists;
  readonly defence: Pick<Defence, 'reports' | 'peers' | 'phones' | 'endpoints'>;
  readonly settings: SettingsStore;
  readonly firewall: FirewallService;
  readonly audit: AuditLog;
  readonly people: People;
  readonly logLevel: LogLevelControl;
  readonly alerts: Alerts;
  readonly events: LiveEvents;
  readonly seen: SeenByAll;
  readonly nodes: Nodes;
  /** For answers that may have to be given again. */
  readonly store: { readonly redis: Redis; readonly keys: Keys };
  readonly status: () => Status;
  readonly machine: MachineDoctor;
  readonly clock: Clock;
}

/** Registers every route but those of a log-in. Each has a line in permissions.ts. */
export function apiRoutes(plain: FastifyInstance, deps: ApiParts): void {
  const app = plain.withTypeProvider<ZodTypes>();
  const act = actOf(whoAsks);
  const { audit } = deps.audit;
  const policies = recordPolicies(deps.policies, audit);
  policyRoutes(app, { policies, act });
  ruleRoutes(app, { policies, limits: deps.limits, audit, act });
  memberRoutes(app, { policies, act });
  templateRoutes(app, { policies, act, clock: deps.clock });
  packRoutes(app, { policies });
  promptRoutes(app);
  doctorRoutes(app, {
    policies: deps.policies,
    journal: deps.journal,
    machine: deps.machine,
    clock: deps.clock,
    hasRates: () => deps.rates.sheet() !== undefined,
  });
  callRoutes(app, { gate: deps.gate, journal: deps.journal });
  callsCsvRoutes(app, { journal: deps.journal });
  liveCallRoutes(app, { ender: deps.ender, act });
  lockRoutes(app, { locks: deps.locks, act });
  learnRoutes(app, { limits: deps.limits, audit, act });
  const { allowHits, banHits, countries, ...addresses } = deps.addresses;
  const { firewall, settings, clock } = deps;
  const allowlist = recordAllowlist(addresses.allowlist, audit);
  const refusalOf = firewall.control.refusalOfAllowlist;
  const trunks = () => deps.defence.peers().trunks;
  allowlistRoutes(app, { ...addresses, allowlist, refusalOf, trunks, hits: allowHits, clock, act });
  exemptRoutes(app, { phones: deps.defence.phones, allowed: addresses.allowed });
  const countryRefusal = (text: string): string | undefined => {
    const address = readAddress(text);
    return address === undefined ? undefined : countries.refusalOf(address);
  };
  const { countryOf } = countries;
  banRoutes(app, { ...addresses, firewall, countryOf, countryRefusal, hits: banHits, clock, audit, act });
  leftAloneRoutes(app, { bans: addresses.bans, audit, act });
  settingsRoutes(app, {
    settings: recordSettings(settings, audit),
    waits: () => firewall.control.state().pending,
    act,
  });
  const packetProtection = () => settings.current().document.packetProtection;
  const { bans, allowed } = addresses;
  const { peers, phones } = deps.defence;
  firewallRoutes(app, { firewall, node: deps.node, bans, allowed, peers, phones, packetProtection, audit, act, clock });
  defenceRoutes(app, deps);
  auditRoutes(app, { audit: deps.audit });
  logRoutes(app, { logLevel: deps.logLevel, node: deps.node, audit, act });
  alertRoutes(app, { alerts: deps.alerts, audit, act, clock });
  approvalLinkRoutes(app, deps.approvals);
  approvalRoutes(app, { ...deps.approvals, whoAsks });
  userRoutes(app, { people: deps.people, audit, act });
  keyRoutes(app, { people: deps.people, audit, act });
  const { status, policies: readOnly, journal, defence, approvals, ender, seen } = deps;
  const { fullest } = seen;
  tellInForce(app, deps.nodes);
  nodeRoutes(app, deps);
  answerOnce(app, deps.store);
  spendRoutes(app, { limits: deps.limits, fullest, policy: () => readOnly.current().policy, rates: deps.rates, clock });
  replayRoutes(app, { job: deps.replay, policies: readOnly, rates: deps.rates, whoAsks });
  costRoutes(app, { costs: deps.costs, policy: () => readOnly.current().policy, rates: deps.rates, clock });
  rateRoutes(app, { rates: deps.rates, policy: () => deps.policies.current().policy, audit, act });
  rulePreviewRoutes(app, { policies, journal, clock, act });
  ruleOverviewRoutes(app, { policies: readOnly, journal, clock });
  scheduleStateRoutes(app, { policies: readOnly, clock });
  const { locks } = deps;
  extensionOverviewRoutes(app, { endpoints: defence.endpoints, policies: readOnly, allowed, fullest, locks, clock });
  allowlistPreviewRoutes(app, { ...addresses, phones: defence.phones });
  banHistoryRoutes(app, { bans });
  auditExportRoutes(app, { audit: deps.audit });
  banRestoreRoutes(app, { bans, allowed, clock, audit, act });
  asteriskRoutes(app, { endpoints: defence.endpoints, policies: readOnly });
  memberOverviewRoutes(app, { endpoints: defence.endpoints, policies: readOnly, trunks: deps.trunks });
  const shown = { journal, ender, seen, desk: approvals.desk, bans, defence, allowed, allowlist, allowHits, firewall };
  dashboardRoutes(app, { ...shown, node: deps.node, policies: readOnly, status, clock });
  const logo = createLogoStore(deps.store.redis, deps.store.keys);
  brandingRoutes(app, { settings: () => settings.current().document, logo, audit, act });
  meRoutes(app, { node: deps.node, policies: deps.policies, allowed, clock, ownExtension: deps.people.ownExtension });
  eventRoutes(app, { events: deps.events, node: deps.node, clock });
  app.get(
    '/api/v1/status',
    { schema: { summary: 'How the daemon and its parts are', response: { 200: statusAnswer } } },
    () => deps.status(),
  );
}

export async function startApi(
  socketPath: string,
  parts: ApiParts & { readonly backup: BackupDeps },
): Promise<{ readonly close: () => Promise<void> }> {
  const app = Fastify({ bodyLimit: LARGEST_BODY_BYTES, forceCloseConnections: true });
  app.setErrorHandler((error, _request, reply) => sendProblem(reply, error));
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, notFound('resource', request.url, 'see the API reference')),
  );
  app.addHook('onRequest', (request, _reply, done) => {
    setAsker(request, { kind: 'administrator' });
    done();
  });
  checkBySchema(app);
  const describe = describeRoutes(app);
  apiRoutes(app, parts);
  describe(() => parts.status().version);
  backupRoutes(app, parts);

  await removeStaleSocket(socketPath);
  await app.listen({ path: socketPath });
  await chmod(socketPath, 0o660);
  return { close: () => app.close() };
}

/** A socket left by a killed daemon. The state folder's lock has made sure already that no living one has it. */
async function removeStaleSocket(path: string): Promise<void> {
  const alive = await new Promise<boolean>((resolve) => {
    const socket = createConnection(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
  if (!alive) await rm(path, { force: true });
}
