/**
 * A change that may have cut somebody off and waits to be kept: how it is kept from a browser, and whether the one who looks
 * would be believed if he kept it.
 *
 * A browser cannot be told to open a new connection. It has a few, each older than the change; the daemon closes each that
 * asks, so that the next question comes over another one, until it is one that is new.
 */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect } from 'react';
import type { FirewallReport, PendingReport, Reach } from '../../api/firewall-routes.ts';
import { ApiError, api } from '../api/client.ts';
import { useRefresh } from '../api/queries.ts';

export type PendingChange = NonNullable<FirewallReport['pending']>;

/** Where a change of each kind is made. */
export const SECTION_OF: Readonly<Record<PendingReport['what'], string>> = {
  portal: '/settings/portal',
  isolation: '/settings/isolate',
  packetProtection: '/settings/ddos',
  adminAccess: '/settings/admin-access',
};

const MOST_CONNECTIONS = 8;

/** Takes over what a change answered: whoever has just been cut off could not ask again. */
export function useFirewallAnswer(): (answer: FirewallReport) => void {
  const queries = useQueryClient();
  return useCallback(
    (answer) => {
      queries.setQueryData(['firewall', 'firewall'], answer);
      void queries.invalidateQueries({ queryKey: ['settings'] });
    },
    [queries],
  );
}

export const putBack = (): Promise<FirewallReport> => api('POST', 'firewall/undo');

/** @throws {ApiError} */
export async function keepChange(): Promise<FirewallReport> {
  for (let left = MOST_CONNECTIONS; ; left--) {
    try {
      return await api<FirewallReport>('POST', 'firewall/confirm', { timeoutMs: ANSWERS_WITHIN_MS });
    } catch (error) {
      if (left === 0 || !(error instanceof ApiError) || error.status !== 409) throw error;
    }
  }
}

const ANSWERS_WITHIN_MS = 4000;
const ASK_AGAIN_MS = 1000;

export type Reached =
  /** Only connections so far that are older than the change, or it is not in the kernel yet. */
  | { readonly word: 'trying' }
  | { readonly word: 'reached'; readonly address: string | null; readonly at: string }
  | { readonly word: 'lost' };

/** Tries new connections for as long as the change waits. */
export function useReached(pending: PendingChange): Reached {
  const refresh = useRefresh();
  const { data, isError } = useQuery({
    queryKey: ['reach', pending.madeAt],
    queryFn: ({ signal }) => api<Reach>('GET', 'firewall/reach', { signal, timeoutMs: ANSWERS_WITHIN_MS }),
    refetchInterval: ASK_AGAIN_MS,
    retry: false,
    gcTime: 0,
  });
  const isOver = data?.isNew === null;
  useEffect(() => {
    if (isOver && data !== undefined) void refresh('firewall', 'settings');
  }, [isOver, data, refresh]);
  if (isError) return { word: 'lost' };
  if (data?.isNew === true) return { word: 'reached', address: data.address, at: data.at };
  return { word: 'trying' };
}
