/**
 * `tollgate.yaml`: every key, its default and what it may hold.
 *
 * This is the one place that knows the keys; reading files, the environment and secrets is load.ts. Durations come out in
 * milliseconds and addresses in parts. A key `xFile` beside a secret `x` is resolved before the schema sees the document.
 */
import { z } from 'zod';
import { alertsSchema, CHANNEL_FILES, CHANNEL_SECRETS, type DeepReadonly } from '../alerts/settings.ts';
import { logFormats, logLevels } from '../log.ts';
import { durationText } from '../policy/duration.ts';
import {
  duration,
  filled,
  hostPortText,
  hostWithPort,
  keyName,
  listenAddress,
  network,
  redisAddress,
  webAddress,
} from './values.ts';

const secret = filled;
const port = z.int().min(1).max(65535);
const dayMs = 86_400_000;

const redis = z
  .strictObject({
    url: redisAddress.optional(),
    sentinels: z.array(hostWithPort(26379)).min(1).max(32).optional(),
    name: filled.optional(),
    cluster: z.array(hostWithPort(6379)).min(1).max(64).optional(),
    username: filled.optional(),
    password: secret.optional(),
    sentinelPassword: secret.optional(),
    tls: z.strictObject({ ca: filled.optional(), cert: filled.optional(), key: filled.optional() }).optional(),
    prefix: keyName.prefault('tollgate'),
    tenant: keyName.prefault('default'),
    server: filled.optional(),
  })
  .superRefine((value, context) => {
    const places = (['url', 'sentinels', 'cluster'] as const).filter((key) => value[key] !== undefined);
    const say = (key: string, message: string): void => context.addIssue({ code: 'custom', path: [key], message });
    for (const extra of places.slice(1)) say(extra, `cannot stand beside redis.${places[0]}: choose one`);
    if (places.length === 0) {
      for (const key of ['username', 'password', 'tls'] as const) {
        if (value[key] !== undefined) say(key, 'has no use without url, sentinels or cluster');
      }
    } else if (value.server !== undefined) {
      say('server', `is the program of the private store and has no use beside redis.${places[0]}`);
    }
    if (value.sentinels !== undefined && value.name === undefined) {
      say('sentinels', 'needs redis.name, the name by which the sentinels know the master');
    }
    for (const key of ['name', 'sentinelPassword'] as const) {
      if (value[key] !== undefined && value.sentinels === undefined) say(key, 'has no use without redis.sentinels');
    }
    if (value.tls !== undefined && value.url !== undefined && !value.url.startsWith('rediss:')) {
      say('tls', 'needs an address that begins with rediss://');
    }
    if ((value.tls?.cert === undefined) !== (value.tls?.key === undefined)) {
      say('tls', 'cert and key belong together');
    }
    if (value.password !== undefined && value.url !== undefined && hasPassword(value.url)) {
      say('password', 'cannot stand beside a password inside redis.url');
    }
  });

const asterisk = z.strictObject({
  name: keyName,
  ami: z
    .strictObject({
      host: filled.prefault('127.0.0.1'),
      port: port.default(5038),
      username: filled,
      password: secret,
    })
    .optional(),
  ari: z
    .strictObject({
      url: webAddress.prefault('http://127.0.0.1:8088'),
      username: filled,
      password: secret,
      app: keyName.prefault('tollgate'),
    })
    .optional(),
});

/** The document without `node` and `state`, whose defaults come from the machine; see `configSchema`. */
const sections = {
  redis: redis.prefault({}),
  agi: z
    .strictObject({
      listen: listenAddress.prefault('127.0.0.1:4573'),
      allowFrom: z.array(network).max(256).prefault(['127.0.0.0/8', '::1']),
      // The dialplan gives up after 3 s.
      deadlineMs: z.int().min(20).max(2500).default(250),
      maxConnections: z.int().min(1).max(100_000).default(2000),
    })
    .prefault({}),
  http: z
    .strictObject({
      listen: listenAddress.prefault('127.0.0.1:8480'),
      publicUrl: webAddress.optional(),
      tls: z.strictObject({ cert: filled, key: filled }).optional(),
      trustedProxies: z.array(network).max(256).default([]),
    })
    .prefault({}),
  asterisk: z
    .array(asterisk)
    .max(64)
    .default([])
    .superRefine((servers, context) => {
      servers.forEach(({ name }, index) => {
        if (servers.findIndex((other) => other.name === name) < index) {
          context.addIssue({ code: 'custom', path: [index, 'name'], message: 'is the name of an earlier entry' });
        }
      });
    }),
  calls: z
    .strictObject({
      // How long a call counts as under way without anybody seeing it; renewed five times as often.
      lease: duration(2000, dayMs).prefault('5m'),
    })
    .prefault({}),
  // The operator's own data: which addresses are in which country.
  countries: z.strictObject({ file: filled.optional() }).prefault({}),
  // Read only. Without it a call is told apart by its code alone.
  vicidial: z
    .strictObject({
      host: filled.prefault('127.0.0.1'),
      port: port.default(3306),
      username: filled,
      password: secret,
      database: filled.prefault('asterisk'),
      deadlineMs: z.int().min(2).max(1000).default(20),
      onFailure: z.enum(['continue', 'block']).default('continue'),
    })
    .optional(),
  // Written by Tollgate, included by pjsip.conf.
  registrations: z.strictObject({ aclFile: filled.optional() }).prefault({}),
  // `none` until asked for: a daemon that was merely tried out changes no packet filter.
  firewall: z.strictObject({ backend: z.enum(['nftables', 'dry-run', 'none']).default('none') }).prefault({}),
  journal: z
    .strictObject({
      maxEntries: z.int().min(100).max(100_000_000).default(100_000),
      maxAge: duration(60_000, 3650 * dayMs).prefault('30d'),
    })
    .prefault({}),
  audit: z
    .strictObject({
      maxEntries: z.int().min(1000).max(100_000_000).default(1_000_000),
      maxAge: duration(dayMs, 36_500 * dayMs).prefault('1826d'),
    })
    .prefault({}),
  alerts: alertsSchema.prefault({}),
  metrics: z.strictObject({ allowFrom: z.array(network).max(256).prefault(['127.0.0.0/8', '::1']) }).prefault({}),
  log: z
    .strictObject({
      level: z.enum(logLevels).default('info'),
      numbers: z.enum(['masked', 'full']).default('masked'),
      format: z.enum(logFormats).default('auto'),
    })
    .prefault({}),
};

/** The whole document. `machine` gives what stands for an absent `node` and `state`. */
export function configSchema(machine: { readonly node: string; readonly state: string }) {
  return z
    .strictObject({
      node: keyName.prefault(machine.node),
      state: filled.prefault(machine.state),
      ...sections,
    })
    .superRefine(({ registrations, asterisk: servers }, context) => {
      if (registrations.aclFile === undefined || (servers.length === 1 && servers[0]?.ami !== undefined)) return;
      const message = 'is a file of one Asterisk, and needs exactly one entry in asterisk, with ami';
      context.addIssue({ code: 'custom', path: ['registrations', 'aclFile'], message });
    })
    .superRefine(({ alerts, asterisk: servers }, context) => {
      const callers = servers.flatMap(({ name, ari }) => (ari === undefined ? [] : [name]));
      for (const [name, channel] of Object.entries(alerts.channels)) {
        if (channel.kind !== 'phone') continue;
        if (channel.asterisk === undefined ? callers.length > 0 : callers.includes(channel.asterisk)) continue;
        const there = callers.length === 0 ? 'there is none' : `there is ${callers.join(', ')}`;
        const message = `calls people by an Asterisk that has ari in section asterisk; ${there}`;
        context.addIssue({ code: 'custom', path: ['alerts', 'channels', name], message });
      }
    });
}

/** A checked configuration: paths absolute, secrets read, `journal.maxAge` in milliseconds. */
export type Config = DeepReadonly<z.output<ReturnType<typeof configSchema>>>;

/** The paths whose values are secrets; `*` stands for an index. Each may be given as `…File` instead. */
export const secretPaths: readonly (readonly string[])[] = [
  ['redis', 'url'],
  ['redis', 'password'],
  ['redis', 'sentinelPassword'],
  ['asterisk', '*', 'ami', 'password'],
  ['asterisk', '*', 'ari', 'password'],
  ['vicidial', 'password'],
  ...CHANNEL_SECRETS.map((key) => ['alerts', 'channels', '*', key]),
];

/** Keys that name a file or folder; relative ones are meant from the folder of the file they stand in. */
export const pathKeys: readonly (readonly string[])[] = [
  ['state'],
  ['redis', 'tls', 'ca'],
  ['redis', 'tls', 'cert'],
  ['redis', 'tls', 'key'],
  ['http', 'tls', 'cert'],
  ['http', 'tls', 'key'],
  ['countries', 'file'],
  ['registrations', 'aclFile'],
  ...CHANNEL_FILES.map((key) => ['alerts', 'channels', '*', key]),
];

/** Where the store is. `embedded` is the private server; the others are a `RedisTarget` of redis/client.ts. */
export type StorePlace =
  | { readonly kind: 'embedded'; readonly command?: string }
  | ({ readonly kind: 'socket'; readonly path: string } & Login)
  | ({ readonly kind: 'url'; readonly url: string } & Login)
  | ({
      readonly kind: 'sentinels';
      readonly sentinels: Config['redis']['sentinels'] & object;
      readonly name: string;
      readonly sentinelPassword?: string | undefined;
    } & Login)
  | ({ readonly kind: 'cluster'; readonly nodes: Config['redis']['cluster'] & object } & Login);

interface Login {
  readonly tls?: Config['redis']['tls'];
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** The place that the section `redis` describes. */
export function storePlace(redis: Config['redis']): StorePlace {
  const { url, sentinels, cluster, username, password, tls } = redis;
  const login = { username, password, ...(tls === undefined ? {} : { tls }) };
  if (url !== undefined) {
    return url.startsWith('/') ? { kind: 'socket', path: url, ...login } : { kind: 'url', url, ...login };
  }
  if (sentinels !== undefined) {
    return {
      kind: 'sentinels',
      sentinels,
      name: redis.name ?? '',
      sentinelPassword: redis.sentinelPassword,
      ...login,
    };
  }
  if (cluster !== undefined) return { kind: 'cluster', nodes: cluster, ...login };
  return { kind: 'embedded', ...(redis.server === undefined ? {} : { command: redis.server }) };
}

const hidden = '(secret)';

/** The configuration in the shape of the file, defaults filled in and secrets replaced by `(secret)`. */
export function describeConfig(config: Config): Readonly<Record<string, unknown>> {
  const { redis, agi, http, journal, audit } = config;
  return {
    ...config,
    redis: {
      ...redis,
      ...(redis.url === undefined ? {} : { url: withoutPassword(redis.url) }),
      ...(redis.sentinels === undefined ? {} : { sentinels: redis.sentinels.map(hostPortText) }),
      ...(redis.cluster === undefined ? {} : { cluster: redis.cluster.map(hostPortText) }),
      ...(redis.password === undefined ? {} : { password: hidden }),
      ...(redis.sentinelPassword === undefined ? {} : { sentinelPassword: hidden }),
    },
    agi: { ...agi, listen: hostPortText(agi.listen) },
    http: { ...http, listen: hostPortText(http.listen) },
    asterisk: config.asterisk.map(({ name, ami, ari }) => ({
      name,
      ...(ami === undefined ? {} : { ami: { ...ami, password: hidden } }),
      ...(ari === undefined ? {} : { ari: { ...ari, password: hidden } }),
    })),
    ...(config.vicidial === undefined ? {} : { vicidial: { ...config.vicidial, password: hidden } }),
    alerts: describeAlerts(config.alerts),
    calls: { lease: durationText(config.calls.lease) },
    journal: { ...journal, maxAge: durationText(journal.maxAge) },
    audit: { ...audit, maxAge: durationText(audit.maxAge) },
  };
}

function describeAlerts({
  channels,
  routes,
  group,
  allowNetworks,
}: Config['alerts']): Readonly<Record<string, unknown>> {
  const shown = Object.entries(channels).map(([name, channel]) => [
    name,
    Object.fromEntries(
      Object.entries(channel).map(([key, value]) => [key, CHANNEL_SECRETS.includes(key) ? hidden : value]),
    ),
  ]);
  const shownRoutes = routes?.map(({ steps: [first, ...escalate], repeatMs, ...route }) => ({
    ...route,
    to: first?.to ?? [],
    escalate: escalate.map(({ to, afterMs }) => ({ after: durationText(afterMs), to })),
    ...(repeatMs === undefined ? {} : { repeat: durationText(repeatMs) }),
  }));
  return {
    channels: Object.fromEntries(shown),
    ...(shownRoutes === undefined ? {} : { routes: shownRoutes }),
    group: durationText(group),
    allowNetworks,
  };
}

function hasPassword(url: string): boolean {
  return !url.startsWith('/') && new URL(url).password !== '';
}

function withoutPassword(url: string): string {
  return url.startsWith('/') ? url : url.replace(/^([a-z]+:\/\/[^:@/]*):.*@/, `$1:${hidden}@`);
}
