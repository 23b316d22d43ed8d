/** Who I am to the daemon, from where it sees me, and the time and zone that it lives in. */
import type { UseQueryResult } from '@tanstack/react-query';
import { useEffect } from 'react';
import type { MeReport } from '../../api/me-routes.ts';
import { useApi } from './queries.ts';
import { noteServerTime } from './server-clock.ts';

export function useMe(): UseQueryResult<MeReport, Error> {
  const me = useApi<MeReport>('me');
  const { data } = me;
  useEffect(() => {
    // One from the cache says nothing of now.
    if (data !== undefined && me.isFetchedAfterMount && !me.isFetching) noteServerTime(data.serverTime);
  }, [data, me.isFetchedAfterMount, me.isFetching]);
  return me;
}
