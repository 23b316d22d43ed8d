/** Inks of charts, from the style sheet, and what tells them apart without colour: solid, hatched two ways, dotted. */

export type Ink = 'allow' | 'alert' | 'wait' | 'hold' | 'block' | 'text';

export const inkOf = (name: Ink | 'muted' | 'hairline' | 'page'): string =>
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

function patternOf(ink: string, draw: (pen: CanvasRenderingContext2D) => void): string | CanvasPattern {
  const tile = document.createElement('canvas');
  [tile.width, tile.height] = [8, 8];
  const pen = tile.getContext('2d');
  if (pen === null) return ink;
  pen.fillStyle = inkOf('page');
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
