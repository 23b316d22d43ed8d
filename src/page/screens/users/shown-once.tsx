/** A secret that the daemon shows once: copied or downloaded, and gone when somebody says that he has it. */
import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { Copyable } from '../../parts/copy-button.tsx';
import { download } from '../account/chance.ts';

export function ShownOnce({
  says,
  label,
  secret,
  file,
  downloads,
  stored,
  onStored,
  children,
}: {
  readonly says: string;
  readonly label: string;
  readonly secret: string;
  readonly file: { readonly name: string; readonly text: string };
  readonly downloads: string;
  readonly stored: string;
  readonly onStored: () => void;
  readonly children?: ReactNode;
}): ReactNode {
  return (
    <div className="stack users-once">
      <p>{says}</p>
      <Copyable text={secret} label={label} />
      {children}
      <div className="row end">
        <Button onClick={() => download(file.name, file.text)}>{downloads}</Button>
        <Button variant="filled" onClick={onStored}>
          {stored}
        </Button>
      </div>
    </div>
  );
}
