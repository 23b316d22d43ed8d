/** `/api/v1/templates`: ready rules, and adding one with all that it needs as one change of the policy. */
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { RuleDocument } from '../policy/document.ts';
import { didYouMean, type Problem } from '../policy/problem.ts';
import { diagnoseRules, type RuleFinding } from '../policy/rules-doctor.ts';
import { addTemplate, findTemplate, TEMPLATES, type Template, type TemplateAddition } from '../policy/templates.ts';
import { notFound, ProblemError } from './problem.ts';
import type { ActOf, RecordedPolicies } from './recorded-changes.ts';
import { ruleFinding } from './rules-preview-routes.ts';
import { type Api, list, text } from './schema.ts';

export type TemplateReport = Omit<Template, 'build'>;

/** The rule that was added, with its fields as everywhere, and what came with it. */
export interface AddedTemplate extends RuleDocument, Pick<TemplateAddition, 'added' | 'used'> {
  readonly template: string;
  /** What still keeps the rule from having an effect, as the doctor sees it. */
  readonly findings: readonly RuleFinding[];
}

const body = z
  .strictObject({
    id: z.string().optional(),
    shadow: z.boolean().optional(),
    members: z.array(z.string()).max(10_000).optional(),
    trunk: z.string().optional(),
  })
  .default({});
const addedTemplate = z.looseObject({ id: text, template: text, findings: list(ruleFinding) });
const template = z.looseObject({ name: text, title: text, says: text });

/** Adding a rule in shadow, or between its hours, is what was asked for. */
const EXPECTED: ReadonlySet<string> = new Set(['shadow', 'closed-now']);

export function templateRoutes(
  app: Api,
  deps: { readonly policies: RecordedPolicies; readonly act: ActOf; readonly clock: Clock },
): void {
  const { policies, act, clock } = deps;
  app.get('/api/v1/templates', { schema: { summary: 'Ready rules', response: { 200: list(template) } } }, () =>
    TEMPLATES.map(({ build: _, ...report }): TemplateReport => report),
  );

  app.post(
    '/api/v1/templates/:name',
    {
      schema: {
        summary: 'Add a ready rule with all that it needs',
        params: z.strictObject({ name: z.string().max(64) }),
        body,
        response: { 201: addedTemplate },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const options = request.body;
      const template = findTemplate(name);
      if (template === undefined) {
        const names = TEMPLATES.map((each) => each.name);
        throw notFound('template', name, didYouMean(name, names));
      }
      let addition: TemplateAddition | undefined;
      // Runs again when others change the policy meanwhile: what is missing is always found in the latest one.
      const change = await policies.change(
        (document) => {
          const made = addTemplate(document, template, options);
          if ('problems' in made) throw new ProblemError('INVALID_REQUEST', made.problems);
          addition = made;
          return made.document;
        },
        act(request, 'templates.add', `template ${name}`),
      );
      if (!change.changed) throw new ProblemError('POLICY_INVALID', inOptions(change.problems));
      const { policy } = change.snapshot;
      const rule = policy.document.rules.find((each) => each.id === addition?.rule);
      if (addition === undefined || rule === undefined) throw new Error(`template ${name} added no rule`);
      const { added, used } = addition;
      const findings = diagnoseRules(policy, clock.now()).filter(
        (finding) => finding.rule === rule.id && !EXPECTED.has(finding.check),
      );
      return reply.code(201).send({ ...rule, template: name, added, used, findings } satisfies AddedTemplate);
    },
  );
}

/** The document was sound before: what is wrong in it now came with the options, and is said once. */
function inOptions(problems: readonly Problem[]): Problem[] {
  const renamed = problems.map(({ path, message }): Problem => {
    const [, member] = /^groups\.[^.]+\.members(.*)$/.exec(path) ?? [];
    if (member !== undefined) return { path: `members${member}`, message };
    if (/^rules\[\d+\]\.id$/.test(path)) return { path: 'id', message };
    return /^(?:trunks\b|rules\[\d+\]\.appliesTo\.trunks\b)/.test(path)
      ? { path: 'trunk', message }
      : { path, message };
  });
  return renamed.filter(
    (problem, at) => renamed.findIndex((each) => each.path === problem.path && each.message === problem.message) === at,
  );
}
