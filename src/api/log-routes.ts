/** `/api/v1/log`: the level of this daemon's log, read and changed while it runs. */
import { z } from 'zod';
import { logLevels } from '../log.ts';
import { LONGEST_LOG_LEVEL_MS, type LogLevelControl } from '../log-level.ts';
import type { Audit } from '../people/audit-log.ts';
import type { ActOf } from './recorded-changes.ts';
import { type Api, instant, orNull, text } from './schema.ts';

export interface LogReport {
  readonly level: string;
  /** What stands in the configuration. */
  readonly configured: string;
  /** ISO 8601, UTC: when it is as configured again; null where nobody set an end. */
  readonly until: string | null;
}

const answer = z.strictObject({ level: text, configured: text, until: orNull(instant) });
const change = z.strictObject({
  level: z.enum(logLevels),
  seconds: z
    .int()
    .min(1)
    .max(LONGEST_LOG_LEVEL_MS / 1000)
    .optional(),
});

export function logRoutes(
  app: Api,
  deps: { readonly logLevel: LogLevelControl; readonly node: string; readonly audit: Audit; readonly act: ActOf },
): void {
  const { logLevel, node, audit, act } = deps;
  const report = (): LogReport => {
    const { level, configured, until } = logLevel.state();
    return { level, configured, until: until === undefined ? null : new Date(until).toISOString() };
  };
  app.get('/api/v1/log', { schema: { summary: 'The level of the log', response: { 200: answer } } }, () => report());
  app.patch(
    '/api/v1/log',
    {
      schema: {
        summary: 'Change the level of the log, for a time or for good',
        body: change,
        response: { 200: answer },
      },
    },
    async (request) => {
      const { level, seconds } = request.body;
      const before = report();
      logLevel.set(level, seconds === undefined ? undefined : seconds * 1000);
      const after = report();
      await audit({ ...act(request, 'log.set', `log ${node}`), before, after });
      return after;
    },
  );
}
