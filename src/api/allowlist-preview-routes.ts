/** `POST /api/v1/allowlist/preview`: what an entry of the allowlist would hold and change, before it is saved. */
import { z } from 'zod';
import type { BanList } from '../bans/ban-list.ts';
import type { Defence } from '../bans/defence.ts';
import {
  type AddressRange,
  contains,
  countOf,
  formatAddress,
  formatNetwork,
  networkAround,
  overlaps,
  readAddress,
  readRange,
  subnetMask,
} from '../policy/addresses.ts';
import { type AllowEntry, ENTRY_TYPES, entryDraftSchema, rangeOfEntry, readValue } from '../policy/allowlist.ts';
import type { AllowlistStore } from '../store/allowlist-store.ts';
import type { DomainWatch } from '../store/domain-watch.ts';
import { type Api, list, orNull, text } from './schema.ts';
import { callerOf } from './who-asks.ts';

const preview = z.strictObject({
  /** Why it could not be saved; null where it could. */
  problem: orNull(text),
  type: orNull(z.enum(ENTRY_TYPES)),
  /** As it would be kept. */
  value: orNull(text),
  mask: orNull(text),
  /** What was most likely meant, where the value is a host within a network. */
  suggestion: orNull(text),
  /** How many addresses it holds, as a whole number in digits; of a domain, those it leads to now. */
  addresses: orNull(text),
  first: orNull(text),
  last: orNull(text),
  /** More than most people mean. */
  isLarge: z.boolean(),
  overlaps: list(
    z.strictObject({ id: text, name: text, value: text, relation: z.enum(['holds this', 'inside this', 'overlaps']) }),
  ),
  yourAddress: orNull(text),
  holdsYou: z.boolean(),
  /** Bans that would end, and the first of them. */
  freedBans: z.number(),
  freed: list(text),
  /** Extensions whose phones are registered from there: not limited, if the entry exempts. Null: nobody could be asked. */
  exemptExtensions: orNull(list(text)),
  /** Of a domain. */
  resolved: orNull(z.strictObject({ addresses: list(text), problem: orNull(text) })),
});
export type AllowPreview = z.output<typeof preview>;

const MANY_ADDRESSES = 65_536n;
const MOST_SHOWN = 20;
const MOST_EXTENSIONS = 1000;

export function allowlistPreviewRoutes(
  app: Api,
  deps: {
    readonly allowlist: Pick<AllowlistStore, 'current'>;
    readonly bans: Pick<BanList, 'overlapping'>;
    readonly domains: Pick<DomainWatch, 'peek'>;
    readonly phones: Defence['phones'];
  },
): void {
  app.post(
    '/api/v1/allowlist/preview',
    {
      schema: {
        summary: 'What an entry of the allowlist would hold and change',
        body: z.strictObject({
          value: entryDraftSchema.shape.value,
          mask: entryDraftSchema.shape.mask,
          type: entryDraftSchema.shape.type,
          /** The entry that is edited; it does not overlap itself. */
          id: z.string().max(64).optional(),
        }),
        response: { 200: preview },
      },
    },
    async (request) => {
      const { id, ...draft } = request.body;
      const yourAddress = callerOf(request).address ?? null;
      const read = readValue(draft);
      if ('problem' in read) return { ...NOTHING, yourAddress, problem: read.problem, suggestion: suggestionOf(draft) };
      const { type, value } = read;
      const range = rangeOfEntry(read);
      const resolved = type === 'domain' ? await deps.domains.peek(value) : undefined;
      const ranges = range === undefined ? rangesOf(resolved?.addresses ?? []) : [range];
      const inside = (text: string): boolean => {
        const one = readRange(text);
        return 'range' in one && ranges.some((each) => contains(each, one.range));
      };
      const freed = ranges
        .flatMap((each) => deps.bans.overlapping(each))
        .map(({ address }) => address)
        .filter(inside);
      const phones = await deps.phones().catch(() => undefined);
      const exempt = phones?.filter(({ address }) => inside(address)).map(({ extension }) => extension);
      const [count, first, last] = range === undefined ? [] : [countOf(range), range.first, range.last];
      return {
        problem: null,
        type,
        value,
        mask: range !== undefined && type === 'address' ? subnetMask(range) : null,
        suggestion: null,
        addresses: String(count ?? ranges.length),
        first:
          range === undefined || first === undefined ? null : formatAddress({ family: range.family, value: first }),
        last: range === undefined || last === undefined ? null : formatAddress({ family: range.family, value: last }),
        isLarge: count !== undefined && count >= MANY_ADDRESSES,
        overlaps: deps.allowlist
          .current()
          .document.entries.filter((entry) => entry.id !== id)
          .flatMap((entry) => relation(entry, ranges))
          .slice(0, MOST_SHOWN),
        yourAddress,
        holdsYou: yourAddress !== null && inside(yourAddress),
        freedBans: freed.length,
        freed: freed.slice(0, MOST_SHOWN),
        exemptExtensions: exempt === undefined ? null : [...new Set(exempt)].slice(0, MOST_EXTENSIONS),
        resolved: resolved ?? null,
      };
    },
  );
}

const NOTHING = {
  ...{ type: null, value: null, mask: null, addresses: null, first: null, last: null, isLarge: false, overlaps: [] },
  ...{ holdsYou: false, freedBans: 0, freed: [], exemptExtensions: null, resolved: null },
};

const rangesOf = (addresses: readonly string[]): readonly AddressRange[] =>
  addresses.flatMap((text) => {
    const read = readRange(text);
    return 'range' in read ? [read.range] : [];
  });

/** `203.0.113.9/24` → `203.0.113.0/24`. */
function suggestionOf({ value }: { readonly value: string }): string | null {
  const [, host = '', bits = ''] = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(value.trim()) ?? [];
  const address = readAddress(host);
  if (address === undefined || Number(bits) > (address.family === 4 ? 32 : 128)) return null;
  return formatNetwork(networkAround(address, Number(bits)));
}

function relation(entry: AllowEntry, ranges: readonly AddressRange[]) {
  const other = rangeOfEntry(entry);
  const touched = other === undefined ? undefined : ranges.find((each) => overlaps(each, other));
  if (other === undefined || touched === undefined) return [];
  const how = contains(other, touched) ? 'holds this' : contains(touched, other) ? 'inside this' : 'overlaps';
  return [{ id: entry.id, name: entry.name, value: entry.value, relation: how } as const];
}
