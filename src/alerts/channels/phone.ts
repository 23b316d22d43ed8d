/**
 * A phone call by an Asterisk that is connected by ARI: says what it is about, and 1 acknowledges.
 *
 * A call is not made a second time to who has answered. One that nobody answers is made again like any message that was
 * not taken, until somebody has the alert or it is over.
 */
import { z } from 'zod';
import type { ChannelKind, ChannelTools } from '../channel.ts';

const shape = {
  endpoint: z
    .string()
    .regex(/^[\w.+@/:-]{1,80}$/, { error: 'is no endpoint; write 2001, PJSIP/2001 or PJSIP/+15555550100@carrier-a' })
    .transform((name) => (name.includes('/') ? name : `PJSIP/${name}`)),
  /** By its name in `asterisk`; absent: any that is connected. */
  asterisk: z.string().min(1).optional(),
  ringSeconds: z.int().min(5).max(60).default(25),
};
type Settings = z.output<z.ZodObject<typeof shape>>;

/** A person at a terminal waits for the answer of a test. */
const TEST_RING_SECONDS = 20;

export const phone = {
  settings: shape,
  secrets: [],
  files: [],
  tracksIncidents: false,
  rings: true,
  perMinute: 20,
  create: ({ endpoint, asterisk, ringSeconds }: Settings, { tell }: ChannelTools) => ({
    send: (message, signal) =>
      tell(
        {
          ...{ endpoint, asterisk },
          ringSeconds: message.event === 'test' ? Math.min(ringSeconds, TEST_RING_SECONDS) : ringSeconds,
          messages: message.together ?? [message],
        },
        signal,
      ),
    close: () => {},
  }),
} as const satisfies ChannelKind;
