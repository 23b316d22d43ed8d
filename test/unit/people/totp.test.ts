import { Secret } from 'otpauth';
import { describe, expect, it } from 'vitest';
import {
  backupCodeHash,
  isTotpCode,
  newBackupCodes,
  newTotpSecret,
  stepOf,
  totpUri,
} from '../../../src/people/totp.ts';

/** RFC 6238 appendix B, SHA-1: the last six of the eight digits there. */
const RFC_SECRET = Secret.fromLatin1('12345678901234567890').base32;
const VECTORS: readonly (readonly [seconds: number, code: string])[] = [
  [59, '287082'],
  [1_111_111_109, '081804'],
  [1_111_111_111, '050471'],
  [1_234_567_890, '005924'],
  [2_000_000_000, '279037'],
  [20_000_000_000, '353130'],
];

describe('a one-time code', () => {
  it('is that of RFC 6238, in the step that the time is in', () => {
    for (const [seconds, code] of VECTORS)
      expect([seconds, stepOf(RFC_SECRET, code, seconds * 1000)]).toEqual([seconds, Math.floor(seconds / 30)]);
  });

  it('counts one step to either side and no further, and says of which step it is', () => {
    const [at, step] = [1_111_111_109_000, 37_037_036];
    const steps = [-2, -1, 0, 1, 2].map((off) => stepOf(RFC_SECRET, '081804', at + off * 30_000));
    expect(steps).toEqual([undefined, step, step, step, undefined]);
  });

  it('is six digits and nothing else', () => {
    for (const text of ['28708', '2870820', '28708a', '', ' 287082', '２８７０８２'])
      expect(isTotpCode(text)).toBe(false);
    for (const text of ['28708', '2870820', '', 'abcdef']) expect(stepOf(RFC_SECRET, text, 59_000)).toBeUndefined();
  });

  it('comes of 160 bits that are never the same, and an address that apps read', () => {
    const secrets = new Set(Array.from({ length: 50 }, newTotpSecret));
    expect(secrets.size).toBe(50);
    for (const secret of secrets) expect(secret).toMatch(/^[A-Z2-7]{32}$/);
    const uri = new URL(totpUri(RFC_SECRET, 'anna'));
    expect(uri.protocol).toBe('otpauth:');
    expect(Object.fromEntries(uri.searchParams)).toMatchObject({
      secret: RFC_SECRET,
      issuer: 'Tollgate',
      digits: '6',
      period: '30',
    });
  });
});

describe('backup codes', () => {
  it('are ten of 80 bits each, kept as hashes that no typing changes', () => {
    const { codes, hashes } = newBackupCodes();
    expect(new Set(codes).size).toBe(10);
    for (const code of codes) expect(code).toMatch(/^[a-z2-7]{4}(-[a-z2-7]{4}){3}$/);
    expect(codes.map((code) => backupCodeHash(` ${code.toUpperCase().replaceAll('-', '')}`))).toEqual(hashes);
    expect(hashes.some((hash) => codes.some((code) => hash.includes(code)))).toBe(false);
  });
});
