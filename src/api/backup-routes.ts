/**
 * `/api/v1/backup` and `/api/v1/restore`, on the control socket alone: a backup holds password hashes and the secrets of
 * second factors, and a restore replaces everything.
 *
 * What is restored leaves an entry in the audit log for each part. The portal is closed again only as a person would do it:
 * undone by itself unless somebody confirms it, and refused to whoever would be cut off.
 */
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { readGrant } from '../approvals/grant.ts';
import type { BanBackup, KeptBan } from '../bans/ban-backup.ts';
import type { FirewallControl } from '../bans/firewall-control.ts';
import type { Clock } from '../clock.ts';
import { isLock } from '../locks/lock-report.ts';
import type { Audit } from '../people/audit-log.ts';
import type { People } from '../people/people.ts';
import { readAllowlist } from '../policy/allowlist.ts';
import { CONFIRM_WITHIN_MS, type FirewallDocument, readFirewallDocument } from '../policy/firewall-plan.ts';
import { formatProblem } from '../policy/problem.ts';
import { readSettings } from '../policy/settings-document.ts';
import { type RateStore, readRates } from '../rates/rate-store.ts';
import type { Keys } from '../redis/keys.ts';
import type { AllowlistStore } from '../store/allowlist-store.ts';
import {
  addedOf,
  auditPart,
  type BackupPart,
  documentPart,
  hashPart,
  journalPart,
  type KeptDocument,
  type RestoredPart,
  type Restorer,
  reachedPart,
  restoreBackup,
  writeBackup,
} from '../store/backup.ts';
import { type BackupHeader, receiveBackup } from '../store/backup-file.ts';
import type { PolicyStore } from '../store/policy-store.ts';
import type { SettingsStore } from '../store/settings-store.ts';
import { createStoredDocument } from '../store/stored-document.ts';
import { ProblemError, parse } from './problem.ts';
import { recordAllowlist, recordPolicies, recordSettings } from './recorded-changes.ts';
import { callerOf, whereFrom, whoAsks } from './who-asks.ts';

export interface RestoreReport {
  readonly backup: BackupHeader;
  readonly dryRun: boolean;
  readonly parts: readonly RestoredPart[];
}

type Reader = (value: unknown) => object;

export interface BackupDeps {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly stateDir: string;
  readonly version: string;
  readonly durably: <T>(write: () => Promise<T>) => Promise<T>;
  readonly bans: BanBackup;
  /** `problem` in what they give says why a document cannot be used. */
  readonly readUsers: Reader;
  readonly readApiKeys: Reader;
}

const flag = z.enum(['true', 'false']);
const backupQuery = z.strictObject({ journal: flag.default('true') });
const restoreQuery = z.strictObject({ dryRun: flag.default('false') });
const LONGEST_RESTORE_MS = 3_600_000;

export function backupRoutes(
  app: FastifyInstance,
  deps: {
    readonly backup: BackupDeps;
    readonly node: string;
    readonly policies: PolicyStore;
    readonly settings: SettingsStore;
    readonly rates: RateStore;
    readonly addresses: { readonly allowlist: AllowlistStore };
    readonly firewall: { readonly control: FirewallControl };
    readonly people: Pick<People, 'users' | 'sessions'>;
    readonly audit: { readonly audit: Audit };
    readonly clock: Clock;
  },
): void {
  const { redis, keys, stateDir, version, bans } = deps.backup;
  const { audit } = deps.audit;
  const documents = documentParts(deps).map(documentPart);
  const others = [
    hashPart({
      ...{ redis, key: keys.grants, kind: 'grants', what: 'grants' },
      isInForce: (text) => (readGrant(text)?.until ?? 0) > deps.clock.now(),
    }),
    hashPart({ ...{ redis, key: keys.locks, kind: 'locks', what: 'locks' }, isInForce: isLock }),
    reachedPart(redis, keys),
    bansPart(bans),
    journalPart(redis, keys),
  ];
  const partsFor = (request: FastifyRequest): readonly BackupPart[] => [
    auditPart(redis, keys),
    ...documents,
    ...others,
    firewallPart(deps, request),
  ];

  app.get('/api/v1/backup', (request, reply) => {
    const { journal } = parse(backupQuery, request.query);
    const parts = partsFor(request).filter(({ kind }) => journal === 'true' || kind !== 'journal');
    const header = { version, node: deps.node, at: new Date(deps.clock.now()).toISOString() };
    return reply.type('application/x-ndjson').send(Readable.from(writeBackup(header, parts)));
  });

  app.addContentTypeParser('application/x-ndjson', (_request, payload, done) => done(null, payload));
  app.post('/api/v1/restore', { schema: { body: z.unknown() } }, async (request): Promise<RestoreReport> => {
    const dryRun = parse(restoreQuery, request.query).dryRun === 'true';
    const { body } = request;
    if (!(body instanceof Readable))
      throw new ProblemError('INVALID_REQUEST', [{ path: '', message: 'send the backup as application/x-ndjson' }]);
    request.raw.setTimeout(LONGEST_RESTORE_MS);
    const path = join(stateDir, `restore-${randomBytes(6).toString('hex')}.jsonl`);
    try {
      const backup = await receiveBackup(body, path);
      const restorer = { by: whoAsks(request), from: whereFrom(request) };
      const parts = await restoreBackup(backup, partsFor(request), { dryRun, restorer });
      const recorded = new Set(['policy', 'settings', 'allowlist']);
      for (const { kind, what, outcome, said } of parts)
        if (!dryRun && outcome === 'restored' && !recorded.has(kind))
          await audit({ ...restorer, action: ACTION, subject: what, after: { said, backup: backup.header } });
      return { backup: backup.header, dryRun, parts };
    } finally {
      await rm(path, { force: true });
    }
  });
}

const ACTION = 'backup.restore';

function documentParts(deps: Parameters<typeof backupRoutes>[1]): readonly KeptDocument[] {
  const { backup, addresses } = deps;
  const { audit } = deps.audit;
  const policies = recordPolicies(deps.policies, audit);
  const settings = recordSettings(deps.settings, audit);
  const allowlist = recordAllowlist(addresses.allowlist, audit);
  const stored = (kind: 'users' | 'apiKeys', what: string, read: Reader): KeptDocument => {
    const document = createStoredDocument({ ...backup, key: backup.keys[kind], clock: deps.clock });
    return {
      kind,
      what,
      current: document.current,
      problemOf: problemIn(read),
      replace: async (next, { by }) => {
        await document.replace(next, by);
        if (kind !== 'users') return;
        // What they may do may be another now.
        for (const { name } of deps.people.users.list()) await deps.people.sessions.endAll(name);
      },
    };
  };
  return [
    {
      kind: 'policy',
      what: 'the policy',
      current: () => {
        const { version, policy, changedAt, changedBy } = deps.policies.current();
        return { version, document: policy.document, changedAt, changedBy };
      },
      problemOf: (document) => sentence(policies.check(() => document).map(formatProblem)),
      replace: async (document, restorer) => {
        const change = await policies.change(() => document, actOn(restorer, 'the policy'));
        if (!change.changed) throw new ProblemError('POLICY_INVALID', change.problems);
      },
    },
    {
      kind: 'settings',
      what: 'the settings',
      current: deps.settings.current,
      problemOf: (document) => {
        const read = readSettings(document);
        return 'settings' in read ? undefined : sentence(read.problems.map(formatProblem));
      },
      replace: async (document, restorer) => {
        const read = readSettings(document);
        if ('settings' in read) await settings.change(() => read.settings, actOn(restorer, 'the settings'));
      },
    },
    {
      kind: 'allowlist',
      what: 'the allowlist',
      current: addresses.allowlist.current,
      problemOf: problemIn(readAllowlist),
      replace: async (document, restorer) => {
        const read = readAllowlist(document);
        if (!('problem' in read)) await allowlist.change(() => read, actOn(restorer, 'the allowlist'));
      },
    },
    {
      kind: 'rates',
      what: 'the rate sheet',
      current: () => ({ changedAt: '', changedBy: '', ...deps.rates.current() }),
      problemOf: problemIn(readRates),
      replace: async (document, { by }) => {
        const read = readRates(document);
        if (!('problem' in read)) await deps.rates.restore(read, by);
      },
    },
    stored('users', 'users', backup.readUsers),
    stored('apiKeys', 'API keys', backup.readApiKeys),
  ];
}

const actOn = ({ by, from }: Restorer, subject: string) => ({ by, from, action: ACTION, subject });

const sentence = (problems: readonly string[]): string | undefined =>
  problems.length === 0 ? undefined : problems.join('; ');

const problemIn =
  (read: Reader) =>
  (document: unknown): string | undefined => {
    const found = read(document);
    return 'problem' in found ? String(found.problem) : undefined;
  };

const bansPart = (bans: BanBackup): BackupPart => ({
  kind: 'bans',
  what: 'bans',
  values: bans.all,
  restore: async (values, { dryRun }) => {
    let all = 0;
    const counted = async function* (): AsyncGenerator<KeptBan> {
      for await (const ban of values()) {
        all += 1;
        yield ban as KeptBan;
      }
    };
    return addedOf(await bans.add(counted(), { dryRun }), all);
  },
});

/** The portal of this host. An isolation belongs to an hour, not into a backup. */
function firewallPart(
  deps: { readonly node: string; readonly firewall: { readonly control: FirewallControl } },
  request: FastifyRequest,
): BackupPart {
  const { control } = deps.firewall;
  return {
    kind: 'firewall',
    what: 'the portal',
    values: function* () {
      const { plan, pending } = control.state();
      const confirmed = pending !== undefined && 'portal' in pending.previous ? pending.previous : plan;
      const lasting: FirewallDocument = { plan: confirmed, pending: null, lastUndone: null };
      if (lasting.plan.portal !== null) yield { node: deps.node, document: lasting };
    },
    restore: async (values, { dryRun, restorer }) => {
      for await (const value of values()) {
        const { node, document } = value as { readonly node: string; readonly document: unknown };
        const read = readFirewallDocument(document);
        if ('problem' in read) return { outcome: 'refused', said: read.problem };
        const { portal } = read.plan;
        if (portal === null || JSON.stringify(control.state().plan.portal) === JSON.stringify(portal)) break;
        if (node !== deps.node) return { outcome: 'refused', said: `it is that of ${node}, and this is ${deps.node}` };
        if (!dryRun) {
          const withinMs = CONFIRM_WITHIN_MS.standard;
          const request_ = { by: restorer.by, caller: callerOf(request), withinMs, force: false };
          const answer = await control.closePortal(portal.ports, request_);
          if ('refused' in answer) return { outcome: 'refused', said: answer.refused };
        }
        const seconds = CONFIRM_WITHIN_MS.standard / 1000;
        return {
          outcome: 'restored',
          said: `closed, and opened again in ${seconds} s without: tollgate firewall confirm`,
        };
      }
      return { outcome: 'unchanged', said: 'is as in the backup' };
    },
  };
}
