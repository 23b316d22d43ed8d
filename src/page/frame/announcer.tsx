/**
 * What screen readers are told without being asked: one polite and one assertive region, there from the first paint on,
 * because a region that appears together with its text is not read.
 */
import { type ReactNode, useSyncExternalStore } from 'react';

export type Urgency = 'polite' | 'assertive';

let spoken: Readonly<Record<Urgency, string>> = { polite: '', assertive: '' };
const listeners = new Set<() => void>();
const set = (urgency: Urgency, text: string): void => {
  spoken = { ...spoken, [urgency]: text };
  for (const listener of listeners) listener();
};

/** Says it once; the same text again is said again. */
export function announce(text: string, urgency: Urgency = 'polite'): void {
  set(urgency, '');
  setTimeout(() => set(urgency, text), 50);
}

const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export function Announcer(): ReactNode {
  const { polite, assertive } = useSyncExternalStore(subscribe, () => spoken);
  return (
    <div className="unseen">
      <div aria-live="polite" data-region="polite">
        {polite}
      </div>
      <div aria-live="assertive" data-region="assertive">
        {assertive}
      </div>
    </div>
  );
}
