/**
 * Who is logged in. Nothing of the page is shown without it; what it may show depends on the permissions.
 *
 * When a log-in ends while somebody works, the page stays as it is behind a log-in dialog, and what was typed is kept.
 */
import { useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import type { SessionReport } from '../../api/session-routes.ts';
import type { Permission } from '../../people/roles.ts';
import { ApiError, api, onSignedOut, setCsrfToken } from './client.ts';

/** `unknown`: not asked yet. `unreachable`: the daemon did not say. `ended`: was logged in until now. */
export type Standing = 'unknown' | 'unreachable' | 'none' | 'in' | 'ended';

interface SessionKeeper {
  readonly standing: Standing;
  readonly session: SessionReport | undefined;
  readonly may: (permission: Permission) => boolean;
  /** Takes what a log-in, or a change of one's own account, answered. */
  readonly take: (session: SessionReport) => void;
  readonly signOut: () => Promise<void>;
  readonly askAgain: () => void;
}

const Context = createContext<SessionKeeper | undefined>(undefined);

export function useSession(): SessionKeeper {
  const keeper = useContext(Context);
  if (keeper === undefined) throw new Error('outside of SessionProvider');
  return keeper;
}

/** For screens, which are shown to those alone who are logged in. */
export function useAccount(): SessionReport {
  const { session } = useSession();
  if (session === undefined) throw new Error('nobody is logged in');
  return session;
}

export function SessionProvider({ children }: { readonly children: ReactNode }): ReactNode {
  const queries = useQueryClient();
  const [standing, setStanding] = useState<Standing>('unknown');
  const [session, setSession] = useState<SessionReport>();

  const take = useCallback(
    (taken: SessionReport): void => {
      setCsrfToken(taken.csrfToken);
      setSession((before) => {
        // What one user has seen is not for the next one.
        if (before !== undefined && before.user !== taken.user) queries.clear();
        return taken;
      });
      setStanding('in');
      void queries.invalidateQueries();
    },
    [queries],
  );

  const ask = useCallback(async (): Promise<void> => {
    try {
      take(await api<SessionReport>('GET', 'session'));
    } catch (error) {
      const isNone = error instanceof ApiError && (error.status === 401 || error.status === 403);
      setStanding((before) => (before === 'in' || before === 'ended' ? before : isNone ? 'none' : 'unreachable'));
    }
  }, [take]);

  useEffect(() => {
    const stop = onSignedOut(() => setStanding((before) => (before === 'in' || before === 'ended' ? 'ended' : 'none')));
    void ask();
    return () => void stop();
  }, [ask]);

  const keeper = useMemo<SessionKeeper>(
    () => ({
      standing,
      session,
      may: (permission) => session?.permissions.includes(permission) ?? false,
      take,
      signOut: async () => {
        await api('DELETE', 'session').catch((error: unknown) => {
          // Already ended is as good.
          if (!(error instanceof ApiError) || error.status !== 401) throw error;
        });
        setCsrfToken('');
        queries.clear();
        setSession(undefined);
        setStanding('none');
      },
      askAgain: () => void ask(),
    }),
    [standing, session, take, ask, queries],
  );
  return <Context value={keeper}>{children}</Context>;
}
