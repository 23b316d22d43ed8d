/**
 * The settings in the store: a versioned document with a copy on this host, see versioned-document.ts.
 *
 * What is tried and was not kept in time is over here at that very moment, also while the store is away; that it is, is
 * written down by whichever daemon comes first. A trial outlives a daemon that is stopped or killed.
 */
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import { messageOf, TollgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { EpochMs } from '../policy/call.ts';
import { formatProblem } from '../policy/problem.ts';
import { DEFAULT_SETTINGS, type Settings } from '../policy/settings.ts';
import {
  changedSettings,
  confirmedSettings,
  type KeptSettings,
  keptOf,
  type PendingSettings,
  readKeptSettings,
  settingsInForce,
  settledSettings,
  type TrialMaking,
  trialAt,
  type UndoneSettings,
  undoneSettings,
} from '../policy/settings-trial.ts';
import type { Keys } from '../redis/keys.ts';
import { openVersionedDocument, type Versioned } from './versioned-document.ts';

export interface SettingsStore {
  /** Those in force now. */
  readonly current: () => Versioned<Settings>;
  /**
   * @param trial how what may cut somebody off is tried; absent: it is kept at once
   * @throws {TollgateError} `STORE_UNAVAILABLE`, `CONFLICT` (also: another trial waits); whatever the edit throws
   */
  readonly change: (
    edit: (document: Settings, version: number) => Settings,
    by: string,
    trial?: Pick<TrialMaking, 'connection' | 'withinMs'>,
  ) => Promise<Versioned<Settings>>;
  /** Calls back with each change, also with the end of a trial. */
  readonly onChange: (listener: (now: Versioned<Settings>) => void) => () => void;
  readonly trials: SettingsTrials;
  readonly close: () => void;
}

export interface SettingsTrials {
  readonly pending: () => PendingSettings | undefined;
  readonly lastUndone: () => UndoneSettings | undefined;
  /** Settings before and after; undefined: it was over. @throws {TollgateError} `STORE_UNAVAILABLE`, `CONFLICT` */
  readonly confirm: (by: string) => Promise<EndedTrial | undefined>;
  /** As {@link SettingsTrials.confirm}. */
  readonly undo: (by: string) => Promise<EndedTrial | undefined>;
}

export interface EndedTrial {
  readonly before: Settings;
  readonly after: Settings;
}

const TRY_AGAIN_MS = 5000;
/** Timers may run a little early by the clock of the host. */
const LATE_MS = 20;

export async function openSettingsStore(deps: {
  readonly redis: Redis;
  readonly keys: Pick<Keys, 'settings'>;
  readonly clock: Clock;
  readonly stateDir: string;
  readonly log: Log;
  readonly durably: <T>(write: () => Promise<T>) => Promise<T>;
  /** For a trial that nobody kept. */
  readonly audit: (entry: {
    readonly by: string;
    readonly action: string;
    readonly subject: string;
    readonly before: unknown;
    readonly after: unknown;
    readonly reason: string;
  }) => Promise<void>;
}): Promise<SettingsStore> {
  const { clock, log } = deps;
  const kept = await openVersionedDocument<KeptSettings>({
    redis: deps.redis,
    key: deps.keys.settings,
    what: 'the settings',
    copyPath: join(deps.stateDir, 'settings.json'),
    first: keptOf(DEFAULT_SETTINGS),
    read: (value) => {
      const read = readKeptSettings(value);
      return 'settings' in read ? read : { problem: read.problems.map(formatProblem).join('; ') };
    },
    clock,
    log,
    durably: deps.durably,
  });
  const listeners = new Set<(now: Versioned<Settings>) => void>();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const shown = ({ document, ...rest }: Versioned<KeptSettings>): Versioned<Settings> => ({
    ...rest,
    document: settingsInForce(document, clock.now()),
  });
  const tell = (): void => {
    const now = shown(kept.current());
    for (const listener of listeners) listener(now);
  };
  const expire = async (): Promise<void> => {
    timer = undefined;
    const before = kept.current().document;
    const { pending } = before;
    if (pending === null) return;
    if (settledSettings(before, clock.now()) === before) return schedule();
    // Before the store knows it, which may be away.
    tell();
    let isOurs = false;
    try {
      await kept.change((now) => {
        isOurs = now.pending?.madeAt === pending.madeAt;
        return settledSettings(now, clock.now());
      }, 'clock');
    } catch (error) {
      log.warn({ problem: messageOf(error) }, 'that tried settings were undone could not be written down yet');
      if (!closed) timer = setTimeout(() => void expire(), TRY_AGAIN_MS);
      return;
    }
    if (!isOurs) return;
    log.warn({ setting: pending.what, by: pending.by }, 'tried settings were not confirmed, and are undone');
    const { what, by, previous } = pending;
    const act = { by: 'clock', action: 'settings.revert', subject: `settings ${what}` };
    const change = { before: { [what]: before.settings[what] }, after: previous };
    const reason = `nobody confirmed the change of ${by} in time`;
    await deps.audit({ ...act, ...change, reason }).catch((error: unknown) => {
      log.warn({ problem: messageOf(error) }, 'that tried settings were undone is not in the audit log');
    });
  };
  const schedule = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const { pending } = kept.current().document;
    if (closed || pending === null) return;
    timer = setTimeout(() => void expire(), Math.max(0, pending.revertAt - clock.now()) + LATE_MS);
  };
  const stop = kept.onChange(() => {
    schedule();
    tell();
  });
  schedule();

  /** The document that had the trial; undefined: it was over. */
  const end = async (edit: (now: KeptSettings, at: EpochMs) => KeptSettings, by: string) => {
    let before: KeptSettings | undefined;
    await kept.change((now) => {
      before = trialAt(now, clock.now()) === undefined ? undefined : now;
      return edit(now, clock.now());
    }, by);
    if (before?.pending == null) return undefined;
    return { tried: before.settings, previous: { ...before.settings, ...before.pending.previous } };
  };
  return {
    current: () => shown(kept.current()),
    change: async (edit, by, trial) => {
      const now = await kept.change((base, version) => {
        const at = clock.now();
        const next = edit(settingsInForce(base, at), version);
        if (trial !== undefined && trialAt(base, at) !== undefined) throw new TollgateError('CONFLICT', ANOTHER_WAITS);
        const making = trial === undefined ? undefined : { at, by, ...trial };
        return changedSettings(base, next, at, making);
      }, by);
      return shown(now);
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    trials: {
      pending: () => trialAt(kept.current().document, clock.now()),
      lastUndone: () => settledSettings(kept.current().document, clock.now()).lastUndone ?? undefined,
      confirm: async (by) => {
        const ended = await end(confirmedSettings, by);
        return ended === undefined ? undefined : { before: ended.previous, after: ended.tried };
      },
      undo: async (by) => {
        const ended = await end((now, at) => undoneSettings(now, at, by), by);
        return ended === undefined ? undefined : { before: ended.tried, after: ended.previous };
      },
    },
    close: () => {
      closed = true;
      clearTimeout(timer);
      stop();
      kept.close();
    },
  };
}

/** Also for a change of the packet filter. */
export const ANOTHER_WAITS =
  'another change that may cut somebody off waits to be kept; keep it or put it back first (tollgate firewall confirm, tollgate firewall undo)';
