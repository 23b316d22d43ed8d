/** What needs a look, for the Dashboard: each thing as one sentence, with what to open for it. */
import { z } from 'zod';
import type { BanChange } from '../bans/ban.ts';
import type { Defence } from '../bans/defence.ts';
import type { ReportKind } from '../bans/defence-reports.ts';
import type { FirewallService } from '../bans/firewall-service.ts';
import type { CallPattern } from '../gate/call-patterns.ts';
import type { EpochMs } from '../policy/call.ts';
import type { Policy } from '../policy/policy.ts';
import { diagnoseRules, type MatchCounts } from '../policy/rules-doctor.ts';
import type { PartStatus } from '../status.ts';
import type { AllowedAddresses } from '../store/allowed-addresses.ts';
import type { AllowlistStore } from '../store/allowlist-store.ts';
import type { LastHits } from '../store/last-hits.ts';
import { instant, orNull, text } from './schema.ts';

/** What it is about, which says what `about` is. */
const KINDS = [
  'part',
  'firewall',
  'pattern',
  'account',
  'phone',
  'extension',
  'address',
  'rule',
  'emergency',
  'allow',
  'exempt',
] as const;

export const look = z.strictObject({
  kind: z.enum(KINDS),
  severity: z.enum(['error', 'warning', 'info']),
  sentence: text,
  /** What to open: a part, a decision, an extension, an address, a rule, an entry; null where there is nothing more. */
  about: orNull(text),
  at: orNull(instant),
});
export type Look = z.input<typeof look>;

const DAY_MS = 86_400_000;
const UNUSED_DAYS = 30;
/** Refusals of one kind within an hour, from which somebody should look. */
const MANY_REFUSALS = 10;
/** Of one kind, each by itself; more are said together. */
const MOST_ALONE = 3;

const iso = (at: number): string => new Date(at).toISOString();
const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

export const partsDown = (parts: readonly PartStatus[]): readonly Look[] =>
  parts
    .filter(({ state }) => state === 'down')
    .map(({ name, since, detail }) => ({
      ...{ kind: 'part', severity: 'error', about: name, at: since },
      sentence: `${name} is down: ${detail}`,
    }));

/** What others changed in the packet filter in the last day, and was mended. */
export function mendedDrift({ drift, lastDrift }: ReturnType<FirewallService['state']>, now: EpochMs): readonly Look[] {
  if (lastDrift === undefined || lastDrift.at < now - DAY_MS) return [];
  const what = lastDrift.found.length === 0 ? '' : `; the last: ${lastDrift.found[0]}`;
  return [
    {
      ...{ kind: 'firewall', severity: 'warning', about: null, at: iso(lastDrift.at) },
      sentence: `something else changed the packet filter: ${counted(drift, 'difference was', 'differences were')} mended since the start${what}`,
    },
  ];
}

export const manyRefusals = (patterns: readonly CallPattern[]): readonly Look[] =>
  patterns
    .filter(({ calls }) => calls >= MANY_REFUSALS)
    .map(({ extension, destinationLabel, calls, to, sample }) => ({
      ...{ kind: 'pattern', severity: 'warning', about: sample[0] ?? null, at: to },
      sentence: `${calls} calls of ${extension ?? 'an unknown extension'} to ${destinationLabel || 'numbers that are not known'} were refused in the last hour`,
    }));

const ABOUT: Readonly<Record<ReportKind, Look['kind']>> = {
  'mis-set-phone': 'phone',
  spared: 'address',
  'allowed-address': 'address',
  'not-banned': 'address',
  'keeps-hitting-limits': 'extension',
  'new-high-risk-country': 'extension',
  'many-destinations': 'extension',
  'number-range': 'extension',
};

/** What the defence told of the last day: patterns of fraud, phones that are set wrongly, addresses that it spared. */
export async function defenceReports(defence: Pick<Defence, 'reports'>, now: EpochMs): Promise<readonly Look[]> {
  const latest = (await defence.reports(50)).filter(({ at }) => at > now - DAY_MS);
  return latest.map(({ at, kind, sentence, address, account }) => ({
    ...{ kind: ABOUT[kind], severity: 'warning', sentence, at: iso(at) },
    // Reports of a country name it beside the extension.
    about: ABOUT[kind] === 'address' ? (address ?? account) : (account?.split(' ', 1)[0] ?? address),
  }));
}

/** Attacks upon accounts that led to a ban in the last day. */
export function accountAttacks(history: readonly BanChange[], now: EpochMs): readonly Look[] {
  const made = history.filter(
    ({ what, at, ban }) => what === 'add' && at > now - DAY_MS && ban.defenceType.includes('account'),
  );
  const rest = made.length - MOST_ALONE;
  return [
    ...made.slice(0, MOST_ALONE).map(
      ({ at, ban }): Look => ({
        ...{ kind: 'account', severity: 'warning', about: ban.address, at: iso(at) },
        sentence: `${ban.address} was blocked: ${ban.reason}`,
      }),
    ),
    ...(rest <= 0
      ? []
      : [
          {
            ...({ kind: 'account', severity: 'warning', about: null, at: null } as const),
            sentence: `${counted(rest, 'more address was', 'more addresses were')} blocked for attacks upon accounts in a day`,
          },
        ]),
  ];
}

/** Rules without effect, or with another one than was meant. */
export const ruleFindings = (policy: Policy, now: EpochMs, counts: MatchCounts | null): readonly Look[] =>
  diagnoseRules(policy, now, counts ?? undefined)
    .filter(({ severity, check }) => severity !== 'info' && check !== 'disabled')
    .map(({ severity, what, rule }) => {
      const name = policy.document.rules.find(({ id }) => id === rule)?.name;
      return {
        kind: 'rule',
        severity,
        sentence: name === undefined ? what : `${name}: ${what}`,
        about: rule,
        at: null,
      };
    });

export const emergencyCalls = (today: number): readonly Look[] =>
  today === 0
    ? []
    : [
        {
          ...{ kind: 'emergency', severity: 'info', about: null, at: null },
          sentence: `${counted(today, 'emergency call', 'emergency calls')} today`,
        },
      ];

/** Entries of the allowlist from which nothing came for a month. */
export async function unusedEntries(
  deps: { readonly allowlist: Pick<AllowlistStore, 'current'>; readonly allowHits: Pick<LastHits, 'of'> },
  now: EpochMs,
): Promise<readonly Look[]> {
  const { entries } = deps.allowlist.current().document;
  const hits = await deps.allowHits.of(entries.map(({ id }) => id));
  const unused = entries.filter(
    ({ id, createdAt }) => (hits.get(id) ?? Date.parse(createdAt)) < now - UNUSED_DAYS * DAY_MS,
  );
  const [first] = unused;
  if (first === undefined) return [];
  const sentence =
    unused.length === 1
      ? `nothing came from allowed ${first.name} for more than ${UNUSED_DAYS} days`
      : `nothing came from ${unused.length} allowed entries for more than ${UNUSED_DAYS} days, ${first.name} among them`;
  return [{ kind: 'allow', severity: 'info', sentence, about: unused.length === 1 ? first.id : null, at: null }];
}

export async function exemptPhones(
  defence: Pick<Defence, 'phones'>,
  allowed: Pick<AllowedAddresses, 'entryOf' | 'exempts'>,
): Promise<readonly Look[]> {
  const exempt = (await defence.phones()).filter(({ address }) => {
    const entry = allowed.entryOf(address);
    return entry !== undefined && allowed.exempts(entry);
  });
  const count = new Set(exempt.map(({ extension }) => extension)).size;
  if (count === 0) return [];
  const sentence = `${counted(count, 'extension is', 'extensions are')} exempt from call limits because of the allowlist`;
  return [{ kind: 'exempt', severity: 'info', sentence, about: null, at: null }];
}

const RANK: Readonly<Record<Look['severity'], number>> = { error: 0, warning: 1, info: 2 };

/** The most urgent first; of one severity in the order given. */
export const ranked = (looks: readonly Look[]): readonly Look[] =>
  [...looks].sort((a, b) => RANK[a.severity] - RANK[b.severity]);
