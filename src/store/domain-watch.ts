/**
 * Where the domains of the allowlist lead to, looked up again and again as their records say.
 *
 * - Both families are asked; the next look-up is due when the first record runs out, at least 30 s and at most 1 h later.
 * - When DNS fails, the last addresses stay for a day, and the domain says since when and how it fails. A day bridges any
 *   outage of a resolver; for ever would leave the gate open to whoever gets a carrier's old address.
 * - What was found is kept in a file on this host, so that a start without DNS still knows it. Each node looks up for
 *   itself: answers may depend on where one asks from, and a node talks to the addresses that it is told.
 *
 * Only DNS is asked, never `/etc/hosts`. A family without records (NODATA) is an answer, not a failure.
 */
import { Resolver } from 'node:dns/promises';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { type Family, formatAddress, readAddress } from '../policy/addresses.ts';
import type { EpochMs } from '../policy/call.ts';

export interface DomainState {
  readonly domain: string;
  /** Canonical, sorted; none until the first answer. */
  readonly addresses: readonly string[];
  /** Of the last complete answer; undefined before the first. */
  readonly resolvedAt: EpochMs | undefined;
  readonly nextLookupAt: EpochMs;
  /** While DNS fails. */
  readonly failing: { readonly since: EpochMs; readonly problem: string; readonly keptUntil: EpochMs } | undefined;
  /** The answer had more addresses than are kept. */
  readonly cut: boolean;
}

export interface DomainWatch {
  /** Which domains to watch from now on; what is known of the others is dropped. */
  readonly watch: (domains: readonly string[]) => void;
  readonly state: (domain: string) => DomainState | undefined;
  /** Looks a domain up now and answers with what came of it. */
  readonly lookUp: (domain: string) => Promise<DomainState>;
  /** Where a domain leads to now, watched or not; nothing of it is kept. */
  readonly peek: (
    domain: string,
  ) => Promise<{ readonly addresses: readonly string[]; readonly problem: string | null }>;
  /** Calls back when the addresses of any domain have changed. Returns the way to unsubscribe. */
  readonly onChange: (listener: () => void) => () => void;
  readonly close: () => Promise<void>;
}

export const SHORTEST_TTL_MS = 30_000;
export const LONGEST_TTL_MS = 3_600_000;
export const KEPT_WHILE_FAILING_MS = 86_400_000;
const RETRY_MS = 30_000;
const MOST_ADDRESSES = 64;
const MOST_AT_ONCE = 8;
const TICK_MS = 1000;
/** A change of addresses is kept at once; that they are still the same, now and then. */
const SAVE_EVERY_MS = 30_000;

interface Watched {
  readonly domain: string;
  readonly four: readonly string[];
  readonly six: readonly string[];
  readonly resolvedAt: EpochMs | undefined;
  readonly nextLookupAt: EpochMs;
  readonly failing: DomainState['failing'];
  readonly cut: boolean;
}

type Answer =
  | { readonly addresses: readonly string[]; readonly ttlMs: number; readonly cut: boolean }
  | { readonly problem: string };

export async function createDomainWatch(deps: {
  readonly clock: Clock;
  readonly log: Log;
  readonly copyPath: string;
  /** A new one for each look-up, so that a changed resolv.conf is followed. */
  readonly newResolver?: () => Resolver;
}): Promise<DomainWatch> {
  const { clock, log, copyPath } = deps;
  const newResolver = deps.newResolver ?? (() => new Resolver({ timeout: 1500, tries: 2 }));
  const kept = await readCopy(copyPath);
  const watched = new Map<string, Watched>();
  const underWay = new Map<string, Promise<void>>();
  const listeners = new Set<() => void>();
  let copying = Promise.resolve();
  let closed = false;
  let unsaved = false;
  let savedAtMs = clock.monotonicMs();

  const later = (ms: number): EpochMs => (clock.now() + ms) as EpochMs;

  const settle = (before: Watched, four: Answer, six: Answer): Watched => {
    const problem = problemOf(four, six);
    const answers = [four, six].flatMap((answer) => ('problem' in answer ? [] : [answer]));
    const cut = answers.some((answer) => answer.cut);
    const next = {
      domain: before.domain,
      four: 'problem' in four ? before.four : four.addresses,
      six: 'problem' in six ? before.six : six.addresses,
      cut,
    };
    if (problem === undefined) {
      const ttlMs = Math.min(LONGEST_TTL_MS, ...answers.map((answer) => answer.ttlMs));
      const nextLookupAt = later(Math.max(SHORTEST_TTL_MS, ttlMs));
      return { ...next, resolvedAt: clock.now(), nextLookupAt, failing: undefined };
    }
    const since = before.failing?.since ?? clock.now();
    const keptUntil = ((before.resolvedAt ?? since) + KEPT_WHILE_FAILING_MS) as EpochMs;
    const isOver = clock.now() >= keptUntil;
    const gone = {
      ...(isOver && 'problem' in four ? { four: [] } : {}),
      ...(isOver && 'problem' in six ? { six: [] } : {}),
    };
    const failing = { since, problem, keptUntil };
    return { ...next, ...gone, resolvedAt: before.resolvedAt, nextLookupAt: later(RETRY_MS), failing };
  };

  const lookUp = async (domain: string): Promise<void> => {
    const resolver = newResolver();
    const [four, six] = await Promise.all([ask(resolver, domain, 4), ask(resolver, domain, 6)]);
    const before = watched.get(domain);
    // Taken off the list meanwhile.
    if (before === undefined || closed) return;
    const after = settle(before, four, six);
    watched.set(domain, after);
    report(log, before, after);
    unsaved = true;
    if (addressesOf(before).join() === addressesOf(after).join()) return;
    save();
    for (const listener of listeners) listener();
  };

  const start = (domain: string): Promise<void> => {
    const running = underWay.get(domain);
    if (running !== undefined) return running;
    const started = lookUp(domain).finally(() => underWay.delete(domain));
    underWay.set(domain, started);
    return started;
  };

  const save = (): void => {
    if (!unsaved) return;
    unsaved = false;
    savedAtMs = clock.monotonicMs();
    copying = copying
      .then(() => writeCopy(copyPath, [...watched.values()]))
      .catch((error: unknown) => {
        log.warn({ path: copyPath, problem: messageOf(error) }, 'what domains lead to could not be kept on this host');
      });
  };

  const tick = setInterval(() => {
    const now = clock.now();
    if (clock.monotonicMs() - savedAtMs > SAVE_EVERY_MS) save();
    for (const { domain, nextLookupAt } of watched.values()) {
      if (underWay.size >= MOST_AT_ONCE) return;
      if (nextLookupAt <= now && !underWay.has(domain)) void start(domain);
    }
  }, TICK_MS);
  tick.unref();

  return {
    watch: (domains) => {
      const wanted = new Set(domains);
      for (const domain of watched.keys()) if (!wanted.has(domain)) watched.delete(domain);
      for (const domain of wanted) {
        if (!watched.has(domain)) watched.set(domain, kept.get(domain) ?? unknown(domain, clock.now()));
        kept.delete(domain);
        // The first answer is waited for by a person, and by a carrier.
        if (watched.get(domain)?.resolvedAt === undefined && underWay.size < MOST_AT_ONCE) void start(domain);
      }
    },
    state: (domain) => {
      const found = watched.get(domain);
      return found === undefined ? undefined : stateOf(found);
    },
    lookUp: async (domain) => {
      await start(domain);
      return stateOf(watched.get(domain) ?? unknown(domain, clock.now()));
    },
    peek: async (domain) => {
      const resolver = newResolver();
      const [four, six] = await Promise.all([ask(resolver, domain, 4), ask(resolver, domain, 6)]);
      const addresses = [four, six].flatMap((answer) => ('problem' in answer ? [] : answer.addresses));
      return { addresses, problem: addresses.length > 0 ? null : (problemOf(four, six) ?? 'leads to no address') };
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: async () => {
      closed = true;
      clearInterval(tick);
      save();
      await copying;
    },
  };
}

/** The family is named where the other one answered. */
function problemOf(four: Answer, six: Answer): string | undefined {
  if ('problem' in four) return 'problem' in six ? four.problem : `IPv4: ${four.problem}`;
  return 'problem' in six ? `IPv6: ${six.problem}` : undefined;
}

const addressesOf = ({ four, six }: Watched): readonly string[] => [...four, ...six];

const stateOf = (watched: Watched): DomainState => ({
  domain: watched.domain,
  addresses: addressesOf(watched),
  resolvedAt: watched.resolvedAt,
  nextLookupAt: watched.nextLookupAt,
  failing: watched.failing,
  cut: watched.cut,
});

const unknown = (domain: string, now: EpochMs): Watched => ({
  domain,
  four: [],
  six: [],
  resolvedAt: undefined,
  nextLookupAt: now,
  failing: undefined,
  cut: false,
});

async function ask(resolver: Resolver, domain: string, family: Family): Promise<Answer> {
  try {
    const records = await (family === 4
      ? resolver.resolve4(domain, { ttl: true })
      : resolver.resolve6(domain, { ttl: true }));
    const addresses = records.flatMap(({ address }) => {
      const read = readAddress(address);
      return read === undefined ? [] : [formatAddress(read)];
    });
    const ttlMs = Math.min(...records.map(({ ttl }) => ttl * 1000));
    return {
      addresses: [...new Set(addresses)].sort().slice(0, MOST_ADDRESSES),
      ttlMs,
      cut: addresses.length > MOST_ADDRESSES,
    };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    // The name exists and has no record of this family.
    if (code === 'ENODATA') return { addresses: [], ttlMs: LONGEST_TTL_MS, cut: false };
    return { problem: PROBLEMS.get(code) ?? messageOf(error) };
  }
}

/** Codes of c-ares, as node:dns gives them. */
const PROBLEMS: ReadonlyMap<string, string> = new Map([
  ['ENOTFOUND', 'there is no such domain'],
  ['ESERVFAIL', 'the name server could not answer (SERVFAIL)'],
  ['ETIMEOUT', 'no name server answered in time'],
  ['ECONNREFUSED', 'no name server is listening'],
  ['EREFUSED', 'the name server refused to answer'],
]);

function report(log: Log, before: Watched, after: Watched): void {
  const { domain } = after;
  if (before.failing === undefined && after.failing !== undefined)
    log.warn({ domain, problem: after.failing.problem }, 'an allowed domain does not resolve; its addresses stay');
  if (before.failing !== undefined && after.failing === undefined) log.info({ domain }, 'an allowed domain is back');
  if (after.failing !== undefined && addressesOf(before).length > 0 && addressesOf(after).length === 0)
    log.error({ domain }, 'an allowed domain has not resolved for a day; its addresses are no longer allowed');
}

const addressList = z.array(z.string().refine((text) => readAddress(text) !== undefined)).max(MOST_ADDRESSES);
const epochMs = z.int().transform((value) => value as EpochMs);
const copySchema = z.array(
  z.object({
    domain: z.string(),
    four: addressList,
    six: addressList,
    resolvedAt: epochMs.optional(),
    failing: z.object({ since: epochMs, problem: z.string(), keptUntil: epochMs }).optional(),
    cut: z.boolean(),
  }),
);

/** Known, and due at once: nobody has looked while the daemon was away. */
async function readCopy(path: string): Promise<Map<string, Watched>> {
  try {
    const read = copySchema.parse(JSON.parse(await readFile(path, 'utf8')));
    return new Map(
      read.map((each) => [
        each.domain,
        { ...each, resolvedAt: each.resolvedAt, failing: each.failing, nextLookupAt: 0 as EpochMs },
      ]),
    );
  } catch {
    return new Map();
  }
}

async function writeCopy(path: string, watched: readonly Watched[]): Promise<void> {
  await writeFile(`${path}.new`, `${JSON.stringify(watched, undefined, 2)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
