/**
 * `POST /api/v1/rules/preview` and `/api/v1/rules/import`: what a rule, or a file of rules, would be and do, before it is
 * in force; and the import itself.
 */
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { planImport, type RuleImport } from '../csv/rule-import.ts';
import { type CsvProblem, LARGEST_FILE_BYTES } from '../csv/table.ts';
import { TollgateError } from '../errors.ts';
import type { Journal } from '../gate/journal.ts';
import { replayRule } from '../gate/rule-replay.ts';
import { COUNT_PER, type EpochMs } from '../policy/call.ts';
import { type PolicyDocument, type RuleDocument, readPolicyDocument } from '../policy/document.ts';
import { emergencyTouched, wouldLimit } from '../policy/emergency-touched.ts';
import { compilePolicy } from '../policy/policy.ts';
import { SEVERITIES } from '../policy/rule-finding.ts';
import { ruleSentence, subjectsOf, worstCases } from '../policy/rule-sentence.ts';
import { describePermitted } from '../policy/rule-words.ts';
import { diagnoseRules, RULE_CHECKS } from '../policy/rules-doctor.ts';
import { verdict } from './call-answers.ts';
import { requireDefaultRule } from './default-rule-guard.ts';
import { readIfMatch } from './if-match.ts';
import { ProblemError } from './problem.ts';
import type { ActOf, RecordedPolicies } from './recorded-changes.ts';
import { type Api, instant, list, orNull, text, yesOrNo } from './schema.ts';
import { rightsOf } from './who-asks.ts';

const HORIZONS_SECONDS = [60, 3600, 86_400];
const DAY_MS = 86_400_000;
const DRAFT = 'draft';

const problem = z.strictObject({ path: text, message: text });
export const ruleFinding = z.strictObject({
  severity: z.enum(SEVERITIES),
  rule: text,
  check: z.enum(RULE_CHECKS),
  what: text,
  why: text,
  command: text,
});

const previewBody = z.strictObject({
  /** As `POST /api/v1/rules` takes it; without an id it is a draft. */
  rule: z.record(z.string(), z.unknown()),
  /** The rule that it would take the place of. */
  replaces: z.string().max(64).optional(),
  /** Of the journal. */
  days: z.int().min(1).max(30).default(7),
});
const preview = z.strictObject({
  /** Why it could not be saved; then the rest is empty. */
  problems: list(problem),
  sentence: orNull(text),
  permits: list(text),
  /** On how many it counts; null where nobody knows. */
  subjects: orNull(z.number()),
  /** The same, had the rule counted per each of these. */
  countedPer: list(z.strictObject({ per: z.enum(COUNT_PER), subjects: orNull(z.number()) })),
  worstCase: list(z.strictObject({ seconds: z.number(), each: orNull(z.number()), all: orNull(z.number()) })),
  hits: orNull(
    z.strictObject({
      since: instant,
      looked: z.number(),
      matched: z.number(),
      acted: z.partialRecord(verdict, z.number()),
      extensions: list(
        z.strictObject({
          extension: orNull(text),
          calls: z.number(),
          sample: list(z.strictObject({ id: text, at: instant, destination: text })),
        }),
      ),
      complete: z.boolean(),
    }),
  ),
  findings: list(ruleFinding),
  /** Emergency numbers are never limited; those that the rule names all the same are mistakes. */
  emergency: z.strictObject({ numbers: list(text), touched: list(text) }),
});

const importBody = z.strictObject({
  /** The text of the file, as UTF-8. */
  csv: z.string().max(LARGEST_FILE_BYTES),
  /** Rules that are not in the file are removed. */
  replace: z.boolean().default(false),
});
const csvProblem = z.strictObject({
  line: orNull(z.number()),
  column: orNull(text),
  found: orNull(text),
  message: text,
});
const importAnswer = z.strictObject({
  applied: z.boolean(),
  changed: z.boolean(),
  version: z.number(),
  format: orNull(z.enum(['wide', 'yeastar'])),
  problems: list(csvProblem),
  added: list(text),
  replaced: list(text),
  unchanged: list(text),
  removed: list(text),
  /** Each rule that would be another than it is. */
  changes: list(
    z.strictObject({
      id: text,
      before: orNull(z.record(z.string(), z.unknown())),
      after: orNull(z.record(z.string(), z.unknown())),
    }),
  ),
});

export type RulePreview = z.infer<typeof preview>;
export type RuleImportAnswer = z.infer<typeof importAnswer>;

export function rulePreviewRoutes(
  app: Api,
  deps: {
    readonly policies: RecordedPolicies;
    readonly journal: Pick<Journal, 'list'>;
    readonly clock: Pick<Clock, 'now'>;
    readonly act: ActOf;
  },
): void {
  const { policies, journal, clock, act } = deps;

  app.post(
    '/api/v1/rules/preview',
    { schema: { summary: 'What a rule would be and do', body: previewBody, response: { 200: preview } } },
    async ({ body }) => {
      const document = policies.current().policy.document;
      const draft = { id: body.replaces ?? DRAFT, ...body.rule };
      const place = document.rules.findIndex(({ id }) => id === (body.replaces ?? draft.id));
      const rules: unknown[] = [...document.rules];
      if (place < 0) rules.push(draft);
      else rules[place] = draft;
      const read = readPolicyDocument({ ...document, rules });
      const numbers = document.emergencyNumbers;
      if ('problems' in read) {
        const prefix = `rules[${place < 0 ? rules.length - 1 : place}]`;
        const problems = read.problems.map(({ path, message }) => ({
          path: path.startsWith(prefix) ? path.slice(prefix.length).replace(/^\./, '') : path,
          message,
        }));
        const nothing = {
          sentence: null,
          permits: [],
          subjects: null,
          countedPer: [],
          worstCase: [],
          hits: null,
          findings: [],
        };
        return { problems, ...nothing, emergency: { numbers, touched: emergencyTouched(draft, document) } };
      }
      const rule = read.document.rules.find(({ id }) => id === draft.id);
      if (rule === undefined) throw new Error('a rule was read and is not there');
      const subjects = subjectsOf(rule, read.document);
      const since = (clock.now() - body.days * DAY_MS) as EpochMs;
      return {
        problems: [],
        sentence: ruleSentence(rule, read.document),
        permits: describePermitted(rule),
        subjects: subjects ?? null,
        countedPer: COUNT_PER.map((per) => ({
          per,
          subjects: subjectsOf({ ...rule, countPer: per }, read.document) ?? null,
        })),
        worstCase: worstCases(rule, HORIZONS_SECONDS, subjects),
        hits: await replayRule(journal, read.document, rule.id, since),
        findings: diagnoseRules(compilePolicy(read.document), clock.now()).filter((each) => each.rule === rule.id),
        emergency: { numbers, touched: emergencyTouched(rule, read.document) },
      };
    },
  );

  app.post(
    '/api/v1/rules/import',
    {
      schema: {
        summary: 'Import rules from CSV, all or nothing; with dryRun say what would change',
        querystring: z.strictObject({ dryRun: yesOrNo }),
        body: importBody,
        response: { 200: importAnswer },
      },
    },
    async (request) => {
      const { csv, replace } = request.body;
      const dryRun = request.query.dryRun === 'true';
      const onlyIfVersion = readIfMatch(request.headers['if-match'], 'the policy');
      const before = policies.current();
      const plan = planImport(before.policy.document, Buffer.from(csv), { replace });
      if ('problems' in plan) {
        const problems = plan.problems.map(reportProblem);
        if (!dryRun) throw new ProblemError('POLICY_INVALID', plan.problems.map(inOneLine));
        return { ...NOTHING, version: before.version, problems };
      }
      const { form, added, replaced, unchanged, removed } = plan;
      const limiting = limitingEmergency(plan);
      if (limiting.length > 0) {
        if (!dryRun) throw new ProblemError('POLICY_INVALID', limiting.map(inOneLine));
        return { ...NOTHING, version: before.version, problems: limiting.map(reportProblem) };
      }
      const report = {
        ...{ format: form, problems: [], added, replaced, unchanged, removed },
        changes: changesOf(before.policy.document, plan),
        changed: added.length + replaced.length + removed.length > 0,
      };
      if (dryRun) return { applied: false, version: before.version, ...report };
      if (removed.length > 0 && !rightsOf(request).has('policy:remove'))
        throw new TollgateError('FORBIDDEN', 'only an owner imports a file that removes rules; import without replace');
      requireDefaultRule(request, before.policy.document.rules, plan.document.rules);
      const change = await policies.change(
        () => plan.document,
        act(request, 'rules.import', 'policy'),
        onlyIfVersion ?? before.version,
      );
      if (!change.changed) throw new ProblemError('POLICY_INVALID', change.problems);
      return { applied: true, version: change.snapshot.version, ...report };
    },
  );
}

const NOTHING = {
  ...{ applied: false, changed: false, format: null, added: [], replaced: [], unchanged: [], removed: [] },
  changes: [],
};

const reportProblem = ({ line, column, found, message }: CsvProblem) => ({
  line: line ?? null,
  column: column ?? null,
  found: found ?? null,
  message,
});

const inOneLine = ({ line, column, found, message }: CsvProblem) => ({
  path: [...(line === undefined ? [] : [`line ${line}`]), ...(column === undefined ? [] : [column])].join(', '),
  message: found === undefined ? message : `"${found}" ${message}`,
});

/** Rules of the file that name emergency numbers. */
const limitingEmergency = ({ document, added, replaced }: RuleImport): readonly CsvProblem[] =>
  document.rules
    .filter(({ id }) => added.includes(id) || replaced.includes(id))
    .flatMap((rule) => {
      const touched = emergencyTouched(rule, document);
      return touched.length === 0
        ? []
        : [{ line: undefined, column: 'appliesTo.destinations', found: rule.id, message: wouldLimit(touched) }];
    });

function changesOf(before: PolicyDocument, { document, added, replaced, removed }: RuleImport) {
  const find = (among: readonly RuleDocument[], id: string) => among.find((rule) => rule.id === id) ?? null;
  return [...added, ...replaced, ...removed].map((id) => ({
    id,
    before: find(before.rules, id),
    after: removed.includes(id) ? null : find(document.rules, id),
  }));
}
