/**
 * Time-based codes (RFC 6238) and backup codes, as sums: which step a code belongs to, what is shown to set one up.
 *
 * Six digits, SHA-1, 30 seconds: what every authenticator app takes. A code counts one step to either side, for clocks
 * that differ. That no step counts twice is second-factor.ts's business.
 */
import { createHash, randomBytes } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';

const PERIOD_SECONDS = 30;
const STEPS_TO_EITHER_SIDE = 1;
/** RFC 4226 section 4 recommends 160 bits. */
const SECRET_BYTES = 20;
const BACKUP_CODES = 10;
/** 80 bits, so that a plain hash keeps them. */
const BACKUP_CODE_BYTES = 10;

/** Base32. */
export const newTotpSecret = (): string => new Secret({ size: SECRET_BYTES }).base32;

const totpOf = (secret: string, label = ''): TOTP =>
  new TOTP({ secret: Secret.fromBase32(secret), issuer: 'Tollgate', label, period: PERIOD_SECONDS });

/** `otpauth://…`, what a QR code holds. */
export const totpUri = (secret: string, label: string): string => totpOf(secret, label).toString();

/** The step that a code belongs to; undefined where it is none of now. */
export function stepOf(secret: string, code: string, nowMs: number): number | undefined {
  const delta = totpOf(secret).validate({ token: code, timestamp: nowMs, window: STEPS_TO_EITHER_SIDE });
  return delta === null ? undefined : Math.floor(nowMs / 1000 / PERIOD_SECONDS) + delta;
}

/** After so long no step counts any more that counts now. */
export const STEP_LASTS_SECONDS = (2 * STEPS_TO_EITHER_SIDE + 2) * PERIOD_SECONDS;

export const isTotpCode = (text: string): boolean => /^\d{6}$/.test(text);

/** To be shown once, and their hashes to be kept. */
export function newBackupCodes(): { readonly codes: readonly string[]; readonly hashes: readonly string[] } {
  const codes = Array.from({ length: BACKUP_CODES }, () => {
    const text = new Secret({ buffer: new Uint8Array(randomBytes(BACKUP_CODE_BYTES)).buffer }).base32.toLowerCase();
    return text.replace(/(.{4})(?=.)/g, '$1-');
  });
  return { codes, hashes: codes.map(backupCodeHash) };
}

/** However it was typed. */
export const backupCodeHash = (code: string): string =>
  createHash('sha256').update(code.toLowerCase().replaceAll(/[\s-]/g, '')).digest('hex');
