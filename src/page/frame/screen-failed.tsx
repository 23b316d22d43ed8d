/** In place of a screen that threw, or whose files are no longer there because the daemon was updated. */
import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { useRouteError } from 'react-router';
import { ErrorText } from '../parts/states.tsx';
import { frameTexts, partTexts } from '../texts/frame.ts';

export function ScreenFailed(): ReactNode {
  const thrown = useRouteError();
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return (
    <div className="state" role="alert">
      <strong>{partTexts.failedTitle}</strong>
      <ErrorText error={error} />
      <Button variant="filled" onClick={() => location.reload()}>
        {frameTexts.reload}
      </Button>
    </div>
  );
}
