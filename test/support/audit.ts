/** An audit log on a real Redis for tests, what stands in it, and processes that write to it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Redis } from 'ioredis';
import { systemClock } from '../../src/clock.ts';
import { type AuditLog, openAuditLog } from '../../src/people/audit-log.ts';
import type { AuditRecord } from '../../src/people/audit-record.ts';
import type { AuditVerdict } from '../../src/people/audit-verify.ts';
import type { Keys } from '../../src/redis/keys.ts';
import type { AuditProcessOrder } from './audit-process.ts';
import { keptLog } from './silent-log.ts';

export const newStateDir = (): Promise<string> => mkdtemp(join(tmpdir(), 'tollgate-audit-'));
export const removeStateDir = (path: string): Promise<void> => rm(path, { recursive: true, force: true });

export const openTestAudit = (options: {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly stateDir: string;
  readonly node?: string;
  readonly maxEntries?: number;
  readonly log?: ReturnType<typeof keptLog>;
  readonly durably?: <T>(write: () => Promise<T>) => Promise<T>;
}): Promise<AuditLog> =>
  openAuditLog({
    redis: options.redis,
    keys: options.keys,
    clock: systemClock,
    node: options.node ?? 'pbx1',
    stateDir: options.stateDir,
    maxEntries: options.maxEntries ?? 1_000_000,
    maxAgeMs: 365 * 86_400_000,
    durably: options.durably ?? ((write) => write()),
    log: (options.log ?? keptLog()).log,
  });

export async function verdictOf(audit: Pick<AuditLog, 'verify'>): Promise<AuditVerdict> {
  for await (const each of audit.verify()) if ('intact' in each) return each;
  throw new Error('verify ended without a verdict');
}

/** Oldest first. */
export async function allEntries(audit: Pick<AuditLog, 'list'>): Promise<readonly AuditRecord[]> {
  const found: AuditRecord[] = [];
  let cursor: string | null | undefined;
  do {
    const page = await audit.list({ limit: 7, order: 'oldest', cursor: cursor ?? undefined, matches: () => true });
    found.push(...page.entries);
    cursor = page.cursor;
  } while (cursor !== null);
  return found;
}

export interface AuditProcess {
  /** Subjects that were acknowledged so far. */
  readonly acknowledged: readonly string[];
  readonly untilAcknowledged: (count: number) => Promise<void>;
  readonly kill: (signal: 'SIGKILL' | 'SIGTERM') => Promise<void>;
}

export function startAuditProcess(order: AuditProcessOrder): AuditProcess {
  const script = new URL('./audit-process.ts', import.meta.url).pathname;
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', script, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.stdout === null) throw new Error('the process has no output');
  const acknowledged: string[] = [];
  const waiting = new Set<() => void>();
  createInterface(child.stdout).on('line', (line) => {
    if (line.startsWith('ok ')) acknowledged.push(line.slice(3));
    for (const wake of waiting) wake();
  });
  return {
    acknowledged,
    untilAcknowledged: (count) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (acknowledged.length < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    kill: async (signal) => {
      const exit = once(child, 'exit');
      child.kill(signal);
      await exit;
    },
  };
}
