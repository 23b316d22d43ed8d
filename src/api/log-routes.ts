/** `/api/v1/log`: the level of this daemon's log, read and changed while it runs. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { logLevels } from '../log.ts';
import { LONGEST_LOG_LEVEL_MS, type LogLevelControl } from '../log-level.ts';
import type { Audit } from '../people/audit-log.ts';
import { parse } from './problem.ts';
import type { ActOf } from './recorded-changes.ts';

export interface LogReport {
  readonly level: string;
  /** What stands in the configuration. */
  readonly configured: string;
  /** ISO 8601, UTC: when it is as configured again; null where nobody set an end. */
  readonly until: string | null;
}

const change = z.strictObject({
  level: z.enum(logLevels),
  seconds: z
    .int()
    .min(1)
    .max(LONGEST_LOG_LEVEL_MS / 1000)
    .optional(),
});

export function logRoutes(
  app: FastifyInstance,
  deps: { readonly logLevel: LogLevelControl; readonly node: string; readonly audit: Audit; readonly act: ActOf },
): void {
  const { logLevel, node, audit, act } = deps;
  const report = (): LogReport => {
    const { level, configured, until } = logLevel.state();
    return { level, configured, until: until === undefined ? null : new Date(until).toISOString() };
  };
  app.get('/api/v1/log', async () => report());
  app.patch('/api/v1/log', async (request) => {
    const { level, seconds } = parse(change, request.body);
    const before = report();
    logLevel.set(level, seconds === undefined ? undefined : seconds * 1000);
    const after = report();
    await audit({ ...act(request, 'log.set', `log ${node}`), before, after });
    return after;
  });
}
