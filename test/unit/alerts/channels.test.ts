/** What each medium is sent, and that nobody's name or number becomes markup in it. */

import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { oneLine } from '../../../src/alerts/alert.ts';
import { escapeHtml, htmlOf, mailOf } from '../../../src/alerts/channels/email.ts';
import { pagerdutyEvent } from '../../../src/alerts/channels/pagerduty.ts';
import { slackBody } from '../../../src/alerts/channels/slack.ts';
import { telegramText } from '../../../src/alerts/channels/telegram.ts';
import { webhook } from '../../../src/alerts/channels/webhook.ts';
import type { Message } from '../../../src/alerts/message.ts';
import { CHANNEL_KINDS } from '../../../src/alerts/registry.ts';
import type { EpochMs } from '../../../src/policy/call.ts';

const EVIL = [
  '<script>alert(1)</script>',
  '<!channel> <@U123> <https://evil.example|click>',
  '*bold* _it_ ~no~ `code` [x](https://evil.example)',
  '"><a href="https://evil.example">x</a>',
  '&lt;b&gt; &amp;',
  '\u202E0055 12\u2066',
];
const message = (text: string, fields: Partial<Message> = {}): Message => ({
  id: 'i1-1-raised-x',
  incident: 'i1',
  event: 'raised',
  kind: 'limit-exceeded',
  severity: 'warning',
  at: 1_700_000_000_000 as EpochMs,
  node: 'pbx1',
  rule: 'default',
  subject: text,
  count: 1,
  title: text,
  lines: [text],
  links: [{ text: 'Show and acknowledge', url: 'https://gate.example.com/k/abc?x="1"&y=<2>' }],
  ...fields,
});
const tags = (markup: string): string[] => [...markup.matchAll(/<(\/?[a-z!][^\s>]*)/gi)].map(([, tag]) => tag ?? '');

describe('texts that others chose', () => {
  it.each(EVIL)('bring no markup into a mail: %s', (text) => {
    const html = htmlOf(message(text));
    expect(tags(html)).toEqual(['!doctype', 'meta', 'h1', '/h1', 'p', '/p', 'p', 'a', '/a', '/p']);
    expect([...html.matchAll(/href="([^"]*)"/g)]).toHaveLength(1);
    expect(html).toContain(escapeHtml(text));
  });

  it.each(EVIL)('bring no markup into Telegram: %s', (text) => {
    const markup = telegramText(message(text));
    expect(tags(markup)).toEqual(['b', '/b', 'a', '/a']);
    expect(markup.replace(/<[^>]*>/g, '')).not.toMatch(/[<>]/);
  });

  it.each(EVIL)('are read as no markup by Slack, and make no link or mention: %s', (text) => {
    const { blocks, text: notification } = slackBody(message(text));
    expect(notification).not.toMatch(/[<>]/);
    const marked = blocks.flatMap((block) =>
      'text' in block && block.text.type === 'mrkdwn' ? [block.text.text] : [],
    );
    expect(marked).toEqual(['<https://gate.example.com/k/abc?x=%221%22&y=%3C2%3E|Show and acknowledge>']);
    const plain = blocks.flatMap((block) => ('text' in block && block.text.type === 'plain_text' ? [block.text] : []));
    expect(plain).toHaveLength(2);
    expect(plain).toEqual(plain.map((each) => ({ ...each, emoji: false })));
  });

  it('become one line without characters that turn the direction of writing or end a header', () => {
    expect(oneLine('1001\r\nBcc: x@example.com\u202E\u0000 y', 100)).toBe('1001 Bcc: x@example.com y');
    expect(oneLine('x'.repeat(300), 100)).toHaveLength(100);
  });
});

describe('a message', () => {
  it('that is sent again has the same Message-ID in a mail, and one conversation with its incident', () => {
    const settings = { from: 'tollgate@example.com', to: ['anna@example.com'] };
    const [first, second] = [mailOf(message('x'), settings), mailOf(message('x'), settings)];
    expect(first.messageId).toBe('<i1-1-raised-x@example.com>');
    expect(second.messageId).toBe(first.messageId);
    expect(first.references).toBe('<i1@example.com>');
  });

  it('triggers, acknowledges and resolves one incident of PagerDuty', () => {
    const key = 'k'.repeat(32);
    const events = (['raised', 'escalated', 'again', 'acknowledged', 'resolved'] as const).map((event) =>
      pagerdutyEvent(message('x', { event }), key),
    );
    expect(events.map(({ event_action }) => event_action)).toEqual([
      'trigger',
      'trigger',
      'trigger',
      'acknowledge',
      'resolve',
    ]);
    expect(new Set(events.map(({ dedup_key }) => dedup_key))).toEqual(new Set(['i1']));
    expect(events[0]).toMatchObject({
      routing_key: key,
      payload: { summary: 'x', source: 'pbx1', severity: 'warning', timestamp: '2023-11-14T22:13:20.000Z' },
    });
  });

  it('to Telegram is cut between lines and not inside of one', () => {
    const text = telegramText(message('x', { lines: Array.from({ length: 200 }, () => '<&>'.repeat(20)) }));
    expect(text.length).toBeLessThanOrEqual(4096);
    expect(text).toMatch(/<\/a>$/);
    expect(
      text
        .split('\n')
        .slice(1, -1)
        .every((line) => line === '&lt;&amp;&gt;'.repeat(20)),
    ).toBe(true);
  });
});

describe('the registry', () => {
  it('has every channel of the folder, and no other', () => {
    const files = readdirSync(new URL('../../../src/alerts/channels', import.meta.url)).map((file) =>
      file.replace('.ts', ''),
    );
    expect(Object.keys(CHANNEL_KINDS).sort()).toEqual(files.sort());
  });

  it('names as secret only keys that the channel has', () => {
    for (const { settings, secrets, files } of Object.values(CHANNEL_KINDS)) {
      expect([...secrets, ...files].filter((key) => !Object.hasOwn(settings, key))).toEqual([]);
    }
    expect(webhook.secrets).toEqual(['secret']);
  });
});
