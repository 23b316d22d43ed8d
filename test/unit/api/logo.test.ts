import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type LogoType, problemOfLogo } from '../../../src/api/logo.ts';
import { contrast, lightened } from '../../../src/policy/contrast.ts';
import { settingsSchema } from '../../../src/policy/settings.ts';

function png(width: number, height: number): Buffer {
  const part = (name: string, data: Buffer): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    return Buffer.concat([length, Buffer.from(name, 'latin1'), data, Buffer.alloc(4)]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  const begins = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    begins,
    part('IHDR', header),
    part('IDAT', deflateSync(Buffer.alloc(8))),
    part('IEND', Buffer.alloc(0)),
  ]);
}
const svg = (inside: string, root = ''): Buffer =>
  Buffer.from(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"${root}>${inside}</svg>`);
const problem = (type: LogoType, file: Uint8Array): string => problemOfLogo(type, file) ?? '';

describe('a logo', () => {
  test('may be a PNG that is whole and no larger than a screen', () => {
    expect(problem('image/png', png(64, 64))).toBe('');
    expect(problem('image/png', png(4096, 10))).toContain('4096');
    expect(problem('image/png', png(64, 64).subarray(0, -6))).toContain('cut off');
    expect(problem('image/png', Buffer.concat([png(64, 64), Buffer.from('<script>')]))).toContain('behind its end');
    expect(problem('image/png', svg(''))).toContain('no PNG');
    expect(problem('image/png', Buffer.alloc(300_000))).toContain('larger');
  });

  test('may be an SVG that draws', () => {
    const drawing = '<defs><linearGradient id="a"><stop offset="0" stop-color="#fff"/></linearGradient></defs>';
    expect(
      problem('image/svg+xml', svg(`${drawing}<!-- ours --><path d="M0 0h9v9z" fill="url(#a)"/><use href="#a"/>`)),
    ).toBe('');
    expect(problem('image/svg+xml', svg("<text x='1'>Ours &amp; yours</text>"))).toBe('');
  });

  for (const [what, inside, root = ''] of [
    ['a script', '<script>alert(1)</script>'],
    ['a handler', '<path onload="alert(1)"/>'],
    ['a handler of the root', '', ' onload="alert(1)"'],
    ['a handler without quotes', '<path onload=alert(1) />'],
    ['a foreign object', '<foreignObject><body/></foreignObject>'],
    ['a picture from elsewhere', '<image href="https://example.com/x.png"/>'],
    ['a link', '<a href="javascript:alert(1)"><path/></a>'],
    ['a use of something else', '<use xlink:href="https://example.com/x.svg#a"/>'],
    ['a style that loads', '<path style="fill:url(https://example.com/x)"/>'],
    ['a sheet of styles', '<style>@import "x"</style>'],
    ['an animation of a link', '<animate attributeName="href" to="javascript:alert(1)"/>'],
    ['an entity', '<text>&x;</text>'],
    ['a hidden colon', '<use href="&#106;avascript:alert(1)"/>'],
    ['a section of characters', '<![CDATA[<script>]]>'],
    ['a name with a prefix', '<svg:script/>'],
  ] as const)
    test(`is refused as an SVG with ${what}`, () => {
      expect(problem('image/svg+xml', svg(inside, root))).not.toBe('');
    });

  test('is refused as an SVG with a document type, in another encoding, or not begun', () => {
    expect(
      problem('image/svg+xml', Buffer.concat([Buffer.from('<!DOCTYPE svg [<!ENTITY x "y">]>'), svg('')])),
    ).not.toBe('');
    expect(problem('image/svg+xml', Buffer.from([0xff, 0xfe, 0x3c, 0x00]))).toContain('UTF-8');
    expect(problem('image/svg+xml', Buffer.from('<g/>'))).toContain('no SVG');
    expect(problem('image/svg+xml', Buffer.from('text'))).toContain('no SVG');
  });
});

describe('a colour', () => {
  test('is refused where nobody would see it on a white page, and made lighter for a dark one', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21);
    const read = (colour: string) => settingsSchema.safeParse({ branding: { colour } }).success;
    expect([read('#0b5c8a'), read('#f7d060'), read('blue'), read('#0b5c8a;x')]).toEqual([true, false, false, false]);
    const light = lightened('#0b2c4a', '#14171c', 3);
    expect(contrast(light, '#14171c')).toBeGreaterThanOrEqual(3);
    expect(lightened('#ffffff', '#14171c', 3)).toBe('#ffffff');
  });
});
