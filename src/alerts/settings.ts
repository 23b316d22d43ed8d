/**
 * The section `alerts` of the configuration: channels by name, and routes to them. Each channel's keys come from its own
 * file by the registry.
 */
import { z } from 'zod';
import { readRange } from '../policy/addresses.ts';
import { durationText, parseDuration } from '../policy/duration.ts';
import { KIND_NAMES, SEVERITIES } from './alert.ts';
import type { AlertChannel, ChannelKind, ChannelTools } from './channel.ts';
import { CHANNEL_KINDS, type ChannelKindName } from './registry.ts';

const KINDS_OF_CHANNELS: readonly (readonly [string, ChannelKind])[] = Object.entries(CHANNEL_KINDS);

const duration = (minimumMs: number, maximumMs: number) =>
  z.string().transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms >= minimumMs && ms <= maximumMs) return ms;
    const range = `from ${durationText(minimumMs)} to ${durationText(maximumMs)}`;
    context.addIssue({ code: 'custom', message: `expected a duration like "5m", ${range}`, input: text });
    return z.NEVER;
  });

/** What every channel has. */
const common = {
  /** Whose channel it is: signed links in its messages decide in this name. Absent: messages have no such links. */
  person: z.string().min(1).max(64).optional(),
  /** Absent: what the kind of channel stands. */
  perMinute: z.int().min(1).max(600).optional(),
};

type SettingsOf<Kind extends ChannelKindName> = { readonly kind: Kind } & z.output<z.ZodObject<typeof common>> &
  z.output<z.ZodObject<(typeof CHANNEL_KINDS)[Kind]['settings']>>;
export type ChannelSettings = DeepReadonly<{ [Kind in ChannelKindName]: SettingsOf<Kind> }[ChannelKindName]>;

const [firstKind, ...otherKinds] = KINDS_OF_CHANNELS.map(([kind, { settings }]) =>
  z.strictObject({ kind: z.literal(kind), ...common, ...settings }),
);
if (firstKind === undefined) throw new Error('there is no kind of channel');
// A list that is made loses which settings belong to which kind; the registry has both from one place.
const channel = z.discriminatedUnion('kind', [firstKind, ...otherKinds]) as unknown as z.ZodType<ChannelSettings>;

const channelName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, {
  error: 'expected 1 to 32 small letters, digits or "-" as the name of a channel',
});
const hourMs = 3_600_000;

const network = z.string().refine((text) => 'range' in readRange(text), {
  error: 'expected an IP address or a network like "10.0.0.0/8"',
});

const route = z
  .strictObject({
    kinds: z.array(z.enum(KIND_NAMES)).min(1).optional(),
    severity: z.enum(SEVERITIES).default('info'),
    rules: z.array(z.string().min(1)).min(1).max(100).optional(),
    during: z.string().min(1).optional(),
    quiet: z.string().min(1).optional(),
    to: z.array(z.string()).min(1).max(16),
    escalate: z
      .array(z.strictObject({ after: duration(10_000, 24 * hourMs), to: z.array(z.string()).min(1).max(16) }))
      .max(10)
      .default([]),
    repeat: duration(60_000, 24 * hourMs).optional(),
  })
  .transform(({ to, escalate, repeat, ...rest }) => ({
    ...rest,
    steps: [{ to, afterMs: 0 }, ...escalate.map((step) => ({ to: step.to, afterMs: step.after }))],
    repeatMs: repeat,
  }));

export const alertsSchema = z
  .strictObject({
    channels: z.record(channelName, channel).default({}),
    routes: z.array(route).max(100).optional(),
    /** First window in which what repeats is counted and told as one. */
    group: duration(10_000, hourMs).prefault('5m'),
    /** Networks that channels may lead to although they are not of the internet. */
    allowNetworks: z.array(network).max(64).default([]),
  })
  .superRefine(({ channels, routes = [] }, context) => {
    routes.forEach(({ steps }, at) => {
      for (const name of steps.flatMap(({ to }) => to)) {
        if (Object.hasOwn(channels, name)) continue;
        const known = Object.keys(channels).join(', ');
        const message = `names no channel "${name}"; there ${known === '' ? 'are none' : `is ${known}`}`;
        context.addIssue({ code: 'custom', path: ['routes', at], message });
      }
    });
  });
export type AlertsSettings = DeepReadonly<z.output<typeof alertsSchema>>;

export type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

/** Keys of channels whose values are secret, and those that name a file. */
export const CHANNEL_SECRETS = [...new Set(KINDS_OF_CHANNELS.flatMap(([, { secrets }]) => secrets))];
export const CHANNEL_FILES = [...new Set(KINDS_OF_CHANNELS.flatMap(([, { files }]) => files))];

/** Opens a channel as it is configured. */
export const openChannel = (settings: ChannelSettings, tools: ChannelTools): AlertChannel => {
  const kind: ChannelKind = CHANNEL_KINDS[settings.kind];
  // Its own schema has read them: the union above says so, and the type of the list cannot.
  return kind.create(settings as never, tools);
};
