/**
 * What stands in place of a part that has nothing to show: loading, failed, empty, not allowed, not there.
 *
 * A part that fails says so alone; the rest of the screen works on.
 */
import { Button, Skeleton } from '@mantine/core';
import { type ReactNode, useEffect, useState } from 'react';
import { Link } from 'react-router';
import { ApiError } from '../api/client.ts';
import { useAccount } from '../api/session.tsx';
import { partTexts } from '../texts/frame.ts';
import { sentence } from './format.ts';

const SHOWN_AFTER_MS = 200;

/** Grey bars in the final layout, after 200 ms: what comes at once never flickers. */
export function Loading({ rows = 6, height = 20 }: { readonly rows?: number; readonly height?: number }): ReactNode {
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), SHOWN_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div className="loading" aria-busy="true" data-shown={isShown || undefined}>
      <span className="unseen">{partTexts.loading}</span>
      {isShown &&
        // biome-ignore lint/suspicious/noArrayIndexKey: bars that are all the same
        Array.from({ length: rows }, (_, index) => <Skeleton key={index} height={height} animate={false} />)}
    </div>
  );
}

/** What happened, why, the code, and a way to try again. */
export function Failed({ error, retry }: { readonly error: Error; readonly retry?: () => void }): ReactNode {
  if (error instanceof ApiError && error.code === 'FORBIDDEN') return <NoPermission detail={error.message} />;
  return (
    <div className="state" role="alert">
      <strong>{partTexts.failedTitle}</strong>
      <ErrorText error={error} />
      {retry !== undefined && <Button onClick={retry}>{partTexts.retry}</Button>}
    </div>
  );
}

/** The sentence of an error, with its code. */
export function ErrorText({ error }: { readonly error: Error }): ReactNode {
  return (
    <p className="error-text">
      {sentence(error.message)} {error instanceof ApiError && <code>{error.code}</code>}
    </p>
  );
}

export function Empty({ children, action }: { readonly children: ReactNode; readonly action?: ReactNode }): ReactNode {
  return (
    <div className="state">
      <p>{children}</p>
      {action}
    </div>
  );
}

export function NoPermission({ detail }: { readonly detail?: string }): ReactNode {
  const { roles } = useAccount();
  return (
    <div className="state">
      <strong>{partTexts.noPermission(roles)}</strong>
      <p>{partTexts.noPermissionHelp}</p>
      {detail !== undefined && <p className="muted">{sentence(detail)}</p>}
    </div>
  );
}

export function NotFound({ children = partTexts.notFound }: { readonly children?: ReactNode }): ReactNode {
  return (
    <div className="state">
      <p>{children}</p>
      <Button component={Link} to="/">
        {partTexts.toDashboard}
      </Button>
    </div>
  );
}

/** Somebody saved first (409, 412): what to do with what was typed. */
export function ChangedMeanwhile({
  error,
  onReload,
  onOverwrite,
  children,
}: {
  readonly error: ApiError;
  readonly onReload: () => void;
  /** Absent where it must not be. */
  readonly onOverwrite?: () => void;
  /** What differs. */
  readonly children?: ReactNode;
}): ReactNode {
  return (
    <div className="state left" role="alert">
      <strong>{partTexts.changedMeanwhile}</strong>
      <ErrorText error={error} />
      {children}
      <div className="row">
        <Button onClick={onReload}>{partTexts.reloadTheirs}</Button>
        {onOverwrite !== undefined && (
          <Button color="danger" onClick={onOverwrite}>
            {partTexts.overwrite}
          </Button>
        )}
      </div>
    </div>
  );
}

/** One answer of the API on the screen: its states, and what it shows when it is there. */
export function Shown<T>({
  found,
  children,
  rows,
}: {
  readonly found: {
    readonly data: T | undefined;
    readonly error: Error | null;
    readonly refetch: () => unknown;
  };
  readonly children: (data: T) => ReactNode;
  /** How many bars stand for it while it loads. */
  readonly rows?: number;
}): ReactNode {
  if (found.data !== undefined) return children(found.data);
  if (found.error !== null) return <Failed error={found.error} retry={() => void found.refetch()} />;
  return <Loading rows={rows} />;
}
