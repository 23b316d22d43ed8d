/** Schemas of what is answered about calls: decisions, explanations, patterns. */
import { z } from 'zod';
import { VERDICTS } from '../policy/actions/action.ts';
import { instant, list, open, orNull, text } from './schema.ts';

const count = z.number();
export const verdict = z.enum(VERDICTS);

const finding = open({
  rule: text,
  name: text,
  action: text,
  mode: z.enum(['enforce', 'shadow']),
  applies: z.boolean(),
  because: text,
  exceeded: z.boolean(),
  waitMs: orNull(count),
  alreadyCharged: z.boolean(),
  limit: orNull(text),
  used: orNull(count),
  remaining: orNull(count),
  retryAfterSeconds: orNull(count),
  limits: list(
    open({
      subject: text,
      kind: text,
      limit: text,
      used: count,
      usedAfter: count,
      remaining: count,
      retryAfterSeconds: orNull(count),
    }),
  ),
});

const explained = {
  verdict,
  layer: text,
  rule: orNull(text),
  reason: text,
  retryAfterSeconds: orNull(count),
  waitMs: orNull(count),
  maxSeconds: orNull(count),
  extension: orNull(text),
  destination: text,
  dialled: text,
  destinationLabel: text,
  trunk: orNull(text),
  campaign: orNull(text),
  source: orNull(text),
  zone: orNull(text),
  store: z.enum(['asked', 'not-needed', 'failed']),
  storeProblem: orNull(text),
  findings: list(finding),
};
export const explanation = open(explained);

const ended = open({
  at: instant,
  seconds: count,
  talkSeconds: orNull(count),
  trunk: orNull(text),
  outcome: orNull(text),
  cost: orNull(count),
  currency: orNull(text),
});
const held = open({ state: text, by: orNull(text), at: instant, waitedMs: count });

export const decision = open({
  ...explained,
  id: text,
  at: instant,
  node: text,
  call: orNull(text),
  extensionName: orNull(text),
  trunksTried: list(text),
  end: orNull(ended),
  held: orNull(held),
  tookMs: count,
  rulesNotListed: count,
});

export const pattern = z.strictObject({
  extension: orNull(text),
  destinationLabel: text,
  verdict,
  calls: count,
  from: instant,
  to: instant,
  rules: list(text),
  sample: list(text),
});

export const outage = z.strictObject({
  from: instant,
  to: instant,
  node: text,
  why: text,
  allowed: count,
  refused: count,
  notKept: count,
});
