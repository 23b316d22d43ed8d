/** Alerts on a real store, with a clock that a test moves. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { type Alert, completeAlert, type NewAlert } from '../../src/alerts/alert.ts';
import { type Alerts, openAlerts } from '../../src/alerts/alerts.ts';
import type { LookUp } from '../../src/alerts/post.ts';
import { alertsSchema } from '../../src/alerts/settings.ts';
import type { AriConnection } from '../../src/asterisk/ari-connection.ts';
import type { Clock } from '../../src/clock.ts';
import type { EpochMs } from '../../src/policy/call.ts';
import { defaultPolicyDocument, readPolicyDocument } from '../../src/policy/document.ts';
import { compilePolicy } from '../../src/policy/policy.ts';
import { createKeys } from '../../src/redis/keys.ts';
import { keptLog } from './silent-log.ts';

export interface MovedClock extends Clock {
  readonly move: (ms: number) => void;
}

/** Runs as the real one does, and can be moved on. */
export function movedClock(startAt?: number): MovedClock {
  let added = startAt === undefined ? 0 : startAt - Date.now();
  let monotonic = 0;
  return {
    now: () => (Date.now() + added) as EpochMs,
    monotonicMs: () => performance.now() + monotonic,
    move: (ms) => {
      added += ms;
      monotonic += ms;
    },
  };
}

export const alertKeys = createKeys({ prefix: 'tollgate', tenant: 'default' });

export interface TestAlerts {
  readonly alerts: Alerts;
  readonly clock: MovedClock;
  readonly log: ReturnType<typeof keptLog>['lines'];
  readonly stateDir: string;
  readonly stop: () => Promise<void>;
}

/** Channels may lead to loopback here. */
export async function startTestAlerts(options: {
  readonly redis: Redis;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly clock?: MovedClock;
  readonly node?: string;
  readonly stateDir?: string;
  readonly schedules?: Readonly<Record<string, unknown>>;
  readonly publicUrl?: string;
  readonly lookUp?: LookUp;
  readonly phones?: readonly AriConnection[];
}): Promise<TestAlerts> {
  const { redis, clock = movedClock() } = options;
  const stateDir = options.stateDir ?? (await mkdtemp(join(tmpdir(), 'tollgate-alerts-')));
  const kept = keptLog();
  const read = readPolicyDocument({ ...defaultPolicyDocument(), schedules: options.schedules ?? {} });
  if ('problems' in read) throw new Error(JSON.stringify(read.problems));
  const policy = compilePolicy(read.document, {});
  const alerts = await openAlerts({
    settings: alertsSchema.parse({ allowNetworks: ['127.0.0.0/8'], ...options.settings }),
    redis,
    keys: alertKeys,
    clock,
    node: options.node ?? 'pbx1',
    stateDir,
    policy: () => policy,
    baseUrl: () => ({
      url: options.publicUrl ?? 'http://127.0.0.1:1',
      warning: options.publicUrl === undefined ? 'only here' : undefined,
    }),
    approvalLink: async ({ id }, person) => ({ url: `${options.publicUrl}/a/${id}-${person}` }),
    log: kept.log,
    ...(options.lookUp === undefined ? {} : { lookUp: options.lookUp }),
  });
  const hangUp = alerts.start({ phones: options.phones ?? [], audit: () => Promise.resolve() });
  return {
    alerts,
    clock,
    log: kept.lines,
    stateDir,
    stop: async () => {
      await hangUp();
      await alerts.close();
      if (options.stateDir === undefined) await rm(stateDir, { recursive: true, force: true });
    },
  };
}

export const someAlert = (fields: Partial<NewAlert> = {}): NewAlert => ({
  kind: 'component',
  about: 'pbx1 store',
  subject: 'store',
  title: 'store on pbx1 is down',
  sentence: 'It does not answer.',
  ...fields,
});
export const alertAt = (at: number, fields: Partial<NewAlert> = {}): Alert =>
  completeAlert(someAlert(fields), 'pbx1', at as EpochMs);

export async function until(what: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  const giveUpMs = performance.now() + withinMs;
  while (!(await what())) {
    if (performance.now() > giveUpMs) throw new Error('it did not come to that');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
