/** Schemas of approvals and grants. */
import { z } from 'zod';
import { SETTLED } from '../approvals/approval.ts';
import { GRANTED_FOR } from '../approvals/grant.ts';
import { instant, list, orNull, text } from './schema.ts';

const facts = z.strictObject({
  name: orNull(text),
  groups: list(text),
  country: orNull(text),
  classes: list(text),
  isFirst: orNull(z.boolean()),
  campaign: orNull(text),
  agent: orNull(text),
  cost: orNull(z.strictObject({ currency: text, perMinute: z.number(), connection: z.number() })),
  limits: list(text),
  raises: list(z.strictObject({ minutes: z.number(), calls: z.number(), most: orNull(z.number()) })),
});

export const approvalAnswer = z.strictObject({
  id: text,
  state: z.enum(['open', ...SETTLED]),
  extension: orNull(text),
  destination: text,
  trunk: orNull(text),
  destinationIs: text,
  rule: text,
  because: text,
  facts: orNull(facts),
  decision: text,
  node: text,
  openedAt: instant,
  expiresAt: instant,
  otherwise: z.enum(['allow', 'block']),
  approversNeeded: z.number(),
  approvedBy: list(text),
  decidedBy: orNull(text),
  decidedFrom: orNull(text),
  decidedAt: orNull(instant),
  reason: orNull(text),
  grant: orNull(text),
  waitedSeconds: orNull(z.number()),
  resumedAfterMs: orNull(z.number()),
});

export const grantAnswer = z.strictObject({
  id: text,
  what: z.enum(GRANTED_FOR).exclude(['call']),
  rule: text,
  extension: orNull(text),
  number: orNull(text),
  subjects: list(text),
  calls: orNull(z.number()),
  grantedBy: text,
  reason: orNull(text),
  since: instant,
  until: instant,
  approval: orNull(text),
});

export const linkAnswer = z.strictObject({ url: text, expiresAt: instant, warning: orNull(text) });
