/** Schemas of the policy and what is said of it. */
import { z } from 'zod';
import {
  destinationSchema,
  documentSchema,
  extensionSchema,
  groupSchema,
  ruleSchema,
  trunkSchema,
} from '../policy/document.ts';
import { scheduleSchema } from '../policy/schedule.ts';
import { describedBy, text } from './schema.ts';

const fields = z.record(z.string(), z.unknown());

/** A rule, or what replaces fields of it; the whole policy is checked with it (policy/document.ts). */
export const ruleBody = describedBy(fields, ruleSchema);
const patched = Object.entries(ruleSchema.shape).map(([name, field]) => [name, field.nullable().optional()]);
export const rulePatch = describedBy(fields, z.strictObject(Object.fromEntries(patched)));
export const rule = describedBy(z.looseObject({ id: text }), ruleSchema);

export const MEMBER_SCHEMAS = {
  groups: groupSchema,
  extensions: extensionSchema,
  trunks: trunkSchema,
  schedules: scheduleSchema,
  destinations: destinationSchema,
} as const;
export type MemberKind = keyof typeof MEMBER_SCHEMAS;

export const memberBody = (kind: MemberKind) => describedBy(fields, MEMBER_SCHEMAS[kind]);
export const member = describedBy(z.looseObject({ id: text }), z.looseObject({ id: text }));

/** Problems of what is no document at all are told as those of any other. */
export const policyBody = describedBy(z.unknown(), documentSchema);
export const policy = z.strictObject({
  version: z.number(),
  changedAt: text,
  changedBy: text,
  document: describedBy(z.looseObject({}), documentSchema),
});
