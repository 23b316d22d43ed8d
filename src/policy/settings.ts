/**
 * Settings of the defence as a document: what is counted as an attack and how long it keeps an address out, packet limits,
 * countries, and who may come to page and API. Every key has a default, so that an empty document is a complete one.
 *
 * Ranges of attempts, windows, durations and packet limits are those that administrators know from PBX firewalls (C4, C10).
 * What could cut off the person who makes a change (portal mode, isolation) is not a setting: it needs to be confirmed.
 */
import { z } from 'zod';
import { readRange } from './addresses.ts';
import { COLOUR, contrast } from './contrast.ts';
import { durationField } from './duration.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const whole = (least: number, most: number) =>
  z
    .int({ error: `is not a whole number from ${least} to ${most}` })
    .min(least, { error: `is less than ${least}; write a whole number from ${least} to ${most}` })
    .max(most, { error: `is more than ${most}; write a whole number from ${least} to ${most}` });
const onOff = z.boolean({ error: 'is not known; write true or false' });

/** What can be attacked. Each is counted for itself. */
export const SERVICES = ['web', 'api', 'ami', 'sipRegistration', 'sipCall'] as const;
export type Service = (typeof SERVICES)[number];

const service = (attempts: number) =>
  z
    .strictObject({
      enabled: onOff.default(true),
      /** The address is banned at this attempt. */
      attempts: whole(3, 10).default(attempts),
      window: durationField(5 * MINUTE_MS, 60 * MINUTE_MS, '5m').default('5m'),
      duration: durationField(15 * MINUTE_MS, 7 * DAY_MS, '24h').default('24h'),
    })
    .prefault({});

const autoBan = z
  .strictObject({
    enabled: onOff.default(true),
    /** After so many bans within 90 days the next one is for ever. */
    permanentAfter: whole(3, 10).default(5),
    services: z
      .strictObject({
        web: service(5),
        api: service(5),
        ami: service(5),
        sipRegistration: service(10),
        sipCall: service(10),
      })
      .prefault({}),
    /** Attacks that a count per address and service misses. */
    detect: z
      .strictObject({
        manyAddressesOneAccount: onOff.default(true),
        slowGuessing: onOff.default(true),
        neighbours: onOff.default(true),
        manyAccounts: onOff.default(true),
        scans: onOff.default(true),
        callPatterns: onOff.default(true),
      })
      .prefault({}),
  })
  .prefault({});

const packetProtection = z
  .strictObject({
    /** Off until asked for: many providers do it already, and do it earlier. */
    enabled: onOff.default(false),
    connectionsPerAddress: whole(50, 500).default(200),
    newConnectionsPerSecond: whole(10, 100).default(50),
    packetsPerSecond: whole(1000, 10_000).default(5000),
    synFlood: onOff.default(true),
    udpFlood: onOff.default(true),
    block: durationField(HOUR_MS, 24 * HOUR_MS, '1h').default('1h'),
  })
  .prefault({});

const country = z
  .strictObject({
    /** `only`: addresses of these countries alone; `refuse`: of all but these. */
    mode: z.enum(['off', 'only', 'refuse'], { error: 'is not known; write off, only or refuse' }).default('off'),
    countries: z
      .array(z.string().regex(/^[A-Z]{2}$/, { error: 'is no country; write two capital letters, such as US' }))
      .max(250, { error: 'holds more countries than there are' })
      .default([]),
  })
  .superRefine((value, context) => {
    if (value.mode === 'only' && value.countries.length === 0) {
      context.addIssue({
        code: 'custom',
        path: ['countries'],
        message: 'is empty, and mode "only" would refuse everybody; name the countries that may call',
      });
    }
  })
  .prefault({});

const network = z.string().superRefine((text, context) => {
  const read = readRange(text);
  if ('problem' in read) context.addIssue({ code: 'custom', message: `"${text}" ${read.problem}` });
});

const adminAccess = z
  .strictObject({
    /** Page and API answer these addresses and networks alone; none: everybody. Health and links answer all. */
    allowFrom: z.array(network).max(256, { error: 'holds more than 256; write networks' }).default([]),
  })
  .prefault({});

const sessions = z
  .strictObject({
    /** A log-in ends so long after its last request. */
    idle: durationField(5 * MINUTE_MS, DAY_MS, '30m').default('30m'),
    /** And so long after it was made in any case. */
    lasts: durationField(15 * MINUTE_MS, 7 * DAY_MS, '12h').default('12h'),
  })
  .prefault({});

const approvals = z
  .strictObject({
    /** Whether somebody may decide about calls of his own extension: for shops of one person. */
    ownCalls: onOff.default(false),
  })
  .prefault({});

/** Of the page, without what the viewer's system adds (design of its colours). */
export const LIGHT_PAGE = '#ffffff';
export const DARK_PAGE = '#14171c';
/** For parts of a page that are no text (WCAG 2.2, 1.4.11). */
export const LEAST_CONTRAST = 3;

const branding = z
  .strictObject({
    /** Stands on the log-in page, and in the title of every screen. */
    name: z
      .string({ error: 'is not text' })
      .trim()
      .min(1, { error: 'is empty' })
      .max(60, { error: 'is longer than 60 characters' })
      .regex(/^[^\p{Cc}]*$/u, { error: 'holds a control character' })
      .default('Tollgate'),
    /** Marks the logo and the current entry of the menu; none: that of the page. */
    colour: z
      .string()
      .regex(COLOUR, { error: 'is no colour; write one like #0b5c8a' })
      .refine((colour) => contrast(colour, LIGHT_PAGE) >= LEAST_CONTRAST, {
        error: `stands out too little from a white page; choose one that is at least ${LEAST_CONTRAST}:1 darker`,
      })
      .nullable()
      .default(null),
  })
  .prefault({});

export const settingsSchema = z.strictObject({
  autoBan,
  packetProtection,
  country,
  adminAccess,
  sessions,
  approvals,
  branding,
});

type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

/** Durations are text such as `5m`, read by {@link parseDuration}. */
export type Settings = DeepReadonly<z.output<typeof settingsSchema>>;
export type AutoBanSettings = Settings['autoBan'];
export type PacketProtection = Settings['packetProtection'];
export type CountrySettings = Settings['country'];

export const DEFAULT_SETTINGS: Settings = settingsSchema.parse({});
