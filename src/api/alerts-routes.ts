/** Alerts: list them, acknowledge one, try a channel, and what was given up. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Alerts } from '../alerts/alerts.ts';
import type { Audit } from '../people/audit-log.ts';
import { reportAlert, reportDeadLetter } from './alert-report.ts';
import { ConflictError, notFound, parse } from './problem.ts';
import type { ActOf } from './recorded-changes.ts';

const listQuery = z.strictObject({
  state: z.enum(['open', 'all']).default('open'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
const deadQuery = z.strictObject({ limit: z.coerce.number().int().min(1).max(1000).default(100) });
const testBody = z.strictObject({ channel: z.string().max(64).optional() });
const retryBody = z.strictObject({ ids: z.array(z.string().max(200)).min(1).max(1000).optional() });

export function alertRoutes(
  app: FastifyInstance,
  deps: { readonly alerts: Alerts; readonly audit: Audit; readonly act: ActOf },
): void {
  const { alerts, audit, act } = deps;
  app.get('/api/v1/alerts', async (request) => {
    const { state, limit } = parse(listQuery, request.query);
    return (await alerts.list(state, limit)).map(reportAlert);
  });
  app.get('/api/v1/alerts/channels', async () => {
    const channels = await alerts.channels();
    return channels.map(({ restsUntil, ...rest }) => ({
      ...rest,
      restsUntil: restsUntil === null ? null : new Date(restsUntil).toISOString(),
    }));
  });
  app.get('/api/v1/alerts/dead', async (request) => {
    const letters = await alerts.dead(parse(deadQuery, request.query).limit);
    return letters.map(reportDeadLetter);
  });
  app.post('/api/v1/alerts/dead/retry', async (request) => {
    const { ids } = parse(retryBody, request.body ?? {});
    const retried = await alerts.retry(ids);
    await audit({ ...act(request, 'alerts.retry', 'messages that were given up'), after: { retried } });
    return { retried };
  });
  app.post('/api/v1/alerts/test', async (request) => {
    const { channel } = parse(testBody, request.body ?? {});
    const results = await alerts.test(channel);
    await audit({ ...act(request, 'alerts.test', channel === undefined ? 'all channels' : `channel ${channel}`) });
    return results;
  });
  app.get<{ Params: { readonly id: string } }>('/api/v1/alerts/:id', async ({ params }) => {
    const found = await alerts.find(params.id);
    if (found === undefined) throw noAlert(params.id);
    return reportAlert(found);
  });
  app.post<{ Params: { readonly id: string } }>('/api/v1/alerts/:id/acknowledge', async (request) => {
    const { id } = request.params;
    const what = act(request, 'alerts.acknowledge', `alert ${id}`);
    const found = await alerts.acknowledge(id, what.by);
    if (found === undefined) throw noAlert(id);
    const report = reportAlert(found.incident);
    if (!found.isFirst) throw new ConflictError(lateSentence(report), report);
    await audit({ ...what, after: { title: report.title } });
    return report;
  });
}

const noAlert = (id: string) => notFound('alert', id, 'tollgate alerts list --all names the latest');

/** Why nothing was left to acknowledge. */
export const lateSentence = ({ acknowledgedBy, acknowledgedAt, overAt }: ReturnType<typeof reportAlert>): string =>
  overAt !== null
    ? `the alert was over at ${overAt}`
    : `${acknowledgedBy ?? 'somebody'} acknowledged the alert at ${acknowledgedAt ?? 'that time'} already`;
