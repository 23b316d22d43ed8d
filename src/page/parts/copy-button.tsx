/** Copies a text. On plain HTTP browsers have no clipboard for pages: the text is selected instead, for Ctrl C. */
import { Button } from '@mantine/core';
import { IconCopy } from '@tabler/icons-react';
import { type ReactNode, useRef, useState } from 'react';
import { partTexts } from '../texts/frame.ts';

/** A text in a fixed-width box with a button beside it. */
export function Copyable({ text, label }: { readonly text: string; readonly label: string }): ReactNode {
  const box = useRef<HTMLElement>(null);
  const [said, setSaid] = useState<string>();
  const copy = async (): Promise<void> => {
    const { clipboard } = navigator as { readonly clipboard?: Clipboard };
    const isCopied = await (clipboard?.writeText(text) ?? Promise.reject(new Error('no clipboard'))).then(
      () => true,
      () => false,
    );
    if (!isCopied && box.current !== null) getSelection()?.selectAllChildren(box.current);
    setSaid(isCopied ? partTexts.copied : partTexts.selectAndCopy);
    setTimeout(() => setSaid(undefined), 4000);
  };
  return (
    <div className="copyable">
      <code ref={box}>{text}</code>
      <Button
        size="compact-sm"
        aria-label={`${partTexts.copy}: ${label}`}
        leftSection={<IconCopy size={16} stroke={1.75} />}
        onClick={() => void copy()}
      >
        <span aria-live="polite">{said ?? partTexts.copy}</span>
      </Button>
    </div>
  );
}
