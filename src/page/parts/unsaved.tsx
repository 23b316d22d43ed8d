/** Changes that are not saved: a bar that says how many, and a question before they are lost by leaving. */
import { Button } from '@mantine/core';
import { type ReactNode, useEffect } from 'react';
import { useBlocker } from 'react-router';
import { useKeys } from '../frame/keys.tsx';
import { partTexts } from '../texts/frame.ts';
import { Dialog } from './dialog.tsx';
import { ErrorText } from './states.tsx';
import { markUnsaved } from './unsaved-mark.ts';

/** Asks before leaving while `isDirty`: another screen of the page, another page, closing the tab. */
export function UnsavedGuard({ isDirty }: { readonly isDirty: boolean }): ReactNode {
  const blocker = useBlocker(
    ({ currentLocation, nextLocation }) => isDirty && currentLocation.pathname !== nextLocation.pathname,
  );
  useEffect(() => {
    if (!isDirty) return;
    const unmark = markUnsaved();
    const onLeave = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener('beforeunload', onLeave);
    return () => {
      unmark();
      removeEventListener('beforeunload', onLeave);
    };
  }, [isDirty]);
  if (blocker.state !== 'blocked') return null;
  return (
    <Dialog title={partTexts.leaveTitle} onClose={() => blocker.reset()}>
      <div className="stack">
        <p>{partTexts.leaveText}</p>
        <div className="row end">
          <Button color="danger" onClick={() => blocker.proceed()}>
            {partTexts.leave}
          </Button>
          <Button variant="filled" data-autofocus onClick={() => blocker.reset()}>
            {partTexts.stay}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

/** The bar of a form with changes; Ctrl S saves. Guards as {@link UnsavedGuard} does. */
export function UnsavedBar({
  changes,
  isSaving,
  error,
  onSave,
  onDiscard,
}: {
  readonly changes: number;
  readonly isSaving: boolean;
  readonly error?: Error | undefined;
  readonly onSave: () => void;
  readonly onDiscard: () => void;
}): ReactNode {
  useKeys([{ keys: 'mod+s', says: partTexts.save, run: onSave }], changes > 0);
  return (
    <>
      <UnsavedGuard isDirty={changes > 0} />
      {changes > 0 && (
        <div className="unsaved-bar">
          <div>
            <strong>{partTexts.unsaved(changes)}</strong>
            {error !== undefined && <ErrorText error={error} />}
          </div>
          <div className="row">
            <Button onClick={onDiscard}>{partTexts.discard}</Button>
            <Button variant="filled" loading={isSaving} onClick={onSave}>
              {partTexts.save}
            </Button>
          </div>
        </div>
      )}
    </>
  );
}
