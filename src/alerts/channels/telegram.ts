/**
 * Telegram: `sendMessage` of the Bot API (https://core.telegram.org/bots/api#sendmessage), in HTML, where four characters
 * have to be escaped, and not in its Markdown, where it is eighteen and depends on the place.
 */
import { z } from 'zod';
import type { ChannelKind, ChannelTools } from '../channel.ts';
import { DeliveryFailed } from '../delivery-failed.ts';
import type { Message } from '../message.ts';
import { webUrl } from '../setting-values.ts';

const shape = {
  token: z.string().regex(/^\d+:[\w-]+$/, { error: 'is not the token of a bot, such as 123456:ABC-DEF' }),
  /** A number, or `@name` of a channel. */
  chat: z
    .string()
    .regex(/^(-?\d+|@\w+)$/, { error: 'is not the id of a chat; put it in quotes, such as "-100123456"' }),
  /** A Bot API server of one's own. */
  api: webUrl.default('https://api.telegram.org'),
};
const SIGNS = { info: '🔵', warning: '🟠', critical: '🔴' } as const;
const MOST_CHARACTERS = 4096;
type Settings = z.output<z.ZodObject<typeof shape>>;

export const telegram = {
  settings: shape,
  secrets: ['token'],
  files: [],
  tracksIncidents: false,
  rings: false,
  // Telegram allows a group 20 a minute.
  perMinute: 20,
  create: ({ token, chat, api }: Settings, { post }: ChannelTools) => ({
    send: async (message, signal) => {
      const body = JSON.stringify({
        chat_id: chat,
        text: telegramText(message),
        parse_mode: 'HTML',
        link_preview_options: { is_disabled: true },
      });
      const url = `${api.replace(/\/$/, '')}/bot${token}/sendMessage`;
      const { text } = await post(url, body, { signal });
      // The Bot API says in the body as well whether it was done.
      if (/"ok"\s*:\s*false/.test(text)) throw new DeliveryFailed(`Telegram said: ${text.slice(0, 200)}`);
    },
    close: () => {},
  }),
} as const satisfies ChannelKind;

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
export const escapeTelegram = (text: string): string => text.replace(/[&<>"]/g, (each) => ESCAPES[each] ?? '');

/** Whole lines only: a cut must not fall into a tag. */
export function telegramText({ severity, title, lines, links }: Message): string {
  const head = `${SIGNS[severity]} <b>${escapeTelegram(title)}</b>`;
  const anchors = links.map(({ text, url }) => `<a href="${escapeTelegram(url)}">${escapeTelegram(text)}</a>`);
  let room = MOST_CHARACTERS - head.length - anchors.join('\n').length - 2;
  const kept: string[] = [];
  for (const line of lines.map(escapeTelegram)) {
    room -= line.length + 1;
    if (room < 0) break;
    kept.push(line);
  }
  return [head, ...kept, ...anchors].join('\n');
}
