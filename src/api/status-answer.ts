/** Schema of `GET /api/v1/status`. */
import { z } from 'zod';
import { verdict } from './call-answers.ts';
import { instant, list, open, orNull, text } from './schema.ts';

const milliseconds = orNull(z.number());
const latency = z.strictObject({
  count: z.number(),
  p50Ms: milliseconds,
  p99Ms: milliseconds,
  /** p99 of each of the last 60 minutes, the oldest first. */
  minutes: list(milliseconds),
});

export const statusAnswer = open({
  node: text,
  version: text,
  state: z.enum(['working', 'degraded']),
  since: instant,
  startedAt: instant,
  parts: list(
    z.strictObject({ name: text, state: z.enum(['up', 'down']), since: instant, detail: text, remedy: text }),
  ),
  policy: z.strictObject({ version: z.number(), changedAt: text, changedBy: text, rules: z.number() }),
  calls: z.record(verdict, z.number()),
  /** Of the last hour, of this daemon. */
  latency: z.strictObject({ decisions: latency, store: latency }),
});
