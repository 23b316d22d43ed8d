/**
 * `/api/v1/doctor/rules` (rules without effect), `/api/v1/doctor/machine` (what is unsafe or missing on this machine) and
 * `/api/v1/rules/ID/shadow-report` (what a rule would have done).
 */
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { MachineReport } from '../doctor/doctor.ts';
import { FAMILIES } from '../doctor/finding.ts';
import type { MachineDoctor } from '../doctor/from-daemon.ts';
import { type Journal, MOST_DAYS_COUNTED } from '../gate/journal.ts';
import { reportShadow } from '../gate/shadow-report.ts';
import type { EpochMs } from '../policy/call.ts';
import { didYouMean } from '../policy/problem.ts';
import { diagnoseRules, type RuleFinding } from '../policy/rules-doctor.ts';
import type { PolicyStore } from '../store/policy-store.ts';
import { notFound } from './problem.ts';
import { ruleFinding } from './rules-preview-routes.ts';
import { type Api, byId, describedBy, instant, limitOf, list, orNull, text } from './schema.ts';

export interface RulesDoctorReport {
  /** Of which calls were counted. */
  readonly days: number;
  readonly calls: number;
  readonly rules: number;
  readonly findings: readonly RuleFinding[];
}

const days = limitOf(7, MOST_DAYS_COUNTED);
const hours = limitOf(24, 720);
const count = z.number();
/** Its findings are the doctor's own to describe. */
const machineReport = describedBy(z.custom<MachineReport>(), z.looseObject({}));
const doctorReport = z.strictObject({ days: count, calls: count, rules: count, findings: list(ruleFinding) });
const shadowReport = z.strictObject({
  rule: text,
  since: instant,
  calls: count,
  refusedAnyway: count,
  extensions: list(z.strictObject({ extension: orNull(text), calls: count })),
  complete: z.boolean(),
});
/** Which checks, by commas; absent: all. */
const families = z
  .string()
  .transform((words) => words.split(','))
  .pipe(z.array(z.enum(FAMILIES)))
  .optional();
const HOUR_MS = 3_600_000;

export function doctorRoutes(
  app: Api,
  deps: {
    readonly policies: PolicyStore;
    readonly journal: Journal;
    readonly machine: MachineDoctor;
    /** Whether there is a rate sheet. */
    readonly hasRates: () => boolean;
    readonly clock: Clock;
  },
): void {
  const { policies, journal, clock } = deps;
  app.get(
    '/api/v1/doctor/machine',
    {
      schema: {
        summary: 'What is unsafe or missing on this machine',
        querystring: z.strictObject({ only: families }),
        response: { 200: machineReport },
      },
    },
    ({ query }) => deps.machine(query.only ?? FAMILIES),
  );
  app.get(
    '/api/v1/doctor/rules',
    {
      schema: {
        summary: 'Rules without effect, or with another than was meant',
        querystring: z.strictObject({ days }),
        response: { 200: doctorReport },
      },
    },
    async ({ query }): Promise<RulesDoctorReport> => {
      const counts = await journal.countsOf(query.days);
      const { policy } = policies.current();
      return {
        days: counts.days,
        calls: counts.calls,
        rules: policy.rules.length,
        findings: diagnoseRules(policy, clock.now(), counts, deps.hasRates()),
      };
    },
  );

  app.get(
    '/api/v1/rules/:id/shadow-report',
    {
      schema: {
        summary: 'What a rule in shadow would have done',
        params: byId,
        querystring: z.strictObject({ hours }),
        response: { 200: shadowReport },
      },
    },
    ({ params, query }) => {
      const ids: readonly string[] = policies.current().policy.rules.map((rule) => rule.id);
      if (!ids.includes(params.id)) throw notFound('rule', params.id, didYouMean(params.id, ids));
      return reportShadow(journal, params.id, (clock.now() - query.hours * HOUR_MS) as EpochMs);
    },
  );
}
