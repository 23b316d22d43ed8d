/**
 * Slack: an incoming webhook, whose address is the secret.
 *
 * `&`, `<` and `>` are escaped, as Slack asks (https://docs.slack.dev/messaging/formatting-message-text), which leaves no
 * link, mention or `<!channel>` in what others chose. Their texts stand in `plain_text` blocks, where no markup is read; a
 * link is a block of our own.
 */
import type { z } from 'zod';
import type { ChannelKind, ChannelTools } from '../channel.ts';
import type { Message } from '../message.ts';
import { webUrl } from '../setting-values.ts';

const shape = { webhookUrl: webUrl };
const SIGNS = { info: ':large_blue_circle:', warning: ':large_orange_circle:', critical: ':red_circle:' } as const;
const LONGEST_BLOCK = 2900;
type Settings = z.output<z.ZodObject<typeof shape>>;

export const slack = {
  settings: shape,
  secrets: ['webhookUrl'],
  files: [],
  tracksIncidents: false,
  rings: false,
  // One a second is what Slack allows.
  perMinute: 50,
  create: ({ webhookUrl }: Settings, { post }: ChannelTools) => ({
    send: async (message, signal) => {
      await post(webhookUrl, JSON.stringify(slackBody(message)), { signal });
    },
    close: () => {},
  }),
} as const satisfies ChannelKind;

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
export const escapeSlack = (text: string): string => text.replace(/[&<>]/g, (each) => ESCAPES[each] ?? '');

/** `text` is for notifications and for readers of screens. */
export function slackBody({ severity, title, lines, links }: Message) {
  const plain = (text: string) => ({
    type: 'section',
    text: { type: 'plain_text', text: text.slice(0, LONGEST_BLOCK), emoji: false },
  });
  const anchors = links.map(({ text, url }) => `<${encodeURI(url).replaceAll('|', '%7C')}|${escapeSlack(text)}>`);
  return {
    text: escapeSlack(title),
    blocks: [
      { type: 'context', elements: [{ type: 'mrkdwn', text: `${SIGNS[severity]} ${severity}` }] },
      plain(title),
      ...(lines.length === 0 ? [] : [plain(lines.join('\n'))]),
      ...(anchors.length === 0
        ? []
        : [{ type: 'section', text: { type: 'mrkdwn', text: anchors.join('   ').slice(0, LONGEST_BLOCK) } }]),
    ],
    unfurl_links: false,
    unfurl_media: false,
  };
}
