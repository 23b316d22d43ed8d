/**
 * A dialog over the page, in the middle of it or at an edge. It takes the focus, keeps it, and gives it back.
 *
 * The library's own puts a `header` landmark into each, of which a page may have one; and the words of its close button are
 * ours.
 */
import { CloseButton, Drawer, Modal } from '@mantine/core';
import type { ReactNode } from 'react';
import { partTexts } from '../texts/frame.ts';

export function Dialog({
  title,
  label,
  onClose,
  at = 'middle',
  size,
  children,
}: {
  readonly title?: ReactNode;
  /** Its name, where it shows no title; it has no close button then. */
  readonly label?: string;
  /** Absent: it cannot be closed without an answer. */
  readonly onClose?: () => void;
  readonly at?: 'middle' | 'top' | 'right' | 'bottom';
  readonly size?: string | number;
  readonly children: ReactNode;
}): ReactNode {
  const isEdge = at === 'right' || at === 'bottom';
  const Kind = isEdge ? Drawer : Modal;
  const place = isEdge ? { position: at } : at === 'top' ? { yOffset: '10vh' } : { centered: true };
  return (
    <Kind.Root
      opened
      onClose={() => onClose?.()}
      closeOnEscape={onClose !== undefined}
      closeOnClickOutside={onClose !== undefined}
      transitionProps={{ duration: isEdge ? 160 : 120 }}
      padding="lg"
      {...place}
      {...(size === undefined ? {} : { size })}
    >
      <Kind.Overlay backgroundOpacity={0.4} />
      <Kind.Content aria-label={label}>
        {title !== undefined && (
          <div className="dialog-head">
            <Kind.Title>{title}</Kind.Title>
            {onClose !== undefined && <CloseButton aria-label={partTexts.close} onClick={onClose} />}
          </div>
        )}
        <Kind.Body p={title === undefined ? 0 : undefined}>{children}</Kind.Body>
      </Kind.Content>
    </Kind.Root>
  );
}
