/**
 * First step of the ladder, A: what can be taken back takes effect at once, and is offered back for ten seconds, by button
 * or Ctrl Z. Messages never take the focus.
 */
import { Button, CloseButton } from '@mantine/core';
import { type ReactNode, useEffect, useSyncExternalStore } from 'react';
import { announce } from '../frame/announcer.tsx';
import { useKeys } from '../frame/keys.tsx';
import { partTexts } from '../texts/frame.ts';

interface Notice {
  readonly id: number;
  readonly text: string;
  readonly isProblem: boolean;
  readonly undo: (() => Promise<unknown>) | undefined;
}

const SHOWN_MS = 10_000;
const MOST = 3;
let notices: readonly Notice[] = [];
let nextId = 1;
const listeners = new Set<() => void>();
const set = (after: readonly Notice[]): void => {
  notices = after.slice(-MOST);
  for (const listener of listeners) listener();
};
const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};
const drop = (id: number): void => set(notices.filter((each) => each.id !== id));

/** Says what was done. @param undo takes it back, where that can be done */
export function say(text: string, undo?: () => Promise<unknown>): void {
  set([...notices, { id: nextId++, text, isProblem: false, undo }]);
  announce(text);
}

/** Says that something was not done, and stays until it is closed. */
export function sayProblem(text: string): void {
  set([...notices, { id: nextId++, text, isProblem: true, undo: undefined }]);
  announce(text, 'assertive');
}

async function takeBack({ id, undo }: Notice): Promise<void> {
  drop(id);
  try {
    await undo?.();
    say(partTexts.undone);
  } catch (error) {
    sayProblem(partTexts.undoFailed(error instanceof Error ? error.message : String(error)));
  }
}

export function Notices(): ReactNode {
  const shown = useSyncExternalStore(subscribe, () => notices);
  const last = shown.findLast(({ undo }) => undo !== undefined);
  useKeys(
    [{ keys: 'mod+z', says: partTexts.undo, run: () => void (last !== undefined && takeBack(last)) }],
    last !== undefined,
  );
  return (
    <section className="notices" aria-label={partTexts.notices}>
      <ul>
        {shown.map((notice) => (
          <OneNotice key={notice.id} notice={notice} />
        ))}
      </ul>
    </section>
  );
}

function OneNotice({ notice }: { readonly notice: Notice }): ReactNode {
  const { id, isProblem } = notice;
  useEffect(() => {
    if (isProblem) return;
    const timer = setTimeout(() => drop(id), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [id, isProblem]);
  return (
    <li className="notice" data-problem={isProblem || undefined}>
      <span>{notice.text}</span>
      {notice.undo !== undefined && (
        <Button size="compact-sm" onClick={() => void takeBack(notice)}>
          {partTexts.undo}
        </Button>
      )}
      <CloseButton aria-label={partTexts.close} onClick={() => drop(id)} />
    </li>
  );
}
