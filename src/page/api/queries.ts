/**
 * What the page has fetched, and when it is fetched again.
 *
 * Everything is kept under the noun it begins with: `['approvals', 'approvals?state=open']`. An event of the live stream
 * makes the nouns it touches old; whatever of them is on the screen is then fetched anew, at most once a second.
 */
import {
  keepPreviousData,
  QueryClient,
  type UseInfiniteQueryResult,
  type UseQueryResult,
  useInfiniteQuery,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { useCallback, useMemo } from 'react';
import { ApiError, api, type Received, receive, withQuery } from './client.ts';

/** First part of a path of the API. */
export const nounOf = (path: string): string => /^[a-z-]+/.exec(path)?.[0] ?? path;

export const createQueries = (): QueryClient =>
  new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 30_000,
        gcTime: 5 * 60_000,
        // A refusal stays one; what does not answer is asked again for about ten seconds.
        retry: (count, error) => count < 4 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
        retryDelay: (count) => Math.min(4000, 400 * 2 ** count),
        refetchOnWindowFocus: true,
      },
    },
  });

/** @param path below `/api/v1/`; undefined: nothing is fetched */
export function useApi<T>(
  path: string | undefined,
  options: { readonly everyMs?: number; readonly keepsOld?: boolean } = {},
): UseQueryResult<T, Error> {
  return useQuery<T, Error>({
    queryKey: [nounOf(path ?? ''), path],
    queryFn: ({ signal }) => api<T>('GET', path ?? '', { signal }),
    enabled: path !== undefined,
    ...(options.everyMs === undefined ? {} : { refetchInterval: options.everyMs }),
    ...(options.keepsOld === true ? { placeholderData: keepPreviousData } : {}),
  });
}

export interface Pages<Row> {
  readonly rows: readonly Row[];
  readonly isLoading: boolean;
  /** Old rows are shown while newer ones come. */
  readonly isRefreshing: boolean;
  readonly error: Error | null;
  readonly retry: () => void;
  readonly more: { readonly isThere: boolean; readonly isLoading: boolean; readonly load: () => void };
}

/** As {@link useApi}, with the tag that a change of it sends as `ifMatch`. */
export function useTagged<T>(path: string | undefined): UseQueryResult<Received<T>, Error> {
  return useQuery<Received<T>, Error>({
    queryKey: [nounOf(path ?? ''), 'tagged', path],
    queryFn: ({ signal }) => receive<T>('GET', path ?? '', { signal }),
    enabled: path !== undefined,
  });
}

/**
 * A list of the API, page by page.
 *
 * @param read takes the rows out of an answer, and the next cursor where it is in there and not in a `Link`; has to be the
 *   same function each time
 */
export function usePages<Answer, Row>(
  path: string,
  query: Readonly<Record<string, string | number | boolean | undefined>>,
  read: (answer: Answer) => { readonly rows: readonly Row[]; readonly cursor?: string | null | undefined },
): Pages<Row> {
  const found = useInfiniteQuery({
    queryKey: [nounOf(path), path, query],
    queryFn: ({ pageParam, signal }) =>
      receive<Answer>('GET', withQuery(path, { ...query, cursor: pageParam }), { signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => read(last.body).cursor ?? last.cursor,
    placeholderData: keepPreviousData,
  });
  const rows = useMemo(() => (found.data?.pages ?? []).flatMap((page) => read(page.body).rows), [found.data, read]);
  return { rows, ...stateOf(found) };
}

/** What a list shows of a query that is read in pieces, beside its rows. */
export const stateOf = (found: UseInfiniteQueryResult): Omit<Pages<never>, 'rows'> => ({
  isLoading: found.isPending,
  isRefreshing: found.isFetching && !found.isFetchingNextPage && !found.isPending,
  error: found.error,
  retry: () => void found.refetch(),
  more: {
    isThere: found.hasNextPage,
    isLoading: found.isFetchingNextPage,
    load: () => void found.fetchNextPage(),
  },
});

/** Makes everything under these nouns old, after something was changed. */
export function useRefresh(): (...nouns: readonly string[]) => Promise<void> {
  const queries = useQueryClient();
  return useCallback(
    async (...nouns) => {
      await Promise.all(nouns.map((noun) => queries.invalidateQueries({ queryKey: [noun] })));
    },
    [queries],
  );
}

/** Which nouns an event of the stream makes old. */
export const TOUCHED: Readonly<Record<string, readonly string[]>> = {
  call: ['calls', 'dashboard'],
  approval: ['approvals', 'grants', 'dashboard'],
  ban: ['bans', 'firewall', 'dashboard'],
  alert: ['alerts', 'dashboard'],
  rule: ['rules', 'policy', 'groups', 'extensions', 'trunks', 'schedules', 'destinations', 'doctor', 'dashboard'],
  health: ['status', 'dashboard'],
  firewall: ['firewall', 'settings'],
  allowlist: ['allowlist', 'me'],
  settings: ['settings'],
  lock: ['extensions'],
};
