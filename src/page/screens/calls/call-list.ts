/**
 * The list of Calls: what the journal holds, page by page, and on top of it what happens while somebody looks.
 *
 * New calls are kept back while they would move what somebody is looking at: the list is paused, scrolled, or has the
 * focus. They are painted four times a second at most.
 */
import { keepPreviousData, useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { type RefObject, useEffect, useEffectEvent, useMemo, useRef, useState } from 'react';
import type { CallsPage } from '../../../gate/journal.ts';
import { api, withQuery } from '../../api/client.ts';
import { useLiveEvents } from '../../api/live.tsx';
import { type Pages, stateOf } from '../../api/queries.ts';
import { type CallFilters, type CallRow, merged, passes, rowOf, rowOfEvent } from './call-rows.ts';

const PAGE = 100;
const READ_AGAIN_MS = 20_000;
const PAINT_EVERY_MS = 250;
const MOST_ARRIVED = 2000;

export interface CallList extends Pages<CallRow> {
  /** How many new calls are kept back. */
  readonly waiting: number;
  readonly showWaiting: () => void;
}

/** @param around the list, to see whether it is scrolled or has the focus */
export function useCallList(filters: CallFilters, isPaused: boolean, around: RefObject<HTMLElement | null>): CallList {
  const queries = useQueryClient();
  const key = JSON.stringify(filters);
  const found = useInfiniteQuery({
    // Not under "calls": each call would make all that was read old.
    queryKey: ['call-list', key],
    queryFn: ({ pageParam, signal }) =>
      api<CallsPage>('GET', withQuery('calls', { ...filters, limit: PAGE, cursor: pageParam }), { signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ cursor }) => cursor ?? undefined,
    placeholderData: keepPreviousData,
    staleTime: 0,
    refetchOnWindowFocus: false,
    // How calls ended is not told live. Who has read further back is not made to read all of it again.
    refetchInterval: ({ state }) => (state.data?.pages.length === 1 && !isPaused ? READ_AGAIN_MS : false),
  });
  const read = useMemo(() => (found.data?.pages ?? []).flatMap(({ calls }) => calls.map(rowOf)), [found.data]);

  const inbox = useRef<CallRow[]>([]);
  const [arrived, setArrived] = useState<{ readonly key: string; readonly rows: readonly CallRow[] }>({
    key,
    rows: [],
  });
  const [waiting, setWaiting] = useState(0);
  const shown = arrived.key === key ? arrived.rows : [];

  const take = useEffectEvent((): void => {
    const fresh = inbox.current.filter((row) => passes(row, filters));
    inbox.current = [];
    setWaiting(0);
    if (fresh.length > 0) setArrived({ key, rows: [...fresh.toReversed(), ...shown].slice(0, MOST_ARRIVED) });
  });
  const paint = useEffectEvent((): void => {
    if (inbox.current.length === 0 || document.hidden) return;
    if (isPaused || isLookedAt(around.current))
      setWaiting(inbox.current.reduce((count, row) => (passes(row, filters) ? count + 1 : count), 0));
    else take();
  });
  useEffect(() => {
    const timer = setInterval(() => paint(), PAINT_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  useLiveEvents(['call'], ({ type, data }) => {
    if (type === 'resync') {
      // A next page that somebody has just asked for must not be cancelled by it.
      void queries.invalidateQueries({ queryKey: ['call-list'] }, { cancelRefetch: false });
      return;
    }
    const row = rowOfEvent(data);
    if (row !== undefined) inbox.current = [...inbox.current.slice(1 - MOST_ARRIVED), row];
  });

  const rows = useMemo(() => merged(shown, read), [shown, read]);
  return {
    rows,
    ...stateOf(found),
    waiting,
    showWaiting: () => take(),
  };
}

const FAR_ENOUGH_PX = 60;

function isLookedAt(list: HTMLElement | null): boolean {
  if (list === null) return false;
  const scroller = list.querySelector('.table-scroller');
  return (
    scrollY > FAR_ENOUGH_PX ||
    (scroller?.scrollTop ?? 0) > 0 ||
    (document.activeElement !== list && list.contains(document.activeElement))
  );
}
