/** `/api/v1/rules`: the rules one by one. Every change is a change of the whole document, checked as such. */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { LimitStore } from '../gate/limit-store.ts';
import type { Audit } from '../people/audit-log.ts';
import { COUNT_PER, type Subject } from '../policy/call.ts';
import type { PolicyDocument, RuleDocument } from '../policy/document.ts';
import { emergencyTouched, wouldLimit } from '../policy/emergency-touched.ts';
import { didYouMean } from '../policy/problem.ts';
import type { PolicyEdit } from '../store/policy-store.ts';
import { requireDefaultRule } from './default-rule-guard.ts';
import { requireMatch, tagged } from './etag.ts';
import { pageOf, paging } from './paging.ts';
import { rule as answer, ruleBody, rulePatch } from './policy-answers.ts';
import { notFound, ProblemError } from './problem.ts';
import type { Act, ActOf, RecordedPolicies } from './recorded-changes.ts';
import { type Api, byId, list } from './schema.ts';

const resetBody = z
  .strictObject({
    subject: z.strictObject({ kind: z.enum(COUNT_PER), id: z.string().max(80).default('') }).optional(),
  })
  .default({});

export function ruleRoutes(
  app: Api,
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

  const update = async (
    request: FastifyRequest,
    id: string,
    patch: Readonly<Record<string, unknown>>,
    what: Act,
  ): Promise<RuleDocument> => {
    const place = (document: PolicyDocument): number => document.rules.findIndex((rule) => rule.id === id);
    await change(
      (document) => {
        requireMatch(request, find(id, document.rules), `rule ${id}`);
        requireNoEmergency(patch, document);
        const rules = document.rules.map((rule) => (rule.id === id ? withFields(rule, patch) : rule));
        requireDefaultRule(request, document.rules, rules);
        return { ...document, rules };
      },
      what,
      place,
    );
    return find(typeof patch['id'] === 'string' ? patch['id'] : id);
  };

  const actOn = (request: FastifyRequest, id: string, verb: string): Act => act(request, `rules.${verb}`, `rule ${id}`);

  app.get(
    '/api/v1/rules',
    { schema: { summary: 'All rules', querystring: z.strictObject(paging), response: { 200: list(answer) } } },
    (request, reply) => pageOf(rules(), ({ id }) => id, request.query, request, reply),
  );
  app.get(
    '/api/v1/rules/:id',
    { schema: { summary: 'One rule', params: byId, response: { 200: answer } } },
    ({ params }, reply) => tagged(reply, find(params.id)),
  );
  app.post(
    '/api/v1/rules',
    { schema: { summary: 'Add a rule', body: ruleBody, response: { 201: answer } } },
    async (request, reply) => {
      const rule = request.body;
      await change(
        (document) => {
          requireNoEmergency(rule, document);
          return { ...document, rules: [...document.rules, rule] };
        },
        act(request, 'rules.add', `rule ${String(rule['id'])}`),
        (document) => document.rules.length,
      );
      return reply.code(201).send(tagged(reply, find(String(rule['id']))));
    },
  );
  app.patch(
    '/api/v1/rules/:id',
    {
      schema: {
        summary: 'Change fields of a rule; null gives one its default',
        params: byId,
        body: rulePatch,
        response: { 200: answer },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      return tagged(reply, await update(request, id, request.body, actOn(request, id, 'set')));
    },
  );
  app.delete(
    '/api/v1/rules/:id',
    { schema: { summary: 'Remove a rule', params: byId, response: { 200: answer } } },
    async (request) => {
      const { id } = request.params;
      const rule = find(id);
      await change(
        (document) => {
          requireMatch(request, find(id, document.rules), `rule ${id}`);
          return { ...document, rules: document.rules.filter((each) => each.id !== id) };
        },
        actOn(request, id, 'remove'),
        () => -1,
      );
      return rule;
    },
  );
  for (const [verb, summary, patch] of SWITCHES)
    app.post(
      `/api/v1/rules/:id/${verb}`,
      { schema: { summary, params: byId, response: { 200: answer } } },
      async (request, reply) => {
        const { id } = request.params;
        return tagged(reply, await update(request, id, patch, actOn(request, id, verb)));
      },
    );
  app.post(
    '/api/v1/rules/:id/reset',
    {
      schema: {
        summary: 'Make the limits of a rule full again, of one subject or of all',
        params: byId,
        body: resetBody,
        response: { 200: answer },
      },
    },
    async (request) => {
      const { subject } = request.body;
      const rule = find(request.params.id);
      if (subject === undefined) {
        await policies.resetRule(rule.id, actOn(request, rule.id, 'reset'));
        return rule;
      }
      const compiled = policies.current().policy.rules.find((each) => each.id === rule.id);
      if (subject.kind !== rule.countPer) {
        const message = `rule ${rule.id} counts per ${rule.countPer}, not per ${subject.kind}`;
        throw new ProblemError('INVALID_REQUEST', [{ path: 'subject.kind', message }]);
      }
      if (compiled === undefined) return rule;
      await limits.refill(compiled, subject satisfies Subject);
      await audit({ ...actOn(request, rule.id, 'reset'), after: { counts: 'reset', of: subject } });
      return rule;
    },
  );
}

const SWITCHES = [
  ['enable', 'Switch a rule on', { enabled: true }],
  ['disable', 'Switch a rule off', { enabled: false }],
  ['shadow', 'Count and report, never act', { mode: 'shadow' }],
  ['enforce', 'Act again', { mode: 'enforce' }],
] as const;

/** @throws {ProblemError} naming the emergency numbers that a new scope begins */
function requireNoEmergency(fields: object, document: PolicyDocument): void {
  const touched = emergencyTouched(fields, document);
  if (touched.length > 0)
    throw new ProblemError('POLICY_INVALID', [{ path: 'appliesTo.destinations', message: wouldLimit(touched) }]);
}

/** Null takes a field away, so that it has its default again. */
const withFields = (rule: RuleDocument, patch: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries({ ...rule, ...patch }).filter(([, value]) => value !== null));
