/** What is kept for how long, and how all of it is taken to another machine. */
import type { ReactNode } from 'react';
import { Copyable } from '../../parts/copy-button.tsx';
import { settingsTexts } from '../../texts/settings.ts';

export function RetentionSection(): ReactNode {
  const texts = settingsTexts.retention;
  return (
    <div className="stack">
      <p>{texts.text}</p>
      <p>{texts.calls}</p>
      <p>{texts.backup}</p>
      <Copyable text="tollgate backup tollgate.jsonl" label={texts.backup} />
      <p>{texts.restore}</p>
      <Copyable text="tollgate restore tollgate.jsonl" label={texts.restore} />
    </div>
  );
}
