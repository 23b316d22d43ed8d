/** Schemas of bans, of the allowlist and of the packet filter. */
import { z } from 'zod';
import { ORIGINS } from '../bans/ban.ts';
import { DROP_REASONS, FIREWALL_BACKENDS, LIMIT_NAMES } from '../bans/firewall/firewall.ts';
import { ENTRY_TYPES } from '../policy/allowlist.ts';
import { settingsSchema } from '../policy/settings.ts';
import { describedBy, instant, list, orNull, text } from './schema.ts';

const count = z.number();
const traffic = { packets: count, bytes: count };
const backend = z.enum(FIREWALL_BACKENDS);

export const ban = z.strictObject({
  address: text,
  service: text,
  origin: z.enum(ORIGINS),
  since: instant,
  /** Null: for ever. */
  until: orNull(instant),
  permanent: z.boolean(),
  offences: count,
  timesBanned: count,
  reason: text,
  defenceType: text,
  protocol: orNull(text),
  attackedPort: orNull(count),
  by: text,
  lastHitAt: orNull(instant),
  country: orNull(text),
  dropped: orNull(count),
});

export const listedBan = ban.extend({ namesTried: orNull(list(text)).optional() });

const kernelArrival = orNull(z.strictObject({ arrived: z.boolean(), afterMs: count, backend, problem: text }));
const outcome = z.enum(['added', 'changed', 'unchanged']);
export const addedBan = ban.extend({
  outcome,
  kernel: kernelArrival,
  others: list(ban.extend({ outcome })),
});

const answerRest = {
  asked: text,
  allowedBy: orNull(z.strictObject({ id: text, name: text, value: text, exempt: z.boolean() })),
  alsoBannedBy: list(text),
  evidence: orNull(list(z.strictObject({ at: instant, event: text }))),
  namesTried: orNull(list(text)),
  history: orNull(
    list(
      z.strictObject({
        what: z.enum(['add', 'change', 'lift', 'expire', 'restore']),
        at: instant,
        by: text,
        reason: text,
      }),
    ),
  ),
  countryRefusal: orNull(text),
  kernel: orNull(
    z.strictObject({
      bans: list(text),
      allowed: list(text),
      blocked: z.boolean(),
      backend,
      traffic: orNull(z.strictObject(traffic)),
    }),
  ),
  leftAlone: orNull(z.strictObject({ address: text, until: instant, by: text })),
};
export const banAnswer = z.union([
  ban.extend({ banned: z.literal(true), ...answerRest }),
  z.strictObject({ banned: z.literal(false), address: text, ...answerRest }),
]);

export const lifted = z.strictObject({
  address: text,
  lifted: z.boolean(),
  detail: text,
  kernel: kernelArrival,
  leftAloneUntil: orNull(instant),
});
export const leftAlone = z.strictObject({ address: text, since: instant, until: instant, by: text });

export const defenceReport = z.strictObject({
  at: instant,
  kind: text,
  sentence: text,
  address: orNull(text),
  account: orNull(text),
  service: orNull(text),
  node: text,
});

export const allowEntry = z.strictObject({
  id: text,
  name: text,
  type: z.enum(ENTRY_TYPES),
  value: text,
  description: text,
  owner: text,
  exemptFromCallLimits: z.boolean(),
  createdAt: instant,
  createdBy: text,
  mask: text,
  addresses: count,
  exemptNow: z.boolean(),
  lastHitAt: orNull(instant),
  resolved: orNull(
    z.strictObject({
      addresses: list(text),
      at: orNull(instant),
      nextLookupAt: instant,
      failingSince: orNull(instant),
      problem: orNull(text),
      keptUntil: orNull(instant),
    }),
  ),
});
export const changedEntry = allowEntry.extend({ notes: list(text) });
export const allowImport = z.strictObject({
  applied: z.boolean(),
  changed: z.boolean(),
  added: list(text),
  replaced: list(text),
  unchanged: list(text),
  removed: list(text),
  notes: list(text),
});
export const exempt = z.strictObject({ extension: text, address: text, entry: text, asterisk: text });

const change = z.enum(['portal', 'isolation', 'packetProtection', 'adminAccess']);
const lost = orNull(
  z.strictObject({ phones: list(z.strictObject({ extension: text, address: text })), trunks: list(text) }),
);
export const firewall = z.strictObject({
  node: text,
  backend,
  inForce: z.boolean(),
  problem: orNull(text),
  waitsForBans: z.boolean(),
  lastCheckAt: orNull(instant),
  lastFullCheckAt: orNull(instant),
  drift: count,
  lastDrift: orNull(z.strictObject({ at: instant, found: list(text) })),
  unusable: list(text),
  bans: z.strictObject({ listed: count, v4: orNull(count), v6: orNull(count) }),
  portal: orNull(z.strictObject({ ports: list(text) })),
  isolation: orNull(z.strictObject({ reachable: list(text) })),
  pending: orNull(
    z.strictObject({ what: change, by: text, madeAt: instant, revertAt: instant, secondsLeft: count, lost }),
  ),
  lastUndone: orNull(
    z.strictObject({
      what: change,
      by: text,
      at: instant,
      undoneBy: orNull(text),
      draft: orNull(
        z.strictObject({
          presets: list(text),
          ports: list(text),
          reachable: list(text),
          settings: orNull(z.looseObject({})),
        }),
      ),
    }),
  ),
  dropped: orNull(z.record(z.enum(DROP_REASONS), z.strictObject(traffic))),
  limited: orNull(z.record(z.enum(LIMIT_NAMES), z.strictObject(traffic))),
  sources: list(z.strictObject({ address: text, why: z.enum(['banned', 'blocked']), ...traffic })),
  blocked: list(z.strictObject({ address: text, until: instant, ...traffic })),
  packetProtection: describedBy(z.looseObject({}), settingsSchema.shape.packetProtection),
});
export const changedFirewall = firewall.extend({ changed: z.boolean(), notes: list(text) });
export const firewallPreview = z.strictObject({ cutsOff: orNull(text), lost });
export const reach = z.strictObject({ at: instant, address: orNull(text), isNew: orNull(z.boolean()) });
