/** Every kind of channel there is. Settings, secrets and help texts are derived from this list. */
import { email } from './channels/email.ts';
import { pagerduty } from './channels/pagerduty.ts';
import { phone } from './channels/phone.ts';
import { slack } from './channels/slack.ts';
import { telegram } from './channels/telegram.ts';
import { webhook } from './channels/webhook.ts';

export const CHANNEL_KINDS = { email, webhook, slack, telegram, pagerduty, phone } as const;
export type ChannelKindName = keyof typeof CHANNEL_KINDS;
