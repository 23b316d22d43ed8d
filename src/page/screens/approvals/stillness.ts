/**
 * Whether the list may move, and whether a press is meant for what it hits.
 *
 * It does not move while a pointer is down, for 700 ms after a finger was, and while the focus is inside. A card that has
 * moved takes no press for 400 ms: the finger was already on its way to what stood there before.
 */
import { type RefObject, useCallback, useEffect, useRef } from 'react';

const AFTER_FINGER_MS = 700;
const AFTER_MOVE_MS = 400;
const LOOK_EVERY_MS = 100;

export function useStillness(list: RefObject<HTMLElement | null>): {
  readonly isFrozen: () => boolean;
  /** @param id of the card, whose element is `card-ID` */
  readonly mayPress: (id: string) => boolean;
} {
  const isDown = useRef(false);
  const fingerAt = useRef(Number.NEGATIVE_INFINITY);
  const places = useRef(new Map<string, { readonly top: number; readonly since: number }>());

  useEffect(() => {
    const onDown = (): void => {
      isDown.current = true;
    };
    const onUp = (event: PointerEvent): void => {
      isDown.current = false;
      if (event.pointerType === 'touch') fingerAt.current = performance.now();
    };
    const options = { capture: true, passive: true };
    addEventListener('pointerdown', onDown, options);
    addEventListener('pointerup', onUp, options);
    addEventListener('pointercancel', onUp, options);
    return () => {
      removeEventListener('pointerdown', onDown, options);
      removeEventListener('pointerup', onUp, options);
      removeEventListener('pointercancel', onUp, options);
    };
  }, []);

  const look = useCallback((): void => {
    const now = performance.now();
    const seen = new Map<string, { readonly top: number; readonly since: number }>();
    for (const card of list.current?.querySelectorAll<HTMLElement>('[id^="card-"]') ?? []) {
      const before = places.current.get(card.id);
      const { top } = card.getBoundingClientRect();
      const isSame = before !== undefined && Math.abs(before.top - top) < 2;
      // The first ones to be there were not put under any finger.
      const since = isSame ? before.since : places.current.size === 0 ? Number.NEGATIVE_INFINITY : now;
      seen.set(card.id, { top, since });
    }
    places.current = seen;
  }, [list]);
  // What is above the list moves it as well, and does not say so.
  useEffect(() => {
    look();
    const timer = setInterval(look, LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, [look]);

  const isFrozen = useCallback(
    () =>
      isDown.current ||
      performance.now() - fingerAt.current < AFTER_FINGER_MS ||
      list.current?.contains(document.activeElement) === true,
    [list],
  );
  const mayPress = useCallback(
    (id: string) => {
      look();
      const place = places.current.get(`card-${id}`);
      return place === undefined || performance.now() - place.since > AFTER_MOVE_MS;
    },
    [look],
  );
  return { isFrozen, mayPress };
}
