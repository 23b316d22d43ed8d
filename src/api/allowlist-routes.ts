/** `/api/v1/allowlist`: who is never banned. Entries are found by id, by name, or by what they hold. */
import { randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { BanList } from '../bans/ban-list.ts';
import type { FirewallControl } from '../bans/firewall-control.ts';
import type { Clock } from '../clock.ts';
import { TollgateError } from '../errors.ts';
import { type AddressRange, contains, countOf, readRange, subnetMask } from '../policy/addresses.ts';
import {
  type AllowEntry,
  type AllowlistDocument,
  addEntry,
  type Edited,
  entryDraftSchema,
  entryPatchSchema,
  type Making,
  MOST_ENTRIES,
  rangeOfEntry,
  setEntry,
} from '../policy/allowlist.ts';
import { type AllowImport, importEntries } from '../policy/allowlist-import.ts';
import type { EpochMs } from '../policy/call.ts';
import { didYouMean } from '../policy/problem.ts';
import type { AllowedAddresses } from '../store/allowed-addresses.ts';
import type { DomainState, DomainWatch } from '../store/domain-watch.ts';
import type { LastHits } from '../store/last-hits.ts';
import { allowEntry, allowImport, changedEntry } from './address-answers.ts';
import { etagOf, requireMatch } from './etag.ts';
import { pageOf, paging } from './paging.ts';
import { notFound, ProblemError } from './problem.ts';
import type { Act, ActOf, RecordedAllowlist } from './recorded-changes.ts';
import { type Api, list, yesOrNo } from './schema.ts';
import { callerOf, rightsOf } from './who-asks.ts';

/** An entry as it is shown. Times are ISO 8601, UTC. */
export interface AllowReport extends AllowEntry {
  /** `255.255.255.0`, `/64`; empty for ranges and domains. */
  readonly mask: string;
  /** How many it holds; of a domain, how many it leads to now. */
  readonly addresses: number;
  /** With the system-wide switch. */
  readonly exemptNow: boolean;
  readonly lastHitAt: string | null;
  /** Of a domain, as this node sees it. */
  readonly resolved: ResolvedReport | null;
}

export interface ResolvedReport {
  readonly addresses: readonly string[];
  readonly at: string | null;
  readonly nextLookupAt: string;
  /** Since when it does not resolve; null while it does. */
  readonly failingSince: string | null;
  readonly problem: string | null;
  readonly keptUntil: string | null;
}

export interface ChangedEntry extends AllowReport {
  /** What is not wrong and should be seen. */
  readonly notes: readonly string[];
}

export type ImportReport = Omit<AllowImport, 'document'> & { readonly applied: boolean; readonly changed: boolean };

const listQuery = z.strictObject({
  search: z.string().trim().max(200).optional(),
  /** Not hit for so many days, and at least as old. */
  unusedDays: z.coerce.number().int().min(1).max(3650).optional(),
  exempt: z.enum(['true', 'false']).optional(),
  /** Domains that do not resolve. */
  failing: yesOrNo,
  ...paging,
});
const byRef = z.strictObject({ ref: z.string().max(300) });
const changeQuery = z.strictObject({
  dryRun: yesOrNo,
  /** Even if it cuts off the one who asks. */
  force: yesOrNo,
});
const switchBody = z.strictObject({ exemptions: z.enum(['on', 'off'], { error: 'is not known; write on or off' }) });
const importBody = z.strictObject({
  entries: z.array(entryDraftSchema).max(MOST_ENTRIES, { error: `has more than ${MOST_ENTRIES} entries` }),
  replace: z.boolean().default(false),
});

type ChangeRequest = FastifyRequest & { readonly query: z.output<typeof changeQuery> };

export function allowlistRoutes(
  app: Api,
  deps: {
    readonly allowlist: RecordedAllowlist;
    readonly allowed: AllowedAddresses;
    readonly domains: DomainWatch;
    readonly hits: LastHits;
    readonly bans: Pick<BanList, 'overlapping'>;
    /** Why an edit would cut off the one who makes it. */
    readonly refusalOf: FirewallControl['refusalOfAllowlist'];
    /** Addresses and networks of trunks that are known now. */
    readonly trunks: () => readonly string[];
    readonly clock: Clock;
    readonly act: ActOf;
  },
): void {
  const { allowlist, domains, clock, act } = deps;
  const entries = (): readonly AllowEntry[] => allowlist.current().document.entries;

  const report = async (wanted: readonly AllowEntry[]): Promise<AllowReport[]> => {
    // While the store is away the list is shown without them.
    const hits = await deps.hits.of(wanted.map(({ id }) => id)).catch(() => new Map<string, EpochMs>());
    return wanted.map((entry): AllowReport => {
      const range = rangeOfEntry(entry);
      const state = entry.type === 'domain' ? domains.state(entry.value) : undefined;
      return {
        ...entry,
        mask: entry.type === 'address' && range !== undefined && countOf(range) > 1n ? subnetMask(range) : '',
        addresses: range === undefined ? (state?.addresses.length ?? 0) : Number(countOf(range)),
        exemptNow: deps.allowed.exempts(entry),
        lastHitAt: isoOrNull(hits.get(entry.id)),
        resolved: state === undefined ? null : reportDomain(state),
      };
    });
  };
  const reportOne = async (entry: AllowEntry): Promise<AllowReport> => {
    const [one] = await report([entry]);
    if (one === undefined) throw new Error('an entry has no report');
    return one;
  };

  const find = (ref: string, among = entries()): AllowEntry => {
    const found =
      among.find(({ id }) => id === ref) ?? among.find((entry) => isNamed(entry, ref)) ?? holding(ref, among);
    if (found !== undefined) return found;
    const names = among.map(({ name }) => name);
    throw notFound(
      'entry of the allowlist',
      ref,
      names.length === 0 ? 'the allowlist is empty' : didYouMean(ref, names),
    );
  };
  /** An address stands for the entry that decides for it. */
  const holding = (ref: string, among: readonly AllowEntry[]): AllowEntry | undefined => {
    const id = deps.allowed.entryOf(ref)?.id;
    return id === undefined ? undefined : among.find((entry) => entry.id === id);
  };

  const making = (by: string): Making => ({
    newId: () => randomUUID().slice(0, 8),
    at: new Date(clock.now()).toISOString(),
    by,
  });

  const edit = async (
    request: ChangeRequest,
    what: Act,
    change: (document: AllowlistDocument) => Edited,
  ): Promise<ChangedEntry> => {
    const { dryRun, guarded } = optionsOf(request);
    let done: { readonly entry: AllowEntry; readonly notes: readonly string[] } | undefined;
    const run = (document: AllowlistDocument): AllowlistDocument => {
      const edited = change(document);
      if ('problems' in edited) throw new ProblemError('INVALID_REQUEST', edited.problems);
      mayExempt(request, edited.entry, document);
      // Before the change: with it the bans are gone.
      done = { entry: edited.entry, notes: [...edited.notes, ...notesOnBans(edited.entry, deps.bans)] };
      guarded(edited.document);
      return edited.document;
    };
    if (dryRun) run(allowlist.current().document);
    else await allowlist.change(run, what);
    if (done === undefined) throw new Error('an edit was not run');
    const { entry, notes } = done;
    if (entry.type === 'domain' && !dryRun) await domains.lookUp(entry.value);
    return { ...(await reportOne(entry)), notes };
  };

  const optionsOf = (request: ChangeRequest) => {
    const { dryRun, force } = request.query;
    const guarded = (next: AllowlistDocument): AllowlistDocument => {
      const refused = force === 'true' ? undefined : deps.refusalOf(next.entries, callerOf(request));
      if (refused !== undefined) throw new TollgateError('CONFLICT', refused);
      return next;
    };
    return { dryRun: dryRun === 'true', guarded };
  };
  const allowedTrunks = (): readonly string[] =>
    deps.trunks().filter((trunk) => {
      const read = readRange(trunk);
      return 'range' in read && deps.allowed.covering(read.range) !== undefined;
    });

  app.get(
    '/api/v1/allowlist',
    { schema: { summary: 'Who is never banned', querystring: listQuery, response: { 200: list(allowEntry) } } },
    async (request, reply) => {
      const { search = '', unusedDays, exempt, failing, ...page } = request.query;
      const all = await report(entries());
      const since =
        unusedDays === undefined ? undefined : new Date(clock.now() - unusedDays * 86_400_000).toISOString();
      const found = all.filter(
        (entry) =>
          matches(entry, search) &&
          (since === undefined || (entry.lastHitAt ?? entry.createdAt) < since) &&
          (exempt === undefined || String(entry.exemptFromCallLimits) === exempt) &&
          (failing === 'false' || entry.resolved?.failingSince != null),
      );
      return pageOf(found, ({ id }) => id, page, request, reply);
    },
  );
  app.get(
    '/api/v1/allowlist/exemptions',
    { schema: { summary: 'Whether entries exempt from call limits at all', response: { 200: switchBody } } },
    () => ({ exemptions: allowlist.current().document.exemptions }),
  );
  app.put(
    '/api/v1/allowlist/exemptions',
    { schema: { summary: 'Switch exemptions for the whole system', body: switchBody, response: { 200: switchBody } } },
    async (request) => {
      const { exemptions } = request.body;
      await allowlist.change(
        (document) => ({ ...document, exemptions }),
        act(request, 'allowlist.exemptions', 'allowlist'),
      );
      return { exemptions };
    },
  );
  app.post(
    '/api/v1/allowlist/import',
    {
      schema: {
        summary: 'Import entries, all or nothing',
        querystring: changeQuery,
        body: importBody,
        response: { 200: allowImport },
      },
    },
    async (request): Promise<ImportReport> => {
      const { entries: drafts, replace } = request.body;
      const { dryRun, guarded } = optionsOf(request);
      const what = act(request, 'allowlist.import', 'allowlist');
      let done: AllowImport | undefined;
      const run = (document: AllowlistDocument): AllowlistDocument => {
        const planned = importEntries(document, drafts, making(what.by), { replace });
        if ('problems' in planned) throw new ProblemError('INVALID_REQUEST', planned.problems);
        done = planned;
        return guarded(planned.document);
      };
      if (dryRun) run(allowlist.current().document);
      else await allowlist.change(run, what);
      if (done === undefined) throw new Error('an import was not run');
      const { document: _, ...counts } = done;
      return {
        applied: !dryRun,
        changed: counts.added.length + counts.replaced.length + counts.removed.length > 0,
        ...counts,
      };
    },
  );
  app.get(
    '/api/v1/allowlist/:ref',
    { schema: { summary: 'One entry, by id, name or what it holds', params: byRef, response: { 200: allowEntry } } },
    async ({ params }, reply) => {
      const entry = find(params.ref);
      return withTag(reply, entry, await reportOne(entry));
    },
  );
  app.post(
    '/api/v1/allowlist',
    {
      schema: {
        summary: 'Add an entry',
        querystring: changeQuery,
        body: entryDraftSchema,
        response: { 200: changedEntry, 201: changedEntry },
      },
    },
    async (request, reply) => {
      const draft = request.body;
      const what = act(request, 'allowlist.add', `allowed ${draft.name}`);
      const made = await edit(request, what, (document) => addEntry(document, draft, making(what.by)));
      return reply.code(optionsOf(request).dryRun ? 200 : 201).send(made);
    },
  );
  app.patch(
    '/api/v1/allowlist/:ref',
    {
      schema: {
        summary: 'Change an entry',
        params: byRef,
        querystring: changeQuery,
        body: entryPatchSchema,
        response: { 200: changedEntry },
      },
    },
    (request) => {
      const patch = request.body;
      const { id, name } = find(request.params.ref);
      const what = act(request, 'allowlist.set', `allowed ${name}`);
      return edit(request, what, (document) => {
        const entry = find(id, document.entries);
        requireMatch(request, entry, `entry ${name}`);
        return setEntry(document, entry.id, patch);
      });
    },
  );
  app.delete(
    '/api/v1/allowlist/:ref',
    {
      schema: { summary: 'Remove an entry', params: byRef, querystring: changeQuery, response: { 200: changedEntry } },
    },
    async (request): Promise<ChangedEntry> => {
      const { guarded } = optionsOf(request);
      const entry = find(request.params.ref);
      const shown = await reportOne(entry);
      const trunks = allowedTrunks();
      await allowlist.change(
        (document) => {
          requireMatch(request, find(entry.id, document.entries), `entry ${entry.name}`);
          return guarded({ ...document, entries: document.entries.filter(({ id }) => id !== entry.id) });
        },
        act(request, 'allowlist.remove', `allowed ${entry.name}`),
      );
      await deps.hits.forget([entry.id]);
      const left = allowedTrunks();
      const lost = trunks.filter((trunk) => !left.includes(trunk));
      return {
        ...shown,
        notes: lost.map((trunk) => `${trunk} is a trunk of yours, and nothing keeps it from being banned now`),
      };
    },
  );
}

/** An entry that was exempt stays so. @throws {TollgateError} `FORBIDDEN` */
function mayExempt(request: FastifyRequest, entry: AllowEntry, { entries }: AllowlistDocument): void {
  const wasExempt = entries.find(({ id }) => id === entry.id)?.exemptFromCallLimits === true;
  if (!entry.exemptFromCallLimits || wasExempt || rightsOf(request).has('allowlist:remove')) return;
  const problem = 'only an owner exempts from call limits; send exemptFromCallLimits as false';
  throw new TollgateError('FORBIDDEN', problem);
}

/** The tag of what was written: when it was last hit is no change of it. */
function withTag<T>(reply: FastifyReply, entry: AllowEntry, report: T): T {
  reply.header('etag', etagOf(entry));
  return report;
}

const isoOrNull = (at: EpochMs | undefined): string | null => (at === undefined ? null : new Date(at).toISOString());

const reportDomain = ({ addresses, resolvedAt, nextLookupAt, failing }: DomainState): ResolvedReport => ({
  addresses,
  at: isoOrNull(resolvedAt),
  nextLookupAt: new Date(nextLookupAt).toISOString(),
  failingSince: isoOrNull(failing?.since),
  problem: failing?.problem ?? null,
  keptUntil: isoOrNull(failing?.keptUntil),
});

function isNamed(entry: AllowEntry, ref: string): boolean {
  if (entry.name.toLowerCase() === ref.trim().toLowerCase() || entry.value === ref.trim().toLowerCase()) return true;
  const [ours, theirs] = [rangeOfEntry(entry), readRange(ref)];
  return ours !== undefined && 'range' in theirs && isSame(ours, theirs.range);
}

const isSame = (one: AddressRange, other: AddressRange): boolean => contains(one, other) && contains(other, one);

/** Text in any column, or an address that an entry holds. */
function matches(entry: AllowReport, search: string): boolean {
  if (search === '') return true;
  const read = readRange(search);
  const range = rangeOfEntry(entry);
  if ('range' in read && range !== undefined && contains(range, read.range)) return true;
  const words = [
    entry.id,
    entry.name,
    entry.value,
    entry.description,
    entry.owner,
    ...(entry.resolved?.addresses ?? []),
  ];
  return words.join('\n').toLowerCase().includes(search.toLowerCase());
}

function notesOnBans(entry: AllowEntry, bans: Pick<BanList, 'overlapping'>): string[] {
  const range = rangeOfEntry(entry);
  if (range === undefined) return [];
  const touched = bans.overlapping(range).map((ban) => ({ ban, read: readRange(ban.address) }));
  const inside = touched.filter(({ read }) => 'range' in read && contains(range, read.range));
  const wider = touched.filter((each) => !inside.includes(each)).map(({ ban }) => ban.address);
  return [
    ...(inside.length > 0 ? [`bans inside it end now: ${inside.length}`] : []),
    ...(wider.length > 0 ? [`${wider.join(', ')} stays banned around it; this entry goes first`] : []),
  ];
}
