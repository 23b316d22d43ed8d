/** What a list of rules shows beside them: `calls/by-rule`, what each did in the last day; and `policy/csv`, all as a file. */
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { writeRules } from '../csv/rule-csv.ts';
import { writeYeastar } from '../csv/yeastar-csv.ts';
import type { Journal } from '../gate/journal.ts';
import { createRuleActivity } from '../gate/rule-activity.ts';
import type { PolicyStore } from '../store/policy-store.ts';
import { type Api, instant, list, orNull, text } from './schema.ts';

const activity = z.strictObject({
  rules: list(
    z.strictObject({ rule: text, acted: z.number(), would: z.number(), hours: list(z.number()), lastAt: instant }),
  ),
  complete: z.boolean(),
});
const file = z.strictObject({
  /** Null where the form cannot hold every rule; `lost` then says what of which. */
  csv: orNull(text),
  lost: list(text),
});
export type RuleFile = z.infer<typeof file>;

export function ruleOverviewRoutes(
  app: Api,
  deps: {
    readonly policies: Pick<PolicyStore, 'current'>;
    readonly journal: Pick<Journal, 'list'>;
    readonly clock: Pick<Clock, 'now' | 'monotonicMs'>;
  },
): void {
  const activityOfAll = createRuleActivity(deps.journal, deps.clock);
  app.get(
    '/api/v1/calls/by-rule',
    { schema: { summary: 'What each rule did in the last 24 hours', response: { 200: activity } } },
    activityOfAll,
  );
  app.get(
    '/api/v1/policy/csv',
    {
      schema: {
        summary: 'All rules as CSV; the form of Yeastar P-Series holds names and limits only',
        querystring: z.strictObject({ form: z.enum(['wide', 'yeastar']).default('wide') }),
        response: { 200: file },
      },
    },
    ({ query }): RuleFile => {
      const { rules } = deps.policies.current().policy.document;
      const written = query.form === 'yeastar' ? writeYeastar(rules) : writeRules(rules);
      return 'csv' in written ? { csv: written.csv, lost: [] } : { csv: null, lost: [...written.refused] };
    },
  );
}
