/**
 * Which calls a rule names: alternatives inside a key, all keys together.
 *
 * A key is one row of the table below: what the call has under it, and how that is said. A new key is a new row and its
 * field in document.ts.
 */
import type { CallAttempt, EpochMs } from './call.ts';
import { showName } from './call.ts';
import { numberSet } from './number-set.ts';

/** What rules look at beside the call itself. */
export interface MatchContext {
  readonly at: EpochMs;
  /** Groups that the extension is a member of. */
  readonly groups: readonly string[];
  /** What the extension is permitted. */
  readonly permissions: readonly string[];
}

interface ScopeKey {
  /** In words, for one of them. */
  readonly one: string;
  /** What the call has under this key; undefined where nobody knows. */
  readonly namesOf: (call: CallAttempt, context: MatchContext) => readonly string[] | undefined;
  /** What is outside, where the call has no fitting name. */
  readonly describe: (call: CallAttempt) => string;
}

const known = (name: string | undefined): readonly string[] | undefined => (name === undefined ? undefined : [name]);
const caller = (call: CallAttempt): string =>
  call.extension === undefined ? 'an unknown extension' : `extension ${showName(call.extension)}`;

export const SCOPE_KEYS = {
  extensions: { one: 'extension', namesOf: (call) => known(call.extension), describe: caller },
  groups: { one: 'group', namesOf: (_call, { groups }) => groups, describe: caller },
  trunks: {
    one: 'trunk',
    namesOf: (call) => known(call.trunk),
    describe: (call) => `trunk ${showName(call.trunk ?? '')}`,
  },
  destinations: {
    one: 'destination',
    namesOf: (call) => [...call.destination.classes],
    describe: ({ destination }) => `${showName(destination.number)} as ${[...destination.classes].join(' and ')}`,
  },
  campaigns: {
    one: 'campaign',
    namesOf: (call) => known(call.campaign),
    describe: (call) => `campaign ${showName(call.campaign ?? '')}`,
  },
  kinds: {
    one: 'kind',
    namesOf: (call) => known(call.dialler?.kind),
    describe: (call) => `a call of kind ${call.dialler?.kind ?? 'unknown'}`,
  },
  permissions: { one: 'permission', namesOf: (_call, { permissions }) => permissions, describe: caller },
} as const satisfies Readonly<Record<string, ScopeKey>>;

export type ScopeKeyName = keyof typeof SCOPE_KEYS;

/** One key of a rule's scope, compiled. */
export interface ScopePart {
  readonly key: ScopeKeyName;
  readonly wanted: readonly string[];
  readonly has: (name: string) => boolean;
  /** Beginnings of names, for `extensions`; otherwise the names themselves. No other name can be in it. */
  readonly foundUnder: Iterable<string>;
}

/** No parts: every call. */
export type Scope = readonly ScopePart[];

export function compileScope(
  appliesTo: 'all' | Readonly<Partial<Record<ScopeKeyName, readonly string[] | undefined>>>,
): Scope {
  if (appliesTo === 'all') return [];
  return (Object.keys(SCOPE_KEYS) as ScopeKeyName[]).flatMap((key): ScopePart[] => {
    const wanted = appliesTo[key];
    if (wanted === undefined) return [];
    // Extensions are written as numbers, ranges and patterns; everything else by its name.
    if (key === 'extensions') {
      const { has, prefixes } = numberSet(wanted);
      return [{ key, wanted, has, foundUnder: prefixes }];
    }
    const names = new Set(wanted);
    return [{ key, wanted, has: (name) => names.has(name), foundUnder: names }];
  });
}
