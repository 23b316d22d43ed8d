/** How rows and the drawer ask for something to be unblocked; the screen has the one dialog for it. */
import { createContext, useContext } from 'react';
import type { Wanted } from './unblock-dialog.tsx';

export const UnblockContext = createContext<((wanted: Wanted) => void) | undefined>(undefined);

export function useUnblock(): (wanted: Wanted) => void {
  const unblock = useContext(UnblockContext);
  if (unblock === undefined) throw new Error('outside of Blocked IPs');
  return unblock;
}
