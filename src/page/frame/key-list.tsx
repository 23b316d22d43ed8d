/** Every key that works on the screen, as it was when the list was asked for. */
import { Kbd } from '@mantine/core';
import type { ReactNode } from 'react';
import { Dialog } from '../parts/dialog.tsx';
import { frameTexts } from '../texts/frame.ts';
import { readDeviceChoice } from './device.ts';
import { KEYS_CHOICE, type KeyBinding } from './keys.tsx';

const written = (keys: string): string =>
  keys
    .replace('mod+', 'Ctrl ')
    .replace('shift+', 'Shift ')
    .toUpperCase()
    .replace('CTRL', 'Ctrl')
    .replace('SHIFT', 'Shift');

export function KeyList({
  keys,
  onClose,
}: {
  readonly keys: readonly KeyBinding[];
  readonly onClose: () => void;
}): ReactNode {
  return (
    <Dialog title={frameTexts.keysTitle} onClose={onClose}>
      {readDeviceChoice(KEYS_CHOICE) === 'off' && <p>{frameTexts.keysOff}</p>}
      <dl className="key-list">
        {keys.map(({ keys: each, says }) => (
          <div key={each}>
            <dt>
              <Kbd>{written(each)}</Kbd>
            </dt>
            <dd>{says}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
