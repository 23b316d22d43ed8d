/**
 * The policy document: what people write, as YAML or JSON, and the only form in which a policy is kept.
 *
 * `readPolicyDocument` either gives a complete document, with every default filled in, or all of its problems at once.
 * A document that passes compiles without error.
 */
import { z } from 'zod';
import { ACTION_FIELDS, ACTIONS, type ActionName } from './actions/registry.ts';
import { readRange } from './addresses.ts';
import { type BudgetKind, parseBudget } from './budget.ts';
import { CALL_KINDS, COUNT_PER } from './call.ts';
import { inconsistencies } from './consistency.ts';
import { isBuiltInClass, isCountryClass } from './destination-classes.ts';
import { durationField } from './duration.ts';
import { COUNTING, parseLimit } from './limit.ts';
import { MOST_REFUSALS, USUALLY_LOCKED } from './lockout.ts';
import { parseMember } from './number-set.ts';
import { UNREACHED } from './outcome.ts';
import { parsePrefix } from './prefix-table.ts';
import { type Problem, problemsOf } from './problem.ts';
import { scheduleSchema, timezoneSchema } from './schedule.ts';
import { SCOPE_KEYS } from './scope.ts';

const ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const ID_HINT = 'is not an id; letters, digits and . _ - are allowed, at most 64, beginning with a letter or digit';
const id = z.string().regex(ID_PATTERN, { error: ID_HINT });
// Control characters would let a name break a log line or a table.
const name = z
  .string()
  .max(127, { error: 'is longer than 127 characters' })
  .regex(/^[^\p{Cc}]*$/u, { error: 'holds a control character' });

const limit = z.string({ error: 'is not a limit; write calls/period such as 5/1s' }).check((context) => {
  const parsed = parseLimit(context.value);
  if ('problem' in parsed) context.issues.push({ code: 'custom', message: parsed.problem, input: context.value });
});

/** YAML reads 2001 as a number; a person meant the extension. */
const MEMBER_HINT = 'is not an extension; write text or a whole number such as 2001';
const member = z
  .union([z.string(), z.int().nonnegative({ error: MEMBER_HINT })], { error: MEMBER_HINT })
  .transform(String)
  .check((context) => {
    const parsed = parseMember(context.value);
    if ('problem' in parsed) context.issues.push({ code: 'custom', message: parsed.problem, input: context.value });
  });

const DIGITS_HINT = 'is not a number; up to 15 of the digits 0-9 * #';
const digits = z
  .union([z.string(), z.int().nonnegative({ error: DIGITS_HINT })], { error: DIGITS_HINT })
  .transform(String)
  .pipe(z.string().regex(/^[0-9*#]{1,15}$/, { error: DIGITS_HINT }));

const list = <T extends z.ZodType>(item: T, most: number) =>
  z.array(item).max(most, { error: `has more than ${most} entries` });

const some = <T extends z.ZodType>(item: T, most: number) =>
  list(item, most).nonempty({ error: 'is empty; leave it out or name at least one' }).optional();

/** A built-in class, a country, or the name of an own list; that the list exists is checked with the whole document. */
const destinationClass = z.string().refine((text) => ID_PATTERN.test(text) || isCountryClass(text), {
  error:
    'is not a destination; write a class such as international, a country such as country:CU, or the name of a list',
});
const CAMPAIGN_HINT = 'is not a campaign; write its id as text, at most 64 characters';
const campaign = z
  .union([z.string(), z.int().nonnegative({ error: CAMPAIGN_HINT })], { error: CAMPAIGN_HINT })
  .transform(String)
  .pipe(z.string().regex(/^[^\p{Cc}]{1,64}$/u, { error: CAMPAIGN_HINT }));
const prefix = z
  .union([z.string(), z.int().nonnegative()], { error: 'is not a prefix; write digits such as +53' })
  .transform(String)
  .check((context) => {
    const parsed = parsePrefix(context.value);
    if ('problem' in parsed) context.issues.push({ code: 'custom', message: parsed.problem, input: context.value });
  });

const SCOPE_NAMES = Object.keys(SCOPE_KEYS).join(', ');

const scopeSchema = z.union(
  [
    z.literal('all'),
    z
      .strictObject({
        extensions: some(member, 10_000),
        groups: some(id, 1000),
        trunks: some(id, 1000),
        destinations: some(destinationClass, 1000),
        campaigns: some(campaign, 1000),
        kinds: some(z.enum(CALL_KINDS), CALL_KINDS.length),
        permissions: some(id, 1000),
      })
      .check((context) => {
        // A mistyped key has been reported; that nothing is left without it says no more.
        if (context.issues.length > 0 || Object.values(context.value).some((part) => part !== undefined)) return;
        const message = `names nothing; write all, or at least one of ${SCOPE_NAMES}`;
        context.issues.push({ code: 'custom', message, input: context.value, continue: true });
      }),
  ],
  { error: `is not a scope; write all, or any of ${SCOPE_NAMES}` },
);

const budget = (kind: BudgetKind) => {
  const one = z
    .string({ error: `is not a budget; write ${kind === 'spend' ? 'money' : 'minutes'}/period such as 60/1d` })
    .check((context) => {
      const parsed = parseBudget(context.value, kind);
      if ('problem' in parsed) context.issues.push({ code: 'custom', message: parsed.problem, input: context.value });
    });
  return z.strictObject({ soft: one.optional(), hard: one.optional() }).check((context) => {
    if (context.issues.length > 0 || context.value.soft !== undefined || context.value.hard !== undefined) return;
    const message = 'names neither soft nor hard; write at least one, such as hard: 60/1d';
    context.issues.push({ code: 'custom', message, input: context.value });
  });
};

const AFTER_HINT = `is not a number of refused calls; write a whole number from 1 to ${MOST_REFUSALS}`;
const lockable = destinationClass.refine((text) => text !== 'emergency', {
  error: 'cannot be locked; emergency calls always go',
});
const CONCURRENT_HINT = 'is not a number of calls at once; write a whole number from 1 to 100000';
const DAY_MS = 86_400_000;
const holdTime = durationField(60_000, 366 * DAY_MS, '7d');

export const ruleSchema = z.strictObject({
  id,
  name: name.optional(),
  appliesTo: scopeSchema.default('all'),
  countPer: z.enum(COUNT_PER).default('extension'),
  limits: list(limit, 16).default([]),
  counting: z.enum(COUNTING).default('bucket'),
  /** In force while this schedule is open. */
  during: id.optional(),
  /** In force while this schedule is closed. */
  not: id.optional(),
  action: z.enum(Object.keys(ACTIONS) as [ActionName, ...ActionName[]]).default('block'),
  ...ACTION_FIELDS,
  /** Calls at once. */
  concurrent: z
    .int({ error: CONCURRENT_HINT })
    .min(1, { error: CONCURRENT_HINT })
    .max(100_000, { error: CONCURRENT_HINT })
    .optional(),
  maxDuration: durationField(1000, DAY_MS, '60m').optional(),
  /** Money by the rate sheet, and minutes of talk. */
  spend: budget('spend').optional(),
  minutes: budget('minutes').optional(),
  giveBackOn: some(z.enum(UNREACHED), UNREACHED.length),
  holdAfter: z.strictObject({ answered: holdTime.optional(), conversation: holdTime.optional() }).optional(),
  /** In force for calls to a place that the subject has not reached in that time. */
  firstCallTo: z
    .strictObject({ what: z.literal('country'), within: durationField(60_000, 366 * DAY_MS, '90d') })
    .optional(),
  lockout: z
    .strictObject({
      after: z.int({ error: AFTER_HINT }).min(1, { error: AFTER_HINT }).max(MOST_REFUSALS, { error: AFTER_HINT }),
      within: durationField(1000, 366 * DAY_MS, '24h'),
      destinations: list(lockable, 1000)
        .nonempty({ error: 'is empty; leave it out or name at least one' })
        .default([...USUALLY_LOCKED]),
    })
    .optional(),
  mode: z.enum(['enforce', 'shadow']).default('enforce'),
  whenStoreFails: z.enum(['allow', 'block']).default('allow'),
  enabled: z.boolean().default(true),
});

export const groupSchema = z.strictObject({ name: name.optional(), members: list(member, 10_000).default([]) });
const place = z.string({ error: 'is not an address; write 203.0.113.9 or 203.0.113.0/24' }).check((context) => {
  const read = readRange(context.value);
  if ('problem' in read) context.issues.push({ code: 'custom', message: read.problem, input: context.value });
});
export const extensionSchema = z.strictObject({
  name: name.optional(),
  permissions: list(id, 100).optional(),
  /** Where its phones may register and call from. */
  registerFrom: some(place, 64),
});
/** An own list of destinations. */
export const destinationSchema = z.strictObject({ name: name.optional(), prefixes: list(prefix, 100_000).default([]) });
export const trunkSchema = z.strictObject({ name: name.optional() });

const extensionKey = z.string().check((context) => {
  const parsed = parseMember(context.value);
  if ('problem' in parsed) context.issues.push({ code: 'custom', message: parsed.problem, input: context.value });
  else if (!('exact' in parsed) || parsed.exact !== context.value) {
    context.issues.push({
      code: 'custom',
      message: 'names one extension; a range, a pattern or blanks around it are not possible here',
      input: context.value,
    });
  }
});

export const documentSchema = z.strictObject({
  timezone: timezoneSchema.default('UTC'),
  homeCountry: z
    .string()
    .regex(/^[A-Z]{2}$/, { error: 'is not a country; write two capital letters such as US' })
    .optional(),
  dialling: z
    .strictObject({ outside: list(digits, 20).default([]), international: list(digits, 20).default([]) })
    .default({ outside: [], international: [] }),
  emergencyNumbers: list(digits, 100)
    .nonempty({ error: 'is empty; emergency calls must always be known' })
    .default(['112', '911']),
  groups: z.record(id, groupSchema).default({}),
  extensions: z.record(extensionKey, extensionSchema).default({}),
  trunks: z.record(id, trunkSchema).default({}),
  schedules: z.record(id, scheduleSchema).default({}),
  destinations: z
    .record(
      id.refine((text) => !isBuiltInClass(text), { error: 'is the name of a built-in class; choose another' }),
      destinationSchema,
    )
    .default({}),
  rules: list(ruleSchema, 10_000).default([]),
});

export type PolicyDocument = z.infer<typeof documentSchema>;
export type RuleDocument = z.infer<typeof ruleSchema>;

/** What a new install has: five calls in a second, each extension, always. */
export const DEFAULT_RULE = {
  id: 'default',
  name: 'Default outbound call frequency',
  appliesTo: 'all',
  countPer: 'extension',
  limits: ['5/1s'],
  action: 'block',
} as const satisfies z.input<typeof ruleSchema>;

export const defaultPolicyDocument = (): PolicyDocument => documentSchema.parse({ rules: [DEFAULT_RULE] });

export type ReadDocument =
  | { readonly document: PolicyDocument }
  | { readonly problems: readonly [Problem, ...(readonly Problem[])] };

/** Reads a parsed YAML or JSON value. Never throws; a document is whole or it is its list of problems. */
export function readPolicyDocument(value: unknown): ReadDocument {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { problems: [{ path: '', message: 'is not a policy document; expected keys such as rules and groups' }] };
  }
  const parsed = documentSchema.safeParse(value, { reportInput: true });
  if (!parsed.success) {
    const [first, ...rest] = [...problemsOf(documentSchema, parsed.error), ...inconsistencies(value)];
    return { problems: [first ?? { path: '', message: 'is not a policy document' }, ...rest] };
  }
  const [first, ...rest] = inconsistencies(parsed.data);
  return first === undefined ? { document: parsed.data } : { problems: [first, ...rest] };
}
