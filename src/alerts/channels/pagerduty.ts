/**
 * PagerDuty Events API v2 (https://developer.pagerduty.com/docs/events-api-v2-overview): trigger, acknowledge, resolve, all
 * of one incident under one `dedup_key`, so that a message that arrives twice changes nothing.
 */
import { z } from 'zod';
import type { ChannelKind, ChannelTools } from '../channel.ts';
import type { Message } from '../message.ts';
import { webUrl } from '../setting-values.ts';

const shape = {
  /** Integration key of a service. */
  key: z.string().regex(/^\w{32}$/, { error: 'is not an integration key: 32 letters and digits' }),
  /** Region: `https://events.eu.pagerduty.com`. */
  api: webUrl.default('https://events.pagerduty.com'),
};
type Settings = z.output<z.ZodObject<typeof shape>>;

export const pagerduty = {
  settings: shape,
  secrets: ['key'],
  files: [],
  tracksIncidents: true,
  rings: false,
  perMinute: 60,
  create: ({ key, api }: Settings, { post }: ChannelTools) => {
    const send = async (message: Message, signal: AbortSignal): Promise<void> => {
      const body = JSON.stringify(pagerdutyEvent(message, key));
      await post(`${api.replace(/\/$/, '')}/v2/enqueue`, body, { signal });
    };
    return {
      send: async (message, signal) => {
        await send(message, signal);
        // A test wakes nobody for longer than it takes.
        if (message.event === 'test') await send({ ...message, event: 'resolved' }, signal);
      },
      close: () => {},
    };
  },
} as const satisfies ChannelKind;

const ACTIONS: Readonly<Record<Message['event'], 'trigger' | 'acknowledge' | 'resolve'>> = {
  raised: 'trigger',
  escalated: 'trigger',
  again: 'trigger',
  acknowledged: 'acknowledge',
  resolved: 'resolve',
  digest: 'trigger',
  test: 'trigger',
};
const LONGEST_SUMMARY = 1024;

/** Texts are shown as they are, without any markup. */
export function pagerdutyEvent(message: Message, key: string) {
  const action = ACTIONS[message.event];
  const common = { routing_key: key, dedup_key: message.incident, event_action: action };
  if (action !== 'trigger') return common;
  return {
    ...common,
    client: 'Tollgate',
    payload: {
      summary: message.title.slice(0, LONGEST_SUMMARY),
      source: message.node,
      severity: message.severity,
      timestamp: new Date(message.at).toISOString(),
      class: message.kind,
      ...(message.subject === null ? {} : { component: message.subject }),
      custom_details: { text: message.lines.join('\n'), rule: message.rule, count: message.count },
    },
    links: message.links.map(({ text, url }) => ({ href: url, text })),
  };
}
