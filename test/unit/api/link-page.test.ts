import { describe, expect, test } from 'vitest';
import { html } from '../../../src/api/html.ts';
import { LINK_POLICY, linkPage, type Page } from '../../../src/api/link-page.ts';
import type { KnownApproval, Settlement } from '../../../src/approvals/approval.ts';
import type { LinkState } from '../../../src/approvals/approval-links.ts';
import type { EpochMs } from '../../../src/policy/call.ts';
import { type Wanted, wantedApproval } from '../../support/approval.ts';

const AT = Date.UTC(2026, 10, 21, 13, 2, 0) as EpochMs;
const later = (seconds: number): EpochMs => (AT + seconds * 1000) as EpochMs;
const known = (fields: Partial<Wanted> = {}, settlement?: Settlement): KnownApproval => ({
  approval: { ...wantedApproval(fields), id: 'A1', openedAt: AT, expiresAt: later(60) },
  settlement,
  approvers: [],
  resumedAt: undefined,
});
const show = (state: LinkState): Page =>
  linkPage(state, {
    now: later(18),
    zone: 'Europe/Berlin',
    nameOf: (extension) => (extension === '1001' ? 'Reception' : undefined),
  });
const textOf = ({ body }: Page): string =>
  body
    .replace(/<style>.*<\/style>/s, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');
const settledBy = (settlement: Settlement): Page =>
  show({ state: 'settled', person: 'Anna', known: known({}, settlement), settlement });

describe('the page of a link', () => {
  test('says who calls whom, by which rule, since when, and until when in words', () => {
    const page = show({ state: 'open', person: 'Anna', known: known({ trunk: 'carrier-a' }) });
    expect(page.status).toBe(200);
    expect(textOf(page)).toContain('1001 Reception wants to call 15555550100 United States, national over carrier-a');
    expect(textOf(page)).toContain('Rule Abroad because of the test');
    expect(textOf(page)).toContain('Held since 14:02:00 for 18 seconds');
    expect(textOf(page)).toContain('Decide until 14:03:00 42 seconds left');
    expect(textOf(page)).toContain(
      'You decide as Anna . Without an answer the call is refused. Times are of Europe/Berlin.',
    );
  });

  test('tells nothing of the call in its title, which chat programs show', () => {
    expect(show({ state: 'open', person: 'Anna', known: known() }).body).toContain('<title>Tollgate</title>');
  });

  test('has a first button that is off, so that Enter in the reason decides nothing', () => {
    const { body } = show({ state: 'open', person: 'Anna', known: known() });
    expect(body.match(/<button[^>]*>/)?.[0]).toBe('<button type="submit" disabled hidden>');
  });

  test.each([
    [
      { state: 'refused', by: 'cli dana', at: later(9), reason: 'no' },
      409,
      'Already refused dana (command line) refused this call at 14:02:09. no',
    ],
    [{ state: 'approved', by: 'phone 2001', at: later(9) }, 409, '2001 (phone) approved this call at 14:02:09.'],
    [{ state: 'expired', at: later(60) }, 410, 'Time ran out Nobody decided before 14:03:00.'],
    [{ state: 'withdrawn', at: later(5) }, 410, 'The caller hung up The caller gave up at 14:02:05'],
    [{ state: 'unanswerable', at: later(5) }, 410, 'The call is no longer held'],
  ] as const)('of a call that is settled says how: %j', (settlement, status, sentence) => {
    const page = settledBy(settlement);
    expect(page.status).toBe(status);
    expect(textOf(page).replace(/ \. /g, '. ')).toContain(sentence);
    expect(page.body).not.toContain('<form');
  });

  test('shows names from phones as text, whatever they hold', () => {
    const evil = `"><script>alert(1)</script>\u202e\u0007&'`;
    const { body } = show({
      state: 'open',
      person: evil,
      known: known({ extension: evil, destination: evil, dialled: evil, because: evil, ruleName: evil, trunk: evil }),
    });
    expect(body).not.toContain('<script');
    expect(body).not.toContain('\u202e');
    expect(body).not.toContain('\u0007');
    expect(body).toContain('&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;');
  });

  test('loads nothing, runs nothing and may be framed by nobody', () => {
    expect(LINK_POLICY).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/]{43}='; form-action 'self';/);
    expect(LINK_POLICY).toContain("frame-ancestors 'none'");
    expect(show({ state: 'unknown' }).body).not.toMatch(/<(script|link|img)|src=|url\(|style=/);
  });
});

test('values in a template are escaped, and templates in templates are not', () => {
  expect(html`<i title="${'"'}">${'<b>'}${html`<b>${1}</b>`}${undefined}${[html`x`, html`y`]}</i>`.markup).toBe(
    '<i title="&quot;">&lt;b&gt;<b>1</b>xy</i>',
  );
});
