import { useState } from 'react';

/** Runs something that may fail, once at a time; the error is kept for the screen. */
export function useAction(): {
  readonly isRunning: boolean;
  readonly error: Error | undefined;
  /** @returns whether it was done */
  readonly run: (action: () => Promise<unknown>) => Promise<boolean>;
  readonly forget: () => void;
} {
  const [isRunning, setRunning] = useState(false);
  const [error, setError] = useState<Error>();
  return {
    isRunning,
    error,
    run: async (action) => {
      setRunning(true);
      setError(undefined);
      try {
        await action();
        return true;
      } catch (thrown) {
        setError(thrown instanceof Error ? thrown : new Error(String(thrown)));
        return false;
      } finally {
        setRunning(false);
      }
    },
    forget: () => setError(undefined),
  };
}
