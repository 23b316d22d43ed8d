/**
 * A walk through a screen by the Tab key, as somebody without a mouse goes: where it stops, in which order, whether each stop
 * can be seen, and whether anything lies over it. For a test, and for a picture with the stops numbered.
 */
import type { Page } from 'playwright-core';

export interface Stop {
  /** Tag and name, for messages. */
  readonly what: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** It, or what stands for it, has an outline, a shadow or the border of the focus. */
  readonly isShown: boolean;
  /** Something else lies over all of it, or it is outside of the window. */
  readonly isCovered: boolean;
  /** It stands before the stop before it: in the document, or to the left of it in the same line. */
  readonly isBackwards: boolean;
}

const LOOK = `(() => {
  const at = document.activeElement;
  if (at === null || at === document.body || at === document.documentElement) return null;
  const main = document.querySelector('main');
  if (!main.contains(at)) return null;
  const focus = getComputedStyle(document.documentElement).getPropertyValue('--focus').trim();
  const probe = document.createElement('i');
  probe.style.color = focus;
  main.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  const shows = (element) => {
    const style = getComputedStyle(element);
    return (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 && style.opacity !== '0') ||
      (style.borderTopColor === colour && parseFloat(style.borderTopWidth) > 0);
  };
  const near = [at, at.nextElementSibling, at.previousElementSibling, at.parentElement, at.parentElement?.parentElement];
  // A box that is drawn stands for an input that is not.
  const drawn = getComputedStyle(at).opacity === '0' || at.offsetWidth < 4 ? at.closest('label') ?? at.parentElement : at;
  const { x, y, width, height } = drawn.getBoundingClientRect();
  const points = [[0.5, 0.5], [0.1, 0.1], [0.9, 0.1], [0.1, 0.9], [0.9, 0.9]].map(([a, b]) => [x + width * a, y + height * b]);
  const isHit = points.some(([left, top]) => {
    const hit = document.elementFromPoint(left, top);
    return hit !== null && (drawn.contains(hit) || hit.contains(drawn)) && hit !== document.documentElement;
  });
  const before = window.stoppedAt;
  const last = before?.isConnected ? before.getBoundingClientRect() : undefined;
  const isLeft = last !== undefined && Math.abs(last.y + last.height / 2 - y - height / 2) < 8 && x + width <= last.x;
  window.stoppedAt = at;
  const name = at.getAttribute('aria-label') ?? at.labels?.[0]?.textContent ?? at.textContent ?? '';
  return {
    what: at.tagName.toLowerCase() + ' ' + name.trim().slice(0, 40),
    x: Math.round(x), y: Math.round(y + scrollY), width: Math.round(width), height: Math.round(height),
    isShown: near.some((each) => each != null && shows(each)),
    isCovered: !isHit,
    isBackwards: isLeft || before != null && before.isConnected && main.contains(before) &&
      (before.compareDocumentPosition(at) & Node.DOCUMENT_POSITION_PRECEDING) !== 0 && !at.contains(before),
  };
})()`;

/** From the heading to the last stop of the screen. @param most where more is left out */
export async function walkByTab(page: Page, most: number): Promise<readonly Stop[]> {
  await page.evaluate("window.stoppedAt = null; document.querySelector('main h1').focus()");
  const stops: Stop[] = [];
  while (stops.length < most) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate<Stop | null>(LOOK);
    if (stop === null) break;
    stops.push(stop);
  }
  return stops;
}

/** Draws the numbers of the stops where they are. */
export const numberStops = (page: Page, stops: readonly Stop[]): Promise<unknown> =>
  page.evaluate(`for (const [at, { x, y }] of ${JSON.stringify(stops)}.entries()) {
    const mark = document.createElement('span');
    mark.textContent = String(at + 1);
    mark.style.cssText = 'position:absolute;z-index:9999;padding:0 4px;border-radius:8px;font:600 11px/16px sans-serif;' +
      'background:#0b5c8a;color:#fff;left:' + Math.max(0, x - 8) + 'px;top:' + (y - 8) + 'px';
    document.body.append(mark);
  }`);
