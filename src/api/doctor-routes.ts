/** `/api/v1/doctor/rules` (rules without effect) and `/api/v1/rules/ID/shadow-report` (what a rule would have done). */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { type Journal, MOST_DAYS_COUNTED } from '../gate/journal.ts';
import { reportShadow } from '../gate/shadow-report.ts';
import type { EpochMs } from '../policy/call.ts';
import { didYouMean } from '../policy/problem.ts';
import { diagnoseRules, type RuleFinding } from '../policy/rules-doctor.ts';
import type { PolicyStore } from '../store/policy-store.ts';
import { notFound, parse } from './problem.ts';

export interface RulesDoctorReport {
  /** Of which calls were counted. */
  readonly days: number;
  readonly calls: number;
  readonly rules: number;
  readonly findings: readonly RuleFinding[];
}

const daysQuery = z.strictObject({ days: z.coerce.number().int().min(1).max(MOST_DAYS_COUNTED).default(7) });
const hoursQuery = z.strictObject({ hours: z.coerce.number().int().min(1).max(720).default(24) });
const HOUR_MS = 3_600_000;

export function doctorRoutes(
  app: FastifyInstance,
  deps: { readonly policies: PolicyStore; readonly journal: Journal; readonly clock: Clock },
): void {
  const { policies, journal, clock } = deps;
  app.get('/api/v1/doctor/rules', async (request): Promise<RulesDoctorReport> => {
    const counts = await journal.countsOf(parse(daysQuery, request.query).days);
    const { policy } = policies.current();
    return {
      days: counts.days,
      calls: counts.calls,
      rules: policy.rules.length,
      findings: diagnoseRules(policy, clock.now(), counts),
    };
  });

  app.get<{ Params: { readonly id: string } }>('/api/v1/rules/:id/shadow-report', (request) => {
    const { hours } = parse(hoursQuery, request.query);
    const { id } = request.params;
    const ids: readonly string[] = policies.current().policy.rules.map((rule) => rule.id);
    if (!ids.includes(id)) throw notFound('rule', id, didYouMean(id, ids));
    return reportShadow(journal, id, (clock.now() - hours * HOUR_MS) as EpochMs);
  });
}
