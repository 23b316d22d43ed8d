/** Schema of `GET /api/v1/status`. */
import { z } from 'zod';
import { verdict } from './call-answers.ts';
import { instant, list, open, text } from './schema.ts';

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
});
