/**
 * When a log-in ends because nobody did anything: by the requests of people, of all tabs of this browser, since what one
 * tab asks keeps the log-in of all.
 */
import { useEffect, useState } from 'react';
import { onUsed } from './client.ts';

const NAME = 'tollgate:used-at';

/** By the clock of this device. */
let usedAt = Date.now();

const note = (): void => {
  usedAt = Date.now();
  try {
    localStorage.setItem(NAME, String(usedAt));
  } catch {
    // Of this tab alone, then.
  }
};

onUsed(note);

const lastUse = (): number => {
  try {
    return Math.max(usedAt, Number(localStorage.getItem(NAME) ?? 0));
  } catch {
    return usedAt;
  }
};

/** Milliseconds until the log-in ends for want of use; looked at each second. */
export function useIdleLeft(idleSeconds: number): number {
  const [left, setLeft] = useState(idleSeconds * 1000);
  useEffect(() => {
    const look = (): void => setLeft(lastUse() + idleSeconds * 1000 - Date.now());
    look();
    const timer = setInterval(look, 1000);
    return () => clearInterval(timer);
  }, [idleSeconds]);
  return left;
}
