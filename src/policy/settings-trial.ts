/**
 * Settings that can lock out whoever changes them (packet protection, and who may come to page and API), tried before they
 * are kept: in force at once, and undone by themselves unless somebody says in time that he is still there.
 *
 * Pure. As with firewall-plan.ts, what is in force follows from the document and the time alone, so a trial that nobody
 * confirmed is over everywhere and always, whether or not anybody is there to write that down. There is one trial at a time.
 */
import { z } from 'zod';
import type { EpochMs } from './call.ts';
import type { Problem } from './problem.ts';
import { DEFAULT_SETTINGS, type Settings } from './settings.ts';
import { readSettings } from './settings-document.ts';

export const TRIED_PARTS = ['packetProtection', 'adminAccess'] as const;
export type TriedPart = (typeof TRIED_PARTS)[number];
/** One section, by its name. */
export type TriedSettings = Partial<Pick<Settings, TriedPart>>;

export interface PendingSettings {
  readonly what: TriedPart;
  readonly previous: TriedSettings;
  readonly madeAt: EpochMs;
  readonly revertAt: EpochMs;
  readonly by: string;
  readonly connection: string | null;
}

export interface UndoneSettings {
  readonly what: TriedPart;
  readonly by: string;
  readonly at: EpochMs;
  /** Null: nobody confirmed it in time. */
  readonly undoneBy: string | null;
  /** What was wanted. */
  readonly draft: TriedSettings;
}

/** As the store has them. */
export interface KeptSettings {
  /** With what is tried. */
  readonly settings: Settings;
  readonly pending: PendingSettings | null;
  readonly lastUndone: UndoneSettings | null;
}

/** Who tries, when, how, and for how long. */
export interface TrialMaking {
  readonly at: EpochMs;
  readonly by: string;
  readonly connection: string | null;
  readonly withinMs: number;
}

export const keptOf = (settings: Settings): KeptSettings => ({ settings, pending: null, lastUndone: null });

/** The settings in force at a time. */
export const settingsInForce = ({ settings, pending }: KeptSettings, now: EpochMs): Settings =>
  pending !== null && now >= pending.revertAt ? { ...settings, ...pending.previous } : settings;

export const trialAt = ({ pending }: KeptSettings, now: EpochMs): PendingSettings | undefined =>
  pending === null || now >= pending.revertAt ? undefined : pending;

/** Writes down that a trial was not confirmed in time; the same document while there is none. */
export function settledSettings(kept: KeptSettings, now: EpochMs): KeptSettings {
  const { pending } = kept;
  return pending === null || now < pending.revertAt ? kept : withoutTrial(kept, pending.revertAt, null);
}

/** The part of a change that can cut somebody off; undefined: none, or none that closes anything. */
export function triedPart(before: Settings, after: Settings): TriedPart | undefined {
  const closes: Readonly<Record<TriedPart, boolean>> = {
    packetProtection: after.packetProtection.enabled,
    adminAccess: after.adminAccess.allowFrom.length > 0,
  };
  return TRIED_PARTS.find((part) => closes[part] && !isSame(before[part], after[part]));
}

/**
 * @param making how it is tried; undefined: it is kept at once. Who changes by hand what is being tried has decided about it.
 * @throws nothing; another trial under way is for the caller to refuse
 */
export function changedSettings(
  old: KeptSettings,
  next: Settings,
  at: EpochMs,
  making: TrialMaking | undefined,
): KeptSettings {
  const kept = settledSettings(old, at);
  const what = triedPart(kept.settings, next);
  if (making !== undefined && what !== undefined) {
    const { by, connection, withinMs } = making;
    const previous = partOf(kept.settings, what);
    const revertAt = (at + withinMs) as EpochMs;
    return { settings: next, pending: { what, previous, madeAt: at, revertAt, by, connection }, lastUndone: null };
  }
  const { pending, lastUndone } = kept;
  const isDecided = pending !== null && !isSame(kept.settings[pending.what], next[pending.what]);
  return { settings: next, pending: isDecided ? null : pending, lastUndone };
}

/** The same document where nothing is tried any more. */
export function confirmedSettings(kept: KeptSettings, at: EpochMs): KeptSettings {
  const now = settledSettings(kept, at);
  return now.pending === null ? now : { ...now, pending: null, lastUndone: null };
}

/** The same document where nothing is tried any more. */
export function undoneSettings(kept: KeptSettings, at: EpochMs, by: string): KeptSettings {
  const now = settledSettings(kept, at);
  return now.pending === null ? now : withoutTrial(now, at, by);
}

function withoutTrial(kept: KeptSettings, at: EpochMs, undoneBy: string | null): KeptSettings {
  const { settings, pending } = kept;
  if (pending === null) return kept;
  const { what, by, previous } = pending;
  const lastUndone = { what, by, at, undoneBy, draft: partOf(settings, what) };
  return { settings: { ...settings, ...previous }, pending: null, lastUndone };
}

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** One section alone. */
export function partOf({ packetProtection, adminAccess }: Settings, what: TriedPart): TriedSettings {
  switch (what) {
    case 'packetProtection':
      return { packetProtection };
    case 'adminAccess':
      return { adminAccess };
    default:
      return what satisfies never;
  }
}

const time = z.int().transform((at) => at as EpochMs);
const what = z.enum(TRIED_PARTS);
const part = z.looseObject({});
const rest = z.object({
  pending: z
    .object({ what, previous: part, madeAt: time, revertAt: time, by: z.string(), connection: z.string().nullable() })
    .nullable(),
  lastUndone: z.object({ what, by: z.string(), at: time, undoneBy: z.string().nullable(), draft: part }).nullable(),
});

/** What was kept, read back; also settings alone, which is how they are kept while nothing was tried. Never throws. */
export function readKeptSettings(value: unknown): KeptSettings | { readonly problems: readonly Problem[] } {
  if (typeof value !== 'object' || value === null || !('settings' in value)) {
    const read = readSettings(value);
    return 'settings' in read ? keptOf(read.settings) : read;
  }
  const read = readSettings(value.settings);
  if ('problems' in read) return read;
  const parsed = rest.safeParse(value);
  // A trial that cannot be read is over: the settings without it are what was asked for.
  if (!parsed.success) return keptOf(read.settings);
  const { pending, lastUndone } = parsed.data;
  return {
    settings: read.settings,
    pending: pending === null ? null : { ...pending, previous: readPart(pending.previous, pending.what) },
    lastUndone: lastUndone === null ? null : { ...lastUndone, draft: readPart(lastUndone.draft, lastUndone.what) },
  };
}

function readPart(value: Readonly<Record<string, unknown>>, name: TriedPart): TriedSettings {
  const read = readSettings({ [name]: value[name] });
  return partOf('settings' in read ? read.settings : DEFAULT_SETTINGS, name);
}
