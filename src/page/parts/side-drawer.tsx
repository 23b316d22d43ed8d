/**
 * A drawer beside the list it belongs to: 480 px, the whole screen on a phone. It is a route of its own, so its address can be
 * sent; closing it goes back to the list with the same filters. Takes the focus and gives it back to what opened it.
 */
import type { ReactNode } from 'react';
import { useLocation, useNavigate } from 'react-router';
import { usePhone } from '../frame/phone.ts';
import { Dialog } from './dialog.tsx';

export function SideDrawer({
  title,
  closesTo,
  children,
}: {
  readonly title: ReactNode;
  /** Path of the list. */
  readonly closesTo: string;
  readonly children: ReactNode;
}): ReactNode {
  const navigate = useNavigate();
  const { search } = useLocation();
  const isPhone = usePhone();
  return (
    <Dialog
      at="right"
      size={isPhone ? '100%' : 480}
      title={title}
      onClose={() => void navigate({ pathname: closesTo, search }, { state: { keepsFocus: true } })}
    >
      {children}
    </Dialog>
  );
}

/** How a list opens a drawer: the address of the row with the filters of the list. */
export function useDrawerOpener(): (path: string) => void {
  const navigate = useNavigate();
  const { search } = useLocation();
  return (path) => void navigate({ pathname: path, search }, { state: { keepsFocus: true } });
}
