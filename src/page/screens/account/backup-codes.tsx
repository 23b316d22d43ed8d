/** Ten codes that are shown once: to be stored before anything goes on. */
import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { useAccount } from '../../api/session.tsx';
import { accountTexts as texts } from '../../texts/account.ts';
import { download } from './chance.ts';

export function BackupCodes({
  codes,
  onStored,
}: {
  readonly codes: readonly string[];
  readonly onStored: () => void;
}): ReactNode {
  const { user } = useAccount();
  return (
    <div className="stack">
      <div>
        <strong>{texts.codes}</strong>
        <p>{texts.codesHelp}</p>
      </div>
      <ol className="backup-codes mono">
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ol>
      <div className="row">
        <Button onClick={() => download('tollgate-backup-codes.txt', [location.origin, user, ...codes, ''].join('\n'))}>
          {texts.download}
        </Button>
        <Button variant="filled" onClick={onStored}>
          {texts.stored}
        </Button>
      </div>
    </div>
  );
}
