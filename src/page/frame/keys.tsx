/**
 * Keys of the page. Single letters work only outside of fields, and can be switched off (WCAG 2.1.4).
 *
 * A screen names its keys with {@link useKeys}; what was named last wins, so a drawer covers its screen. `?` lists all.
 */
import { useEffect, useEffectEvent } from 'react';
import { readDeviceChoice } from './device.ts';

export interface KeyBinding {
  /** `n`, `shift+x`, `Escape`, `mod+k` (Ctrl or ⌘), or a sequence `g d`. */
  readonly keys: string;
  /** For the list of keys. */
  readonly says: string;
  readonly run: () => void;
}

const layers: { readonly bindings: () => readonly KeyBinding[] }[] = [];
let first: { readonly key: string; readonly at: number } | undefined;
const SEQUENCE_MS = 1200;

export const KEYS_CHOICE = 'keys';

const isField = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.role === 'combobox') &&
  !(target instanceof HTMLInputElement && /^(?:checkbox|radio|button)$/.test(target.type));

function nameOf(event: KeyboardEvent): string {
  const mod = event.ctrlKey || event.metaKey ? 'mod+' : '';
  return mod + (event.key.length === 1 ? event.key.toLowerCase() : event.key);
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.altKey || event.isComposing) return;
  const name = nameOf(event);
  const isPlain = event.key.length === 1 && !name.startsWith('mod+');
  if (isPlain && (isField(event.target) || readDeviceChoice(KEYS_CHOICE) === 'off')) return;
  const isSecond = first !== undefined && event.timeStamp - first.at < SEQUENCE_MS;
  // With Shift only where somebody asks for that: signs such as `?` are typed with it.
  const shifted = isPlain && event.shiftKey ? [`shift+${name}`] : [];
  const sequence = isSecond && first !== undefined ? [`${first.key} ${name}`] : [];
  const wanted = [...sequence, ...shifted, name];
  first = isPlain ? { key: name, at: event.timeStamp } : undefined;
  for (const keys of wanted) {
    for (const layer of layers.toReversed()) {
      const found = layer.bindings().find((each) => each.keys === keys);
      if (found === undefined) continue;
      event.preventDefault();
      first = undefined;
      found.run();
      return;
    }
  }
}

/** Active while the component is there and `isActive`. */
export function useKeys(bindings: readonly KeyBinding[], isActive = true): void {
  const now = useEffectEvent(() => bindings);
  useEffect(() => {
    if (!isActive) return;
    const layer = { bindings: () => now() };
    if (layers.length === 0) addEventListener('keydown', onKeyDown);
    layers.push(layer);
    return () => {
      layers.splice(layers.indexOf(layer), 1);
      if (layers.length === 0) removeEventListener('keydown', onKeyDown);
    };
  }, [isActive]);
}

/** Of everything that is on the screen, what was named last first. */
export const activeKeys = (): readonly KeyBinding[] => {
  const seen = new Set<string>();
  return layers
    .toReversed()
    .flatMap((layer) => layer.bindings())
    .filter(({ keys }) => !seen.has(keys) && seen.add(keys));
};
