/**
 * What the packet filter of one host should do beside keeping banned addresses out: the portal, and isolation. It is not
 * a setting, because it can lock out whoever changes it: a change that closes something is in force at once and is undone
 * by itself unless it is confirmed in time.
 *
 * Pure. What is in force follows from the document and the time alone, so a change that nobody confirmed ends everywhere
 * and always, whether or not anybody is there to write that down: a daemon that starts after the time, or cannot reach the
 * store, comes to the same.
 */
import { z } from 'zod';
import type { EpochMs } from './call.ts';
import { mergedPorts, type Ports } from './port-presets.ts';

export interface FirewallPlan {
  /** These ports are open to the allowlist alone. */
  readonly portal: { readonly ports: readonly Ports[] } | null;
  /** Nobody but these canonical networks is talked to. */
  readonly isolation: { readonly reachable: readonly string[] } | null;
}

export type PlanChange = 'portal' | 'isolation';

/** Phones and trunks that a change keeps out, as they were known when it was made. */
export interface LostPeers {
  readonly phones: readonly { readonly extension: string; readonly address: string }[];
  /** Addresses. */
  readonly trunks: readonly string[];
}

/** A change that waits for somebody to say that he is still there. */
export interface PendingChange {
  readonly what: PlanChange;
  /** What was in force before, and is again unless it is confirmed. */
  readonly previous: FirewallPlan;
  readonly madeAt: EpochMs;
  readonly revertAt: EpochMs;
  readonly by: string;
  /** The connection by which it was made, where it is known. */
  readonly connection: string | null;
  /** Null: nobody could be asked. */
  readonly lost: LostPeers | null;
}

/** The last change that did not last. */
export interface UndoneChange {
  readonly what: PlanChange;
  readonly by: string;
  readonly at: EpochMs;
  /** Who undid it; null: nobody confirmed it in time. */
  readonly undoneBy: string | null;
  /** What was wanted, for whoever tries again; null: not known. */
  readonly draft: FirewallPlan | null;
}

export interface FirewallDocument {
  readonly plan: FirewallPlan;
  readonly pending: PendingChange | null;
  readonly lastUndone: UndoneChange | null;
}

const NOTHING: FirewallPlan = { portal: null, isolation: null };
export const NO_PLAN: FirewallDocument = { plan: NOTHING, pending: null, lastUndone: null };

export const CONFIRM_WITHIN_MS = { least: 10_000, most: 600_000, standard: 60_000 } as const;

/** Who makes a change, when, how, and how long it lasts unless it is confirmed. */
export interface PlanMaking {
  readonly at: EpochMs;
  readonly by: string;
  readonly connection: string | null;
  readonly withinMs: number;
  readonly lost: LostPeers | null;
}

/** What the packet filter should do at a time. */
export const planInForce = ({ plan, pending }: FirewallDocument, now: EpochMs): FirewallPlan =>
  pending !== null && now >= pending.revertAt ? pending.previous : plan;

/** The change that waits for being confirmed at a time. */
export const pendingAt = ({ pending }: FirewallDocument, now: EpochMs): PendingChange | undefined =>
  pending === null || now >= pending.revertAt ? undefined : pending;

/** Writes down that a change was not confirmed in time; the same document while there is none. */
export function settled(document: FirewallDocument, now: EpochMs): FirewallDocument {
  const { pending } = document;
  return pending === null || now < pending.revertAt ? document : withoutPending(document, pending.revertAt, null);
}

export const openPortal = (document: FirewallDocument, making: PlanMaking): FirewallDocument =>
  opened(settled(document, making.at), 'portal');

/** @param ports at least one */
export const closePortal = (
  document: FirewallDocument,
  ports: readonly Ports[],
  making: PlanMaking,
): FirewallDocument =>
  closed(settled(document, making.at), 'portal', { portal: { ports: mergedPorts(ports) } }, making);

/** @param reachable canonical networks, at least one */
export const isolate = (
  document: FirewallDocument,
  reachable: readonly string[],
  making: PlanMaking,
): FirewallDocument =>
  closed(settled(document, making.at), 'isolation', { isolation: { reachable: [...new Set(reachable)] } }, making);

export const release = (document: FirewallDocument, making: PlanMaking): FirewallDocument =>
  opened(settled(document, making.at), 'isolation');

/** The same document where nothing waits any more. What failed before is past then. */
export function confirmed(document: FirewallDocument, at: EpochMs): FirewallDocument {
  const now = settled(document, at);
  return now.pending === null ? now : { ...now, pending: null, lastUndone: null };
}

/** The same document where nothing waits any more. */
export function undone(document: FirewallDocument, at: EpochMs, by: string): FirewallDocument {
  const now = settled(document, at);
  return now.pending === null ? now : withoutPending(now, at, by);
}

/** A change that closes something has to be confirmed; several in a row are confirmed, or undone, together. */
function closed(
  document: FirewallDocument,
  what: PlanChange,
  part: Partial<FirewallPlan>,
  { at, by, connection, withinMs, lost }: PlanMaking,
): FirewallDocument {
  const previous = document.pending?.previous ?? document.plan;
  const plan = { ...document.plan, ...part };
  if (isSame(plan, previous)) return { ...document, plan, pending: null };
  const pending = { what, previous, madeAt: at, revertAt: (at + withinMs) as EpochMs, by, connection, lost };
  return { ...document, plan, pending };
}

/** Who opens something cuts nobody off, so it lasts; and what is undone afterwards must not close it again. */
function opened(document: FirewallDocument, part: keyof FirewallPlan): FirewallDocument {
  const plan = { ...document.plan, [part]: null };
  if (document.pending === null) return { ...document, plan };
  const previous = { ...document.pending.previous, [part]: null };
  return { ...document, plan, pending: isSame(plan, previous) ? null : { ...document.pending, previous } };
}

const withoutPending = (document: FirewallDocument, at: EpochMs, undoneBy: string | null): FirewallDocument =>
  document.pending === null
    ? document
    : {
        plan: document.pending.previous,
        pending: null,
        lastUndone: {
          ...{ what: document.pending.what, by: document.pending.by, at, undoneBy },
          draft: document.plan,
        },
      };

const isSame = (one: FirewallPlan, other: FirewallPlan): boolean => JSON.stringify(one) === JSON.stringify(other);

const time = z.int().transform((at) => at as EpochMs);
const planSchema = z.object({
  portal: z
    .object({
      ports: z.array(
        z.object({
          protocol: z.enum(['tcp', 'udp']),
          from: z.int().min(1).max(65_535),
          to: z.int().min(1).max(65_535),
        }),
      ),
    })
    .nullable(),
  isolation: z.object({ reachable: z.array(z.string()) }).nullable(),
});
const what = z.enum(['portal', 'isolation'] satisfies PlanChange[]);
const lost = z.object({
  phones: z.array(z.object({ extension: z.string(), address: z.string() })),
  trunks: z.array(z.string()),
});
const documentSchema = z.object({
  plan: planSchema,
  pending: z
    .object({
      what,
      previous: planSchema,
      madeAt: time,
      revertAt: time,
      by: z.string(),
      connection: z.string().nullable(),
      lost: lost.nullable().default(null),
    })
    .nullable(),
  lastUndone: z
    .object({
      what,
      by: z.string(),
      at: time,
      undoneBy: z.string().nullable(),
      draft: planSchema.nullable().default(null),
    })
    .nullable(),
});

/** What was kept, read back. Never throws. */
export function readFirewallDocument(value: unknown): FirewallDocument | { readonly problem: string } {
  const parsed = documentSchema.safeParse(value);
  return parsed.success ? parsed.data : { problem: z.prettifyError(parsed.error) };
}
