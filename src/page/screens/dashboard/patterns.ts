/**
 * Inks of charts, from the style sheet, and what tells them apart without colour: solid, hatched two ways, dotted. And how
 * what is not known, or not over, is drawn.
 */
import type uPlot from 'uplot';

export type Ink = 'allow' | 'alert' | 'wait' | 'hold' | 'block' | 'text';

export const inkOf = (name: Ink | 'muted' | 'hairline' | 'panel' | 'page'): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** As series of a chart take it. */
export function fillOf(ink: Ink): { readonly stroke: string; readonly fill: string | CanvasPattern } {
  const stroke = inkOf(ink);
  switch (ink) {
    case 'allow':
      return { stroke, fill: inkOf('page') };
    case 'block':
    case 'text':
      return { stroke, fill: stroke };
    case 'hold':
      return { stroke, fill: patternOf(stroke, (pen) => line(pen, [0, 8], [8, 0])) };
    case 'wait':
      return { stroke, fill: patternOf(stroke, (pen) => line(pen, [0, 2], [8, 2], [0, 6], [8, 6])) };
    case 'alert':
      return {
        stroke,
        fill: patternOf(stroke, (pen) => {
          pen.fillStyle = stroke;
          pen.fillRect(1, 1, 2, 2);
          pen.fillRect(5, 5, 2, 2);
        }),
      };
    default:
      return ink satisfies never;
  }
}

/** Seconds of one bar. */
const BAR = 60;

/** Hatches the bars between these places over the full height: whatever was there, nobody saw it. */
export function drawGap(plot: uPlot, gaps: readonly (readonly [from: number, to: number])[]): void {
  const { ctx, bbox, data } = plot;
  const [times] = data;
  ctx.save();
  for (const [from, to] of gaps) {
    const left = plot.valToPos(times[from] ?? 0, 'x', true);
    const right = Math.min(bbox.left + bbox.width, plot.valToPos((times[to] ?? 0) + BAR, 'x', true));
    ctx.fillStyle = patternOf(inkOf('hairline'), (pen) => line(pen, [0, 8], [8, 0]), inkOf('panel'));
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
  }
  ctx.restore();
}

/** Pales the last bar, and opens its right edge: it still fills. */
export function drawOpenEdge(plot: uPlot): void {
  const { ctx, bbox, data } = plot;
  const last = data[0].at(-1);
  if (last === undefined) return;
  const left = plot.valToPos(last, 'x', true);
  const right = Math.min(bbox.left + bbox.width, plot.valToPos(last + BAR, 'x', true));
  ctx.save();
  ctx.globalAlpha = 0.5;
  ctx.fillStyle = inkOf('panel');
  ctx.fillRect(left, bbox.top, right - left, bbox.height);
  ctx.globalAlpha = 1;
  ctx.strokeStyle = inkOf('muted');
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(left, bbox.top);
  ctx.lineTo(left, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

function patternOf(
  ink: string,
  draw: (pen: CanvasRenderingContext2D) => void,
  ground = inkOf('page'),
): string | CanvasPattern {
  const tile = document.createElement('canvas');
  [tile.width, tile.height] = [8, 8];
  const pen = tile.getContext('2d');
  if (pen === null) return ink;
  pen.fillStyle = ground;
  pen.fillRect(0, 0, 8, 8);
  pen.strokeStyle = ink;
  pen.lineWidth = 1.5;
  draw(pen);
  return pen.createPattern(tile, 'repeat') ?? ink;
}

/** Pairs of ends. */
function line(pen: CanvasRenderingContext2D, ...ends: readonly (readonly [number, number])[]): void {
  pen.beginPath();
  ends.forEach(([x, y], index) => {
    if (index % 2 === 0) pen.moveTo(x, y);
    else pen.lineTo(x, y);
  });
  pen.stroke();
}
