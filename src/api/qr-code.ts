/** A QR code as data that a page or a terminal draws: rows of `1` (dark) and `0`, with a quiet zone around. */
import { encode } from 'uqr';

export const qrRows = (text: string): readonly string[] =>
  encode(text, { ecc: 'M', border: 2 }).data.map((row) => row.map((dark) => (dark ? '1' : '0')).join(''));
