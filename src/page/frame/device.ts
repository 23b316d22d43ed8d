/**
 * What somebody chose for this device: kept in the browser, one small value per name. A browser that keeps nothing (private
 * windows, storage switched off) forgets it with the tab.
 */
import { useCallback, useSyncExternalStore } from 'react';

const PREFIX = 'tollgate:';
const unkept = new Map<string, string>();
const listeners = new Set<() => void>();

function read(name: string): string | null {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return unkept.get(name) ?? null;
  }
}
function write(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    unkept.set(name, value);
  }
  for (const listener of listeners) listener();
}
const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  addEventListener('storage', listener);
  return () => {
    listeners.delete(listener);
    removeEventListener('storage', listener);
  };
};

/** A choice and how to change it; the same in all tabs of the browser. */
export function useDeviceChoice(name: string, otherwise: string): readonly [string, (value: string) => void] {
  const value = useSyncExternalStore(subscribe, () => read(name) ?? otherwise);
  return [value, useCallback((chosen: string) => write(name, chosen), [name])];
}

export const readDeviceChoice = (name: string): string | null => read(name);
