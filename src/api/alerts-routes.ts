/** Alerts: list them, acknowledge one, try a channel, and what was given up. */
import { z } from 'zod';
import { KIND_NAMES, kindOf, SEVERITIES } from '../alerts/alert.ts';
import type { Alerts } from '../alerts/alerts.ts';
import type { Incident } from '../alerts/grouping.ts';
import type { Clock } from '../clock.ts';
import type { Audit } from '../people/audit-log.ts';
import type { EpochMs } from '../policy/call.ts';
import { type ListedAlertReport, reportAlert, reportDeadLetter, reportDelivery } from './alert-report.ts';
import { pageOf, paging } from './paging.ts';
import { ConflictError, notFound } from './problem.ts';
import type { ActOf } from './recorded-changes.ts';
import { type Api, byId, instant, list, orNull, text } from './schema.ts';

const alert = z.strictObject({
  id: text,
  state: z.enum(['open', 'acknowledged', 'over']),
  kind: text,
  severity: text,
  rule: orNull(text),
  subject: orNull(text),
  title: text,
  sentence: text,
  count: z.number(),
  node: text,
  since: instant,
  lastAt: instant,
  acknowledgedBy: orNull(text),
  acknowledgedAt: orNull(instant),
  overAt: orNull(instant),
  overBecause: orNull(text),
  snoozedBy: orNull(text),
  snoozedUntil: orNull(instant),
  told: list(text),
  nextStepAt: orNull(instant),
});
/** What became of the latest message for each channel that was told. */
const deliveries = list(
  z.strictObject({
    channel: text,
    state: z.enum(['taken', 'waiting', 'retrying', 'given-up']),
    attempts: z.number(),
    againAt: orNull(instant),
    problem: orNull(text),
  }),
);
const listed = alert.extend({ deliveries });
const channel = z.strictObject({
  name: text,
  kind: text,
  /** Whom it reaches, where it is one person. */
  person: orNull(text),
  waiting: z.number(),
  fails: z.number(),
  restsUntil: orNull(instant),
});
const letter = z.strictObject({
  id: text,
  channel: text,
  alert: text,
  title: text,
  attempts: z.number(),
  problem: text,
  givenUpAt: instant,
});
const severity = z.enum(SEVERITIES);
const plan = z.strictObject({
  /** Of what there can be alerts, and how grave each is by itself. */
  kinds: list(z.strictObject({ kind: text, severity })),
  routes: list(
    z.strictObject({
      /** Null: every kind. */
      kinds: orNull(list(text)),
      /** At least. */
      severity,
      /** Null: of any rule. */
      rules: orNull(list(text)),
      /** Schedules of the policy: when it holds, and when only critical alerts go out. */
      during: orNull(text),
      quiet: orNull(text),
      /** By the clock: whether it holds, and whether only critical alerts go out. */
      holdsNow: z.boolean(),
      isQuietNow: z.boolean(),
      /** Counted from when it began; each is taken unless somebody has acknowledged by then. */
      steps: list(z.strictObject({ to: list(text), afterSeconds: z.number() })),
      repeatSeconds: orNull(z.number()),
    }),
  ),
});
const tested = z.strictObject({ channel: text, kind: text, taken: z.boolean(), problem: orNull(text) });

export type AlertPlan = z.output<typeof plan>;
export type ListedAlert = z.output<typeof listed>;
export type ListedChannel = z.output<typeof channel>;
export type DeadLetter = z.output<typeof letter>;
export type TestedChannel = z.output<typeof tested>;

const USUAL_PAGE = 100;
const MOST_LISTED = 2000;
const listQuery = z.strictObject({ state: z.enum(['open', 'all']).default('open'), ...paging });
const SNOOZE_SECONDS = { usual: 3600, least: 60, most: 86_400 };
const snoozeBody = z
  .strictObject({
    seconds: z
      .int({ error: 'is not a whole number of seconds' })
      .min(SNOOZE_SECONDS.least, { error: 'is less than 60' })
      .max(SNOOZE_SECONDS.most, { error: 'is more than 86400, a day' })
      .default(SNOOZE_SECONDS.usual),
  })
  .default({ seconds: SNOOZE_SECONDS.usual });
const testBody = z.strictObject({ channel: z.string().max(64).optional() }).default({});
const retryBody = z.strictObject({ ids: z.array(z.string().max(200)).min(1).max(1000).optional() }).default({});

export function alertRoutes(
  app: Api,
  deps: {
    readonly alerts: Alerts;
    readonly audit: Audit;
    readonly act: ActOf;
    readonly clock: Pick<Clock, 'now'>;
  },
): void {
  const { alerts, audit, act } = deps;
  const withDeliveries = async (incidents: readonly Incident[]): Promise<ListedAlertReport[]> => {
    const all = await alerts.deliveries(incidents);
    return incidents.map((incident, at) => ({
      ...reportAlert(incident),
      deliveries: (all[at] ?? []).map(reportDelivery),
    }));
  };
  app.get(
    '/api/v1/alerts',
    {
      schema: {
        summary: 'Alerts, those that changed last first',
        querystring: listQuery,
        response: { 200: list(listed) },
      },
    },
    async (request, reply) => {
      const { state, limit = USUAL_PAGE, cursor } = request.query;
      const all = await alerts.list(state, MOST_LISTED);
      return withDeliveries(pageOf(all, ({ id }) => id, { limit, cursor }, request, reply));
    },
  );
  app.get(
    '/api/v1/alerts/channels',
    { schema: { summary: 'Channels, and how each is', response: { 200: list(channel) } } },
    async () => {
      const channels = await alerts.channels();
      return channels.map(({ restsUntil, person, ...rest }) => ({
        ...rest,
        person: person ?? null,
        restsUntil: restsUntil === null ? null : new Date(restsUntil).toISOString(),
      }));
    },
  );
  app.get(
    '/api/v1/alerts/plan',
    {
      schema: { summary: 'Who is told of what, and who is next if nobody acknowledges', response: { 200: plan } },
    },
    () => ({
      kinds: KIND_NAMES.map((kind) => ({ kind, severity: kindOf(kind).severity })),
      routes: alerts.routes.map(({ kinds, severity, rules, during, quiet, steps, repeatMs }) => ({
        kinds: kinds ?? null,
        severity,
        rules: rules ?? null,
        during: during ?? null,
        quiet: quiet ?? null,
        holdsNow: during === undefined || alerts.isOpenNow(during),
        isQuietNow: quiet !== undefined && alerts.isOpenNow(quiet),
        steps: steps.map(({ to, afterMs }) => ({ to, afterSeconds: afterMs / 1000 })),
        repeatSeconds: repeatMs === undefined ? null : repeatMs / 1000,
      })),
    }),
  );
  app.get(
    '/api/v1/alerts/dead',
    {
      schema: {
        summary: 'Messages that were given up',
        querystring: z.strictObject(paging),
        response: { 200: list(letter) },
      },
    },
    async (request, reply) => {
      const { limit = USUAL_PAGE, cursor } = request.query;
      const letters = (await alerts.dead(MOST_LISTED)).map(reportDeadLetter);
      return pageOf(letters, ({ id }) => id, { limit, cursor }, request, reply);
    },
  );
  app.post(
    '/api/v1/alerts/dead/retry',
    {
      schema: {
        summary: 'Send them again',
        body: retryBody,
        response: { 200: z.strictObject({ retried: z.number() }) },
      },
    },
    async (request) => {
      const { ids } = request.body;
      const retried = await alerts.retry(ids);
      await audit({ ...act(request, 'alerts.retry', 'messages that were given up'), after: { retried } });
      return { retried };
    },
  );
  app.post(
    '/api/v1/alerts/test',
    {
      schema: { summary: 'Send a test now, by one channel or by all', body: testBody, response: { 200: list(tested) } },
    },
    async (request) => {
      const { channel } = request.body;
      const results = await alerts.test(channel);
      await audit({ ...act(request, 'alerts.test', channel === undefined ? 'all channels' : `channel ${channel}`) });
      return results;
    },
  );
  app.get(
    '/api/v1/alerts/:id',
    { schema: { summary: 'One alert', params: byId, response: { 200: listed } } },
    async ({ params }) => {
      const found = await alerts.find(params.id);
      if (found === undefined) throw noAlert(params.id);
      const [report] = await withDeliveries([found]);
      if (report === undefined) throw noAlert(params.id);
      return report;
    },
  );
  app.post(
    '/api/v1/alerts/:id/snooze',
    {
      schema: {
        summary: 'Let nobody hear of it for a time, an hour if none is said',
        params: byId,
        body: snoozeBody,
        response: { 200: alert },
      },
    },
    async (request) => {
      const { id } = request.params;
      const until = (deps.clock.now() + request.body.seconds * 1000) as EpochMs;
      const what = act(request, 'alerts.snooze', `alert ${id}`);
      const found = await alerts.snooze(id, what.by, until);
      if (found === undefined) throw noAlert(id);
      const report = reportAlert(found.incident);
      if (!found.isFirst) throw new ConflictError(lateSentence(report), report);
      await audit({ ...what, after: { title: report.title, until: report.snoozedUntil } });
      return report;
    },
  );
  app.delete(
    '/api/v1/alerts/:id/snooze',
    { schema: { summary: 'Let it be told again', params: byId, response: { 200: alert } } },
    async (request) => {
      const { id } = request.params;
      const what = act(request, 'alerts.wake', `alert ${id}`);
      const found = await alerts.snooze(id, what.by, undefined);
      if (found === undefined) throw noAlert(id);
      const report = reportAlert(found.incident);
      if (found.isFirst) await audit({ ...what, after: { title: report.title } });
      return report;
    },
  );
  app.post(
    '/api/v1/alerts/:id/acknowledge',
    { schema: { summary: 'Say that somebody looks after it', params: byId, response: { 200: alert } } },
    async (request) => {
      const { id } = request.params;
      const what = act(request, 'alerts.acknowledge', `alert ${id}`);
      const found = await alerts.acknowledge(id, what.by);
      if (found === undefined) throw noAlert(id);
      const report = reportAlert(found.incident);
      if (!found.isFirst) throw new ConflictError(lateSentence(report), report);
      await audit({ ...what, after: { title: report.title } });
      return report;
    },
  );
}

const noAlert = (id: string) => notFound('alert', id, 'tollgate alerts list --all names the latest');

/** Why nothing was left to acknowledge. */
export const lateSentence = ({ acknowledgedBy, acknowledgedAt, overAt }: ReturnType<typeof reportAlert>): string =>
  overAt !== null
    ? `the alert was over at ${overAt}`
    : `${acknowledgedBy ?? 'somebody'} acknowledged the alert at ${acknowledgedAt ?? 'that time'} already`;
