/**
 * A webhook: one signed POST of JSON.
 *
 * `X-Tollgate-Timestamp` is when it was signed, in seconds; `X-Tollgate-Signature` is `v1=` and HMAC-SHA-256 in hex of
 * the time, a dot and the body (RFC 2104). Whoever takes it refuses times that are more than five minutes off, and a
 * second message with an `Idempotency-Key` that he has seen.
 */
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import type { ChannelKind, ChannelTools } from '../channel.ts';
import type { Message } from '../message.ts';
import { webUrl } from '../setting-values.ts';

const shape = {
  url: webUrl,
  secret: z.string().refine((text) => text.length >= 16, { error: 'is shorter than 16 characters' }),
};
type Settings = z.output<z.ZodObject<typeof shape>>;

export const webhook = {
  settings: shape,
  secrets: ['secret'],
  files: [],
  tracksIncidents: true,
  rings: false,
  perMinute: 120,
  create: ({ url, secret }: Settings, { post, now }: ChannelTools) => ({
    send: async (message, signal) => {
      const body = bodyOf(message);
      const seconds = Math.floor(now() / 1000);
      const headers = {
        'idempotency-key': message.id,
        'x-tollgate-timestamp': String(seconds),
        'x-tollgate-signature': signatureOf(secret, seconds, body),
      };
      await post(url, body, { headers, signal });
    },
    close: () => {},
  }),
} as const satisfies ChannelKind;

export const signatureOf = (secret: string, seconds: number, body: string): string =>
  `v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;

const bodyOf = ({ id, at, ...message }: Message): string =>
  JSON.stringify({ version: 1, id, at: new Date(at).toISOString(), ...message });
