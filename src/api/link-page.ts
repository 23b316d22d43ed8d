/**
 * The page behind a signed link: one call, two buttons, or the one sentence that says why there are none.
 *
 * No script and nothing loaded from anywhere, so that it works on every phone and under the strictest policy. Its title
 * says nothing of the call: chat programs show titles. Pure: states in, page and status out.
 */
import { createHash } from 'node:crypto';
import { type KnownApproval, personOf, type Settlement, type Voice } from '../approvals/approval.ts';
import type { LinkAnswer, LinkState, LinkUse } from '../approvals/approval-links.ts';
import type { EpochMs } from '../policy/call.ts';
import { type Html, html } from './html.ts';
import { LINK_STYLE } from './link-style.ts';

export interface Page {
  readonly status: number;
  readonly body: string;
}

/** What the page says besides what the approval says itself. */
export interface PageContext {
  readonly now: EpochMs;
  /** IANA name of the zone in which times are shown. */
  readonly zone: string;
  readonly nameOf: (extension: string) => string | undefined;
}

/** Of every page here; the style is the one thing in it that is not text. */
export const LINK_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(LINK_STYLE).digest('base64')}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const MOST_REASON = 200;

export function linkPage(state: LinkState | LinkAnswer, context: PageContext): Page {
  const times = timesIn(context);
  switch (state.state) {
    case 'unknown':
      return notice(404, 'This link is not valid', [
        html`<p>It may be incomplete, as when a message broke it in two, or too old. Nothing was decided.</p>`,
        html`<p>Open it from the message again, or ask for a new one.</p>`,
      ]);
    case 'open':
      return form(state.person, state.known, context);
    case 'expired':
      return notice(
        410,
        'Time ran out',
        [
          html`<p>Nobody decided before ${times.at(state.known.approval.expiresAt)}; without an answer the call ${otherwise(state.known)}.</p>`,
        ],
        call(state.known, context, 'p'),
      );
    case 'decided':
      return decided(state.person, state.approve, state.known, context);
    case 'used':
      return used(state.person, state.known, state.use, context);
    case 'settled':
      return settled(state.known, state.settlement, context);
    default:
      return state satisfies never;
  }
}

/** Somebody tries tokens. */
export const tooManyPage = (): Page =>
  notice(429, 'Too many links that are not valid', [
    html`<p>They came from your address. Wait a minute, then open the link from the message again.</p>`,
  ]);

/** The form was not sent by this page. */
export const badFormPage = (): Page =>
  notice(400, 'That could not be read', [
    html`<p>Nothing was decided. Go back, choose Approve or Refuse, and keep the reason under ${MOST_REASON} characters.</p>`,
  ]);

export const notNowPage = (): Page =>
  notice(503, 'Not possible just now', [
    html`<p>The daemon cannot look the call up. If you have just decided, whether it counted is not known.</p>`,
    html`<p>Open the link again in a moment: it says how things stand.</p>`,
  ]);

function form(person: string, known: KnownApproval, context: PageContext): Page {
  const { approval, approvers } = known;
  const times = timesIn(context);
  const [first] = approvers;
  return page(
    200,
    html`<p class="kind hold">Waiting for approval</p>
${call(known, context)}
<dl>
<div class="wide"><dt>Rule</dt><dd>${approval.ruleName}<span class="muted">${approval.because}</span></dd></div>
<div><dt>Held since</dt><dd>${times.at(approval.openedAt)}<span class="muted">for ${words(context.now - approval.openedAt)}</span></dd></div>
<div><dt>Decide until</dt><dd>${times.at(approval.expiresAt)}<span class="muted">${words(approval.expiresAt - context.now)} left</span></dd></div>
${first === undefined ? undefined : html`<div class="wide"><dt>Approved by</dt><dd><bdi>${nameOf(first)}</bdi><span class="muted">one more person has to approve</span></dd></div>`}
</dl>
<form method="post">
<button type="submit" disabled hidden></button>
<label for="reason">Reason <span class="muted">optional, kept with the decision</span></label>
<input id="reason" name="reason" type="text" maxlength="${MOST_REASON}" autocomplete="off">
<div class="buttons">
<button class="refuse" name="decision" value="refuse">Refuse</button>
<button class="approve" name="decision" value="approve">Approve</button>
</div>
</form>
<p class="foot">You decide as <bdi>${person}</bdi>. Without an answer the call ${otherwise(known)}. Times are of ${context.zone}.</p>`,
  );
}

function decided(person: string, approve: boolean, known: KnownApproval, context: PageContext): Page {
  const times = timesIn(context);
  const { settlement } = known;
  if (settlement === undefined) return noted(person, known, context);
  return page(
    200,
    html`<p class="kind ${approve ? 'allow' : 'block'}">${approve ? 'Approved' : 'Refused'}</p>
<h1>You ${approve ? 'approved' : 'refused'} this call at ${times.at(settlement.at)}.</h1>
<p>${approve ? 'It goes on now, if no other rule objects.' : 'It ends now.'}</p>
${call(known, context, 'p')}
${because(settlement.reason)}
<p class="foot">Decided as <bdi>${person}</bdi>. This link is used up; you can close the page.</p>`,
  );
}

/** The first of two. */
const noted = (person: string, known: KnownApproval, context: PageContext): Page =>
  page(
    200,
    html`<p class="kind hold">Still waiting</p>
<h1>Your approval counts. One more person has to approve.</h1>
<p>The call is held until ${timesIn(context).at(known.approval.expiresAt)}; without an answer it ${otherwise(known)}.</p>
${call(known, context, 'p')}
<p class="foot">Approved as <bdi>${person}</bdi>. This link is used up; you can close the page.</p>`,
  );

function used(person: string, known: KnownApproval, use: LinkUse, context: PageContext): Page {
  const times = timesIn(context);
  const mine = html`<p>You ${use.approve ? 'approved' : 'refused'} this call by this link at ${times.at(use.at)}.</p>`;
  const about = call(known, context, 'p');
  const { settlement, approvers } = known;
  if (settlement !== undefined) {
    const isMine = settlement.by === `link ${person}`;
    const ended = isMine ? because(settlement.reason) : outcome(settlement, context);
    return notice(410, 'Already used', [mine, ...(ended === undefined ? [] : [ended])], about);
  }
  const counted = approvers.some(({ by }) => personOf(by) === personOf(`link ${person}`));
  const next = counted
    ? html`<p>One more person has to approve, until ${times.at(known.approval.expiresAt)}.</p>`
    : html`<p>Whether that counted is not known yet. Open the link again in a moment; if it still says so, decide another way.</p>`;
  return notice(410, 'Already used', [mine, next], about);
}

function settled(known: KnownApproval, settlement: Settlement, context: PageContext): Page {
  const titles = {
    approved: 'Already approved',
    refused: 'Already refused',
    expired: 'Time ran out',
    withdrawn: 'The caller hung up',
    unanswerable: 'The call is no longer held',
  } as const;
  const byPerson = settlement.state === 'approved' || settlement.state === 'refused';
  return notice(
    byPerson ? 409 : 410,
    titles[settlement.state],
    [outcome(settlement, context), html`<p>Nothing is left to decide.</p>`],
    call(known, context, 'p'),
  );
}

/** What settled it, by whom and when, in a sentence. */
function outcome(settlement: Settlement, context: PageContext): Html {
  const at = timesIn(context).at(settlement.at);
  switch (settlement.state) {
    case 'approved':
    case 'refused':
      return html`<p><bdi>${nameOf(settlement)}</bdi> ${settlement.state} this call at ${at}.</p>${because(settlement.reason)}`;
    case 'expired':
      return html`<p>Nobody decided before ${at}.</p>`;
    case 'withdrawn':
      return html`<p>The caller gave up at ${at}, before anybody decided.</p>`;
    case 'unanswerable':
      return html`<p>The call left its place at ${at}, before anybody decided.</p>`;
    default:
      return settlement.state satisfies never;
  }
}

const because = (reason: string | undefined): Html | undefined =>
  reason === undefined ? undefined : html`<p class="reason"><bdi>${reason}</bdi></p>`;

/** Who calls whom. */
function call({ approval }: KnownApproval, { nameOf: extensionName }: PageContext, heading: 'h1' | 'p' = 'h1'): Html {
  const { extension, destination, dialled, destinationIs, trunk } = approval;
  const name = extension === undefined ? undefined : extensionName(extension);
  const who = html`<bdi>${extension ?? 'An unknown extension'}</bdi>${name === undefined ? undefined : html` <bdi>${name}</bdi>`}`;
  const line = heading === 'h1' ? html`<h1>${who} wants to call</h1>` : html`<p class="who">${who} to</p>`;
  const more = [
    ...(dialled === destination ? [] : [`dialled ${dialled}`]),
    ...(trunk === undefined ? [] : [`over ${trunk}`]),
  ];
  return html`<div class="call">${line}
<p class="number"><bdi>${destination}</bdi></p>
<p>${destinationIs}</p>
<p class="muted">${more.join(' ')}</p></div>`;
}

/** What becomes of the call if nobody decides. */
const otherwise = ({ approval }: KnownApproval): string =>
  approval.hold.otherwise === 'allow' ? 'goes out' : 'is refused';

/** `Anna (link)`; the ways are those of `by`. */
function nameOf({ by = 'Somebody' }: Partial<Voice>): string {
  const [, way = '', person = by] = /^(cli|link|web|api|key|phone) (.*)$/s.exec(by) ?? [];
  const ways: Readonly<Record<string, string>> = {
    cli: ' (command line)',
    link: ' (link)',
    api: ' (API)',
    key: ' (API)',
    phone: ' (phone)',
  };
  return `${person}${ways[way] ?? ''}`;
}

export function notice(status: number, title: string, said: readonly Html[], about?: Html): Page {
  return page(
    status,
    html`<h1>${title}</h1>
${said}
${about === undefined ? undefined : html`<div class="about">${about}</div>`}`,
  );
}

export const page = (status: number, content: Html): Page => ({ status, body: `${HEAD}${content.markup}${FOOT}` });

const HEAD = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<meta name="color-scheme" content="light dark">
<title>Tollgate</title>
<style>${LINK_STYLE}</style>
</head>
<body>
<main>
`;
const FOOT = `
</main>
</body>
</html>
`;

/** `42 seconds`, `3 minutes`. */
function words(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 1) return 'a moment';
  const [count, unit] = seconds < 120 ? [seconds, 'second'] : [Math.round(seconds / 60), 'minute'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** Times of day, with the date where it is another one. */
function timesIn({ now, zone }: PageContext): { readonly at: (at: EpochMs) => Html } {
  const date = new Intl.DateTimeFormat('en-GB', { timeZone: zone, day: 'numeric', month: 'short' });
  const time = new Intl.DateTimeFormat('en-GB', { timeZone: zone, timeStyle: 'medium' });
  return {
    at: (at) => {
      const day = date.format(at) === date.format(now) ? '' : `${date.format(at)}, `;
      return html`<time datetime="${new Date(at).toISOString()}">${day}${time.format(at)}</time>`;
    },
  };
}
