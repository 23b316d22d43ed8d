/** How far apart two colours are to the eye (WCAG 2.2, "contrast ratio" and "relative luminance"). Pure. */

export const COLOUR = /^#[0-9a-fA-F]{6}$/;

/** @param colour `#3b7268` @returns 0 for black to 1 for white */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = channels(colour).map((each) => {
    const part = each / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

const channels = (colour: string): readonly number[] =>
  [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));

/** From 1 to 21. */
export function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** The colour, made lighter until it stands out from a dark page; as little as it takes. */
export function lightened(colour: string, page: string, least: number): string {
  for (let step = 0; step <= 20; step++) {
    const mixed = channels(colour).map((each) => Math.round(each + ((255 - each) * step) / 20));
    const text = `#${mixed.map((each) => each.toString(16).padStart(2, '0')).join('')}`;
    if (contrast(text, page) >= least) return text;
  }
  return '#ffffff';
}
