/**
 * Links of alerts on the web port: GET shows, POST acknowledges.
 *
 * The token is the only credential, and looking changes nothing: chat programs and mail scanners open links.
 */
import formBody from '@fastify/formbody';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Alerts } from '../alerts/alerts.ts';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Audit } from '../people/audit-log.ts';
import { type AlertReport, reportAlert } from './alert-report.ts';
import { createAttempts } from './attempts.ts';
import { html } from './html.ts';
import { LINK_POLICY, notice, type Page, page, tooManyPage } from './link-page.ts';
import { refusalOf } from './problem.ts';
import type { WebRoutes } from './web-server.ts';

const form = z.strictObject({ acknowledge: z.literal('yes') });
const LARGEST_FORM_BYTES = 1024;
const MOST_BAD_TOKENS = 20;
const BAD_TOKENS_MS = 60_000;

export function alertLinkRoutes(deps: {
  readonly path: string;
  readonly alerts: Pick<Alerts, 'links' | 'find' | 'acknowledge'>;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly log: Log;
}): WebRoutes {
  const { alerts, clock, log } = deps;
  const badTokens = createAttempts({ most: MOST_BAD_TOKENS, withinMs: BAD_TOKENS_MS, clock });
  const send = (reply: FastifyReply, { status, body }: Page): FastifyReply =>
    reply
      .code(status)
      .headers({ 'content-security-policy': LINK_POLICY, 'x-robots-tag': 'noindex, nofollow' })
      .type('text/html; charset=utf-8')
      .send(body);
  const unknown = (reply: FastifyReply, from: string): FastifyReply =>
    badTokens.note(from) === 'too many'
      ? send(reply.header('retry-after', BAD_TOKENS_MS / 1000), tooManyPage())
      : send(reply, notice(404, 'This link is not valid', [html`<p>It may be incomplete, or too old.</p>`]));

  return async (app) => {
    app.removeAllContentTypeParsers();
    await app.register(formBody, { bodyLimit: LARGEST_FORM_BYTES });
    app.setErrorHandler((error, _request, reply) => {
      if (refusalOf(error) !== undefined) return send(reply, badForm());
      log.error({ problem: messageOf(error) }, 'a link of an alert could not be followed');
      return send(reply, notice(503, 'Not possible just now', [html`<p>Open the link again in a moment.</p>`]));
    });
    app.get<{ Params: { readonly token: string } }>(`${deps.path}/:token`, async ({ params, ip }, reply) => {
      const claim = await alerts.links.read(params.token);
      const found = claim === undefined ? undefined : await alerts.find(claim.incident);
      if (claim === undefined || found === undefined) return unknown(reply, ip);
      return send(reply, alertPage(reportAlert(found), claim.person));
    });
    app.post<{ Params: { readonly token: string } }>(`${deps.path}/:token`, async ({ params, body, ip }, reply) => {
      if (!form.safeParse(body).success) return send(reply, badForm());
      const claim = await alerts.links.read(params.token);
      const by = `link ${claim?.person ?? ''}`;
      const found = claim === undefined ? undefined : await alerts.acknowledge(claim.incident, by);
      if (claim === undefined || found === undefined) return unknown(reply, ip);
      const report = reportAlert(found.incident);
      if (found.isFirst) {
        const what = { by, from: ip, action: 'alerts.acknowledge', subject: `alert ${report.id}` };
        await deps.audit({ ...what, after: { title: report.title } });
      }
      return send(reply, alertPage(report, claim.person));
    });
  };
}

const badForm = (): Page => notice(400, 'That could not be read', [html`<p>Go back and use the button.</p>`]);

function alertPage(alert: AlertReport, person: string): Page {
  const button = html`<form method="post"><div class="buttons">
<button class="approve" name="acknowledge" value="yes">Acknowledge</button>
</div></form>`;
  const by = (alert.acknowledgedBy ?? '').replace(/^(?:cli|link|web|api|key) /, '');
  const state =
    alert.state === 'open'
      ? html`<p class="kind hold">Open</p>`
      : html`<p class="kind allow">${alert.state === 'over' ? 'Over' : 'Acknowledged'}</p>`;
  const optional = (name: string, value: string | null) =>
    value === null ? undefined : html`<div class="wide"><dt>${name}</dt><dd><bdi>${value}</bdi></dd></div>`;
  return page(
    200,
    html`${state}
<h1><bdi>${alert.title}</bdi></h1>
<p><bdi>${alert.sentence}</bdi></p>
<dl>
${optional('Rule', alert.rule)}
${optional('Since', alert.since)}
${optional('How often', alert.count > 1 ? String(alert.count) : null)}
${optional('Acknowledged by', alert.acknowledgedBy === null ? null : by)}
${optional('Over', alert.overAt)}
</dl>
${alert.state === 'open' ? button : undefined}
<p class="foot">You answer as <bdi>${person}</bdi>. Whoever acknowledges stops the escalation. Times are UTC.</p>`,
  );
}
