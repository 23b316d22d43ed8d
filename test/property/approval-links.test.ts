/** Tokens of signed links: what was signed is read back, and nothing else is read at all. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type LinkClaim, readToken, signToken } from '../../src/approvals/approval-links.ts';
import type { EpochMs } from '../../src/policy/call.ts';

const RUNS = { numRuns: 500 };
const base64url = (length: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes).toString('base64url'));
const secrets = base64url(32);
const claims: fc.Arbitrary<LinkClaim> = fc.record({
  approval: fc.stringMatching(/^[0-9a-f]{18}$/),
  person: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter(({ length }) => length <= 64),
  expiresAt: fc.nat({ max: 4_000_000_000_000 }).map((at) => at as EpochMs),
  nonce: base64url(12),
});

describe('a token', () => {
  test('says what was signed, whoever it names', () => {
    fc.assert(
      fc.property(secrets, claims, (secret, claim) => {
        expect(readToken(secret, signToken(secret, claim))).toEqual(claim);
      }),
      RUNS,
    );
  });

  test('never ends in a character that chat programs take for punctuation', () => {
    fc.assert(
      fc.property(secrets, claims, (secret, claim) => {
        expect(signToken(secret, claim)).toMatch(/[A-Za-z0-9]$/);
      }),
      RUNS,
    );
  });

  test('with any one bit flipped is none', () => {
    fc.assert(
      fc.property(secrets, claims, fc.nat(), fc.integer({ min: 0, max: 7 }), (secret, claim, at, bit) => {
        const bytes = Buffer.from(signToken(secret, claim));
        const index = at % bytes.length;
        bytes[index] = (bytes[index] ?? 0) ^ (1 << bit);
        expect(readToken(secret, bytes.toString('latin1'))).toBeUndefined();
      }),
      { numRuns: 2000 },
    );
  });

  test('with any one character exchanged is none, also where that stands for the same bytes', () => {
    fc.assert(
      fc.property(secrets, claims, fc.nat(), fc.stringMatching(/^[\w-]$/), (secret, claim, at, other) => {
        const token = signToken(secret, claim);
        const index = at % token.length;
        fc.pre(token[index] !== other);
        expect(readToken(secret, token.slice(0, index) + other + token.slice(index + 1))).toBeUndefined();
      }),
      { numRuns: 2000 },
    );
  });

  test('cut off or made longer is none', () => {
    fc.assert(
      fc.property(secrets, claims, fc.nat(), fc.string({ minLength: 1 }), (secret, claim, at, more) => {
        const token = signToken(secret, claim);
        expect(readToken(secret, token.slice(0, at % token.length))).toBeUndefined();
        expect(readToken(secret, token + more)).toBeUndefined();
        expect(readToken(secret, more + token)).toBeUndefined();
      }),
      RUNS,
    );
  });

  test('of another secret, or with the signature of another claim, is none', () => {
    fc.assert(
      fc.property(secrets, secrets, claims, claims, (secret, other, claim, otherClaim) => {
        const [payload] = signToken(secret, claim).split('.');
        const [otherPayload, otherSignature] = signToken(secret, otherClaim).split('.');
        fc.pre(secret !== other && payload !== otherPayload);
        expect(readToken(other, signToken(secret, claim))).toBeUndefined();
        expect(readToken(secret, `${payload}.${otherSignature}`)).toBeUndefined();
      }),
      RUNS,
    );
  });

  test('is none, and nothing is thrown, for any text', () => {
    fc.assert(
      fc.property(
        secrets,
        fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[\w-]{0,80}\.[\w-]{43}$/)),
        (secret, text) => {
          expect(readToken(secret, text)).toBeUndefined();
        },
      ),
      RUNS,
    );
  });
});
