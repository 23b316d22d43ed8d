/** Schemas of users, log-ins and API keys. */
import { z } from 'zod';
import { PERMISSIONS, ROLES } from '../people/roles.ts';
import { instant, list, orNull, text } from './schema.ts';

const count = z.number();
const roles = list(z.enum(ROLES));

export const user = z.strictObject({
  name: text,
  roles,
  enabled: z.boolean(),
  extension: orNull(text),
  secondFactor: z.boolean(),
  backupCodesLeft: count,
  passwordChangedAt: instant,
  createdAt: instant,
  createdBy: text,
});
export const listedUser = user.extend({ lastSeenAt: orNull(instant), sessions: count });
/** The password, if it was made by chance: shown once. */
export const changedUser = user.extend({ password: text.optional() });

export const session = z.strictObject({
  user: text,
  roles,
  permissions: list(z.enum(PERMISSIONS)),
  csrfToken: text,
  secondFactorNeeded: z.boolean(),
  secondFactor: z.boolean(),
  backupCodesLeft: count,
  passwordChangedAt: instant,
  endsAt: instant,
  idleSeconds: count,
});
export const listedSession = z.strictObject({
  id: text,
  address: text,
  agent: text,
  openedAt: instant,
  seenAt: instant,
  endsAt: instant,
});
export const newFactor = z.strictObject({ secret: text, uri: text, qr: list(text) });
export const backupCodes = z.strictObject({ backupCodes: list(text) });
export const closed = z.strictObject({ closed: z.boolean() });

export const key = z.strictObject({
  id: text,
  name: text,
  scopes: list(text),
  allowFrom: list(text),
  expiresAt: orNull(instant),
  createdAt: instant,
  createdBy: text,
});
