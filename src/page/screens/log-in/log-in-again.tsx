/** A log-in ended while somebody worked: what is behind stays as it is, and so does what was typed. */
import type { ReactNode } from 'react';
import { Dialog } from '../../parts/dialog.tsx';
import { logInTexts } from '../../texts/log-in.ts';
import { LogInForm } from './log-in.tsx';

export function LogInAgain(): ReactNode {
  return (
    <Dialog title={logInTexts.title}>
      <div className="stack">
        <p>{logInTexts.again}</p>
        <LogInForm />
      </div>
    </Dialog>
  );
}
