/**
 * Changes of the policy, the allowlist and the settings that leave an entry in the audit log: who, from where, what, and
 * the parts that differ.
 *
 * Guarantees that a change that was acknowledged is recorded, with the very document that it was made from; one that
 * changed nothing is not. Routes change documents through these and not through the stores.
 */
import type { FastifyRequest } from 'fastify';
import type { Audit, AuditEntry } from '../people/audit-log.ts';
import type { AllowlistDocument } from '../policy/allowlist.ts';
import type { PolicyDocument } from '../policy/document.ts';
import type { Settings } from '../policy/settings.ts';
import type { AllowlistStore } from '../store/allowlist-store.ts';
import type { PolicyStore } from '../store/policy-store.ts';
import type { SettingsStore } from '../store/settings-store.ts';
import { changedParts } from './changed-parts.ts';
import { type WhoAsks, whereFrom } from './who-asks.ts';

/** What a route says of a change before it makes it. */
export type Act = Pick<AuditEntry, 'by' | 'from' | 'action' | 'subject'>;

/** @param subject `rule default`, `ban 203.0.113.9` */
export type ActOf = (request: FastifyRequest, action: string, subject: string) => Act;

export const actOf =
  (whoAsks: WhoAsks): ActOf =>
  (request, action, subject) => ({ by: whoAsks(request), from: whereFrom(request), action, subject });

export interface RecordedPolicies extends Pick<PolicyStore, 'current' | 'check'> {
  /** As `PolicyStore.change`. */
  readonly change: (
    edit: Parameters<PolicyStore['change']>[0],
    act: Act,
    onlyIfVersion?: number,
  ) => ReturnType<PolicyStore['change']>;
  /** As `PolicyStore.resetRule`. */
  readonly resetRule: (rule: string, act: Act) => Promise<void>;
}

export function recordPolicies(policies: PolicyStore, audit: Audit): RecordedPolicies {
  return {
    current: policies.current,
    check: policies.check,
    change: async (edit, act, onlyIfVersion) => {
      let before: PolicyDocument | undefined;
      const change = await policies.change(
        (document) => {
          before = document;
          return edit(document);
        },
        act.by,
        onlyIfVersion,
      );
      if (change.changed && before !== undefined) await record(audit, act, before, change.snapshot.policy.document);
      return change;
    },
    resetRule: async (rule, act) => {
      await policies.resetRule(rule, act.by);
      await audit({ ...act, after: { counts: 'reset for all' } });
    },
  };
}

export interface RecordedAllowlist extends Pick<AllowlistStore, 'current'> {
  /** As `AllowlistStore.change`. */
  readonly change: (edit: (document: AllowlistDocument) => AllowlistDocument, act: Act) => Promise<void>;
}

export function recordAllowlist(allowlist: AllowlistStore, audit: Audit): RecordedAllowlist {
  return {
    current: allowlist.current,
    change: async (edit, act) => {
      let before: AllowlistDocument | undefined;
      const { document } = await allowlist.change((base) => {
        before = base;
        return edit(base);
      }, act.by);
      if (before !== undefined) await record(audit, act, before, document);
    },
  };
}

export interface RecordedSettings extends Pick<SettingsStore, 'current'> {
  /** As `SettingsStore.change`. */
  readonly change: (
    edit: Parameters<SettingsStore['change']>[0],
    act: Act,
    trial?: Parameters<SettingsStore['change']>[2],
  ) => ReturnType<SettingsStore['change']>;
}

export function recordSettings(settings: SettingsStore, audit: Audit): RecordedSettings {
  return {
    current: settings.current,
    change: async (edit, act, trial) => {
      let before: Settings | undefined;
      const recorded = (base: Settings, version: number): Settings => {
        before = base;
        return edit(base, version);
      };
      const changed = await settings.change(recorded, act.by, trial);
      if (before !== undefined) await record(audit, act, before, changed.document);
      return changed;
    },
  };
}

async function record(audit: Audit, act: Act, before: object, after: object): Promise<void> {
  const parts = changedParts(before, after);
  if (parts !== undefined) await audit({ ...act, ...parts });
}
