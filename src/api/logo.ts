/**
 * A picture for the log-in page: a PNG whose parts are whole and which is not larger than a screen, or an SVG that draws
 * and does nothing else.
 *
 * An SVG is refused rather than cleaned: what is not known here (scripts, handlers, styles that load, foreign objects,
 * entities, links to anything but its own parts) may be known to a browser. It is served with a policy that lets it load
 * and run nothing in any case (branding-routes.ts). Pure.
 */

export const LARGEST_LOGO_BYTES = 200 * 1024;
export const LOGO_TYPES = ['image/png', 'image/svg+xml'] as const;
export type LogoType = (typeof LOGO_TYPES)[number];

const MOST_PIXELS_A_SIDE = 2048;
const PNG_BEGINS = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Why a file cannot be the logo; undefined where it can. */
export function problemOfLogo(type: LogoType, file: Uint8Array): string | undefined {
  if (file.length > LARGEST_LOGO_BYTES) return `is larger than ${LARGEST_LOGO_BYTES / 1024} kB`;
  switch (type) {
    case 'image/png':
      return problemOfPng(Buffer.from(file));
    case 'image/svg+xml':
      return problemOfSvg(file);
    default:
      return type satisfies never;
  }
}

/** PNG (ISO/IEC 15948): signature, then parts of length, name, data and checksum, from IHDR to IEND. */
function problemOfPng(file: Buffer): string | undefined {
  if (!file.subarray(0, 8).equals(PNG_BEGINS)) return 'is no PNG';
  let at = 8;
  let isFirst = true;
  while (at + 12 <= file.length) {
    const length = file.readUInt32BE(at);
    const name = file.toString('latin1', at + 4, at + 8);
    if (at + 12 + length > file.length) break;
    if (isFirst) {
      if (name !== 'IHDR' || length !== 13) return 'is no PNG';
      const [width, height] = [file.readUInt32BE(at + 8), file.readUInt32BE(at + 12)];
      if (width === 0 || height === 0 || Math.max(width, height) > MOST_PIXELS_A_SIDE)
        return `is ${width} × ${height} pixels; at most ${MOST_PIXELS_A_SIDE} a side`;
    }
    isFirst = false;
    at += 12 + length;
    if (name === 'IEND') return at === file.length ? undefined : 'has something behind its end';
  }
  return 'is cut off';
}

const ELEMENTS = new Set(
  'svg g path rect circle ellipse line polyline polygon text tspan title desc defs lineargradient radialgradient stop clippath mask use symbol'.split(
    ' ',
  ),
);
/** A declaration, a comment, a tag, or text between tags; nothing else. */
const PIECE =
  /<\?xml [^<>?]{0,200}\?>|<!--(?:(?!-->)[\s\S]){0,5000}-->|<(\/?)([A-Za-z][A-Za-z0-9]*)((?:[^<>"']|"[^"<]*"|'[^'<]*')*)>|[^<]+/y;
const ATTRIBUTE = /\s+([A-Za-z_][\w:.-]*)\s*=\s*(?:"([^"]*)"|'([^']*)')/y;

function problemOfSvg(file: Uint8Array): string | undefined {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(file);
  } catch {
    return 'is not UTF-8';
  }
  let hasRoot = false;
  for (let at = 0; at < text.length; ) {
    PIECE.lastIndex = at;
    const [piece, slash, name, attributes = ''] = PIECE.exec(text) ?? [];
    if (piece === undefined) return 'has something that is no part of a plain drawing';
    at += piece.length;
    if (name === undefined) {
      if (!piece.startsWith('<') && hasReference(piece)) return REFERENCES;
      continue;
    }
    if (!ELEMENTS.has(name.toLowerCase())) return `has the element ${name}, which a logo does not need`;
    if (!hasRoot && name !== 'svg') return 'is no SVG';
    hasRoot = true;
    const problem = slash === '/' ? undefined : problemOfAttributes(attributes.replace(/\/\s*$/, ''));
    if (problem !== undefined) return problem;
  }
  return hasRoot ? undefined : 'is no SVG';
}

const REFERENCES = 'has references to characters or entities; write the characters themselves';
const hasReference = (text: string): boolean => /&(?!(?:amp|lt|gt|quot|apos);)/.test(text);

function problemOfAttributes(text: string): string | undefined {
  for (let at = 0; at < text.trimEnd().length; ) {
    ATTRIBUTE.lastIndex = at;
    const [piece, name = '', double, single] = ATTRIBUTE.exec(text) ?? [];
    if (piece === undefined) return 'has an attribute that cannot be read';
    at += piece.length;
    const value = double ?? single ?? '';
    if (/^on/i.test(name)) return `has the handler ${name}`;
    if (hasReference(value)) return REFERENCES;
    if (/(?:^|:)href$/i.test(name) && !value.startsWith('#')) return `leads to something else by ${name}`;
    if (/(?:^|:)base$/i.test(name)) return `has ${name}`;
    const isName = /^xmlns(?::|$)/.test(name);
    if (!isName && /url\(\s*["']?(?!#)|@import|expression\(|javascript:|data:|\\/i.test(value))
      return `loads something by ${name}`;
  }
  return undefined;
}
