/** `/api/v1/rules`: the rules one by one. Every change is a change of the whole document, checked as such. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { LimitStore } from '../gate/limit-store.ts';
import type { Audit } from '../people/audit-log.ts';
import { COUNT_PER, type Subject } from '../policy/call.ts';
import type { PolicyDocument, RuleDocument } from '../policy/document.ts';
import { didYouMean } from '../policy/problem.ts';
import type { PolicyEdit } from '../store/policy-store.ts';
import { notFound, ProblemError, parse } from './problem.ts';
import type { Act, ActOf, RecordedPolicies } from './recorded-changes.ts';

interface ById {
  Params: { readonly id: string };
}

const fields = z.record(z.string(), z.unknown());
const resetBody = z.strictObject({
  subject: z.strictObject({ kind: z.enum(COUNT_PER), id: z.string().max(80).default('') }).optional(),
});

export function ruleRoutes(
  app: FastifyInstance,
  deps: {
    readonly policies: RecordedPolicies;
    readonly limits: LimitStore;
    readonly audit: Audit;
    readonly act: ActOf;
  },
): void {
  const { policies, limits, audit, act } = deps;
  const rules = (): readonly RuleDocument[] => policies.current().policy.document.rules;
  const find = (id: string, among: readonly RuleDocument[] = rules()): RuleDocument => {
    const rule = among.find((each) => each.id === id);
    if (rule === undefined)
      throw notFound(
        'rule',
        id,
        didYouMean(
          id,
          among.map((each) => each.id),
        ),
      );
    return rule;
  };

  /** Problems of the edited rule lose the prefix that only makes sense in the whole document. */
  const change = async (edit: PolicyEdit, what: Act, place: (document: PolicyDocument) => number): Promise<void> => {
    const prefix = `rules[${place(policies.current().policy.document)}]`;
    const result = await policies.change(edit, what);
    if (result.changed) return;
    const problems = result.problems.map((problem) => ({
      ...problem,
      path: problem.path.startsWith(prefix) ? problem.path.slice(prefix.length).replace(/^\./, '') : problem.path,
    }));
    throw new ProblemError('POLICY_INVALID', problems);
  };

  const update = async (id: string, patch: Readonly<Record<string, unknown>>, what: Act): Promise<RuleDocument> => {
    const place = (document: PolicyDocument): number => document.rules.findIndex((rule) => rule.id === id);
    await change(
      (document) => {
        find(id, document.rules);
        return { ...document, rules: document.rules.map((rule) => (rule.id === id ? withFields(rule, patch) : rule)) };
      },
      what,
      place,
    );
    return find(typeof patch['id'] === 'string' ? patch['id'] : id);
  };

  const actOn = (request: FastifyRequest<ById>, verb: string): Act =>
    act(request, `rules.${verb}`, `rule ${request.params.id}`);

  app.get('/api/v1/rules', async () => rules());
  app.get<ById>('/api/v1/rules/:id', async (request) => find(request.params.id));
  app.post('/api/v1/rules', async (request, reply) => {
    const rule = parse(fields, request.body);
    await change(
      (document) => ({ ...document, rules: [...document.rules, rule] }),
      act(request, 'rules.add', `rule ${String(rule['id'])}`),
      (document) => document.rules.length,
    );
    return reply.code(201).send(find(String(rule['id'])));
  });
  app.patch<ById>('/api/v1/rules/:id', async (request) =>
    update(request.params.id, parse(fields, request.body), actOn(request, 'set')),
  );
  app.delete<ById>('/api/v1/rules/:id', async (request) => {
    const { id } = request.params;
    const rule = find(id);
    await change(
      (document) => {
        find(id, document.rules);
        return { ...document, rules: document.rules.filter((each) => each.id !== id) };
      },
      actOn(request, 'remove'),
      () => -1,
    );
    return rule;
  });
  app.post<ById>('/api/v1/rules/:id/enable', async (request) =>
    update(request.params.id, { enabled: true }, actOn(request, 'enable')),
  );
  app.post<ById>('/api/v1/rules/:id/disable', async (request) =>
    update(request.params.id, { enabled: false }, actOn(request, 'disable')),
  );
  app.post<ById>('/api/v1/rules/:id/shadow', async (request) =>
    update(request.params.id, { mode: 'shadow' }, actOn(request, 'shadow')),
  );
  app.post<ById>('/api/v1/rules/:id/enforce', async (request) =>
    update(request.params.id, { mode: 'enforce' }, actOn(request, 'enforce')),
  );
  app.post<ById>('/api/v1/rules/:id/reset', async (request) => {
    const { subject } = parse(resetBody, request.body ?? {});
    const rule = find(request.params.id);
    if (subject === undefined) {
      await policies.resetRule(rule.id, actOn(request, 'reset'));
      return rule;
    }
    const compiled = policies.current().policy.rules.find((each) => each.id === rule.id);
    if (subject.kind !== rule.countPer) {
      const message = `rule ${rule.id} counts per ${rule.countPer}, not per ${subject.kind}`;
      throw new ProblemError('INVALID_REQUEST', [{ path: 'subject.kind', message }]);
    }
    if (compiled === undefined) return rule;
    await limits.refill(compiled, subject satisfies Subject);
    await audit({ ...actOn(request, 'reset'), after: { counts: 'reset', of: subject } });
    return rule;
  });
}

/** Null takes a field away, so that it has its default again. */
const withFields = (rule: RuleDocument, patch: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries({ ...rule, ...patch }).filter(([, value]) => value !== null));
