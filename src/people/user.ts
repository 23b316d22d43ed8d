/**
 * A user as the store keeps him, what of him others may see, and what his name and password must be. Pure.
 *
 * No password, TOTP code or backup code is in it: a password is kept as its Argon2id hash, a backup code as its SHA-256.
 * The TOTP secret has to be kept as it is; it never leaves this host but when it is set up.
 */
import { z } from 'zod';
import { formatProblem, problemsOf } from '../policy/problem.ts';
import { ROLES, type Role, rolesInOrder } from './roles.ts';

export const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,30}[a-z0-9])?$/;
export const EXTENSION = /^\d{1,15}$/;
export const MOST_USERS = 500;

const userSchema = z.strictObject({
  name: z.string().regex(NAME),
  roles: z.array(z.enum(ROLES)).min(1, { error: 'are missing; name at least one' }),
  enabled: z.boolean(),
  /** His own: somebody else decides about its calls. */
  extension: z.string().regex(EXTENSION).optional(),
  passwordHash: z.string().startsWith('$argon2id$'),
  passwordChangedAt: z.iso.datetime(),
  /** Base32, RFC 6238. */
  totp: z.strictObject({ secret: z.string(), since: z.iso.datetime() }).nullable(),
  /** Of those not used yet; SHA-256, hex. */
  backupCodes: z.array(z.string()),
  /** Raised by whatever ends all sessions of the user. */
  epoch: z.int(),
  createdAt: z.iso.datetime(),
  createdBy: z.string(),
});
const documentSchema = z.strictObject({ users: z.array(userSchema).max(MOST_USERS) });

type UserRecord = z.output<typeof userSchema>;
export type User = Readonly<Omit<UserRecord, 'backupCodes' | 'roles'>> & {
  readonly backupCodes: readonly string[];
  /** At least one; each once, in the order of the table of roles. */
  readonly roles: readonly Role[];
};
export interface UsersDocument {
  readonly users: readonly User[];
}

export const NO_USERS: UsersDocument = { users: [] };

/** Never throws. */
export function readUsers(value: unknown): UsersDocument | { readonly problem: string } {
  const parsed = documentSchema.safeParse(withRoles(value));
  if (parsed.success) return { users: parsed.data.users.map((user) => ({ ...user, roles: rolesInOrder(user.roles) })) };
  return { problem: problemsOf(documentSchema, parsed.error).map(formatProblem).join('; ') };
}

/** Users of before had one `role`. */
function withRoles(value: unknown): unknown {
  if (!isObject(value) || !Array.isArray(value['users'])) return value;
  const users = value['users'].map((user: unknown) => {
    if (!isObject(user) || !('role' in user) || 'roles' in user) return user;
    const { role, ...rest } = user;
    return { ...rest, roles: [role] };
  });
  return { ...value, users };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** A user as the API shows him. Times are ISO 8601, UTC. */
export interface UserReport {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly enabled: boolean;
  /** His own telephone. */
  readonly extension: string | null;
  /** Whether he is asked for a code. */
  readonly secondFactor: boolean;
  readonly backupCodesLeft: number;
  readonly passwordChangedAt: string;
  readonly createdAt: string;
  readonly createdBy: string;
}

export const reportUser = ({ totp, backupCodes, passwordHash: _, epoch: __, ...user }: User): UserReport => ({
  ...user,
  extension: user.extension ?? null,
  secondFactor: totp !== null,
  backupCodesLeft: backupCodes.length,
});

/** Owners may do nothing before they have one. */
export const needsSecondFactor = ({ roles, totp }: Pick<User, 'roles' | 'totp'>): boolean =>
  roles.includes('owner') && totp === null;

export const SHORTEST_PASSWORD = 16;
const LONGEST_PASSWORD = 128;
const FEWEST_DIFFERENT = 6;

/**
 * Why a password must not be used. Length is what counts (NIST SP 800-63B section 5.1.1.2); no kinds of characters are
 * asked for.
 */
export function passwordProblem(password: string, name: string): string | undefined {
  const characters = [...password];
  if (characters.length < SHORTEST_PASSWORD)
    return `is too short: it needs ${SHORTEST_PASSWORD} characters or more, for example four words`;
  if (characters.length > LONGEST_PASSWORD) return `is too long: it has at most ${LONGEST_PASSWORD} characters`;
  const lower = password.toLowerCase();
  if (new Set(lower).size < FEWEST_DIFFERENT)
    return `has fewer than ${FEWEST_DIFFERENT} different characters, and is easily guessed`;
  // What is left without them has to be a password as well.
  const rest = (name.length > 2 ? lower.replaceAll(name, '') : lower).replaceAll('tollgate', '');
  if ([...rest].length < SHORTEST_PASSWORD / 2) return 'is little more than a name, and is easily guessed';
  return undefined;
}
