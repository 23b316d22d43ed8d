/**
 * Ready rules for the wants that come up most: each with the group, schedule or list that it needs, and with what it
 * permits at worst.
 *
 * A template only ever adds. A group, trunk, schedule or list that is there already is used as it is, whatever stands in
 * it: people have edited it. A rule of the same id is a refusal. Starting points that a site edits, like any rule.
 */
import type { z } from 'zod';
import { type PolicyDocument, ruleSchema } from './document.ts';
import { HIGH_RISK_PREFIXES, HIGH_RISK_REVIEWED, HIGH_RISK_SOURCES } from './high-risk.ts';
import { LEGAL_PACKS, type LegalNote } from './legal-packs.ts';
import { describeLimit, describePeriod, parseLimit, worstCasePerPeriod } from './limit.ts';
import type { Problem } from './problem.ts';
import { describePermitted } from './rule-words.ts';
import type { ScheduleDocument } from './schedule.ts';

type RuleFields = z.input<typeof ruleSchema>;

/** What whoever adds a template may say of it. */
export interface TemplateOptions {
  /** Id of the rule; absent: the name of the template. */
  readonly id?: string | undefined;
  /** Count and report, never act. */
  readonly shadow?: boolean | undefined;
  /** Extensions, ranges and patterns for the group, where the template has one. */
  readonly members?: readonly string[] | undefined;
  readonly trunk?: string | undefined;
}

/** A part of a policy document. */
export interface TemplatePieces {
  readonly groups?: Readonly<Record<string, { readonly name: string; readonly members: readonly string[] }>>;
  readonly trunks?: Readonly<Record<string, object>>;
  readonly schedules?: Readonly<Record<string, ScheduleDocument>>;
  readonly destinations?: Readonly<Record<string, { readonly name: string; readonly prefixes: readonly string[] }>>;
  readonly rule: RuleFields;
}

export interface TemplateNeed {
  readonly option: 'members' | 'trunk';
  readonly required: boolean;
  readonly what: string;
}

export interface Template {
  readonly name: string;
  readonly title: string;
  /** What it does and what it permits at worst, in sentences. */
  readonly says: string;
  readonly needs: readonly TemplateNeed[];
  /** Where it follows a law. */
  readonly law?: LegalNote;
  /** @param site what is known of the place that it is for; the list of risks leaves the home country out */
  readonly build: (
    options: TemplateOptions & { readonly id: string },
    site: Pick<PolicyDocument, 'homeCountry'>,
  ) => TemplatePieces;
}

const PIECES = ['groups', 'trunks', 'schedules', 'destinations'] as const;
type PieceKind = (typeof PIECES)[number];
type PieceNames = Readonly<Record<PieceKind, readonly string[]>>;

/** What adding a template makes of a document: any value, to be checked like one that a person wrote. */
export interface TemplateAddition {
  readonly document: object;
  readonly rule: string;
  readonly added: PieceNames;
  /** Was there already and is used as it is. */
  readonly used: PieceNames;
}

const sentenceOf = (counted: string, ...texts: readonly string[]): string =>
  texts
    .map((text) => {
      const limit = parseLimit(text);
      if ('problem' in limit) throw new RangeError(limit.problem);
      const most = worstCasePerPeriod(limit);
      const start = most === 1 ? '1 call starts' : `${most} calls start`;
      return `${describeLimit(limit)} for ${counted}; at worst ${start} within ${describePeriod(limit.periodSeconds)}.`;
    })
    .join(' ');

/** What the fields of a rule permit, in sentences. */
const sentencesOf = (fields: Omit<RuleFields, 'id'>): string =>
  describePermitted(ruleSchema.parse({ ...fields, id: 'template' }))
    .map((clause) => `${clause.charAt(0).toUpperCase()}${clause.slice(1)}.`)
    .join(' ');

const group = (id: string, name: string, { members }: TemplateOptions) => ({
  [id]: { name, members: [...(members ?? [])] },
});
const membersNeed = (group: string): TemplateNeed => ({
  option: 'members',
  required: false,
  what: `extensions of the group ${group}, such as 2001-2050; without them the group is added empty`,
});

const CALL_CENTRE_LIMIT = '30/1m';
const STAFF_LIMIT = '5/1m';
const AFTER_HOURS_LIMIT = '2/1h';
const INTERNATIONAL_LIMIT = '3/1h';
const CONTRACTORS_LIMIT = '1/1m';
/** Permits 9 within a second at worst: under the ten that small trunks are commonly sold with. */
const CARRIER_LIMIT = '5/1s';
/** Q.850: no circuit or channel available, so that a dialplan can try the next trunk. */
const NO_CIRCUIT = 34;

/**
 * One every 125 ms: 8 within any second, 9 with both its ends. So a carrier that takes 10 still takes the one that the
 * network delays into the next second.
 */
const TRUNK_PACE = {
  countPer: 'trunk',
  limits: ['8/1s'],
  action: 'wait',
  burst: 1,
  maxWait: '5s',
  whileWaiting: 'ringing',
  hangupCause: NO_CIRCUIT,
} as const satisfies Omit<RuleFields, 'id'>;
/** A call, one on hold, and two more for a transfer: whoever has more is a dialler, or hacked. */
const CALLS_AT_ONCE = { countPer: 'extension', concurrent: 4 } as const satisfies Omit<RuleFields, 'id'>;
/** Few meetings last longer, and a call that nobody hung up is paid for until somebody does. */
const LONGEST_CALL_HOURS = 2;

const AFTER_HOURS: ScheduleDocument = {
  name: 'After hours',
  windows: [
    { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '18:00', to: '08:00' },
    { days: ['sat'], from: '00:00', to: '24:00' },
    { days: ['sun'], from: '00:00', to: '08:00', nextDay: true },
  ],
  holidays: [],
};

const publishers = (): string => {
  const names = Object.values(HIGH_RISK_SOURCES).map(({ publisher }) => publisher.replace(/,? (?:as |on what ).*/, ''));
  return [...new Set(names)].join('; ');
};

/** The names of the list are those that this gives; a test holds it to them. */
const COUNTRY_NAMES = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' });

/**
 * The shipped list without some countries. It names whole countries: with one's own, every national call would be blocked.
 *
 * @param leftOut ISO 3166-1 alpha-2
 */
export function highRiskPrefixes(leftOut: readonly string[]): string[] {
  const names = new Set(leftOut.map((country) => COUNTRY_NAMES.of(country)));
  return HIGH_RISK_PREFIXES.filter(({ name }) => !names.has(name)).map(({ prefix }) => prefix);
}

export const TEMPLATES: readonly Template[] = Object.freeze([
  {
    name: 'call-centre',
    title: 'Call centre as a whole',
    says: `Refuses calls of the group call-centre beyond ${sentenceOf('the group as a whole', CALL_CENTRE_LIMIT)}`,
    needs: [membersNeed('call-centre')],
    build: (options) => ({
      groups: group('call-centre', 'Call centre', options),
      rule: {
        id: options.id,
        name: 'Call centre as a whole',
        appliesTo: { groups: ['call-centre'] },
        countPer: 'group',
        limits: [CALL_CENTRE_LIMIT],
      },
    }),
  },
  {
    name: 'staff',
    title: 'General staff',
    says: `Refuses calls of any extension beyond ${sentenceOf('each extension on its own', STAFF_LIMIT)}`,
    needs: [],
    build: ({ id }) => ({ rule: { id, name: 'General staff', limits: [STAFF_LIMIT] } }),
  },
  {
    name: 'after-hours',
    title: 'Outside office hours',
    says: `From Monday to Friday between 18:00 and 08:00 and from Friday 18:00 to Monday 08:00 without a gap, by the clock of the policy's timezone (UTC unless it is set), refuses calls of any extension beyond ${sentenceOf('each extension on its own', AFTER_HOURS_LIMIT)}`,
    needs: [],
    build: ({ id }) => ({
      schedules: { 'after-hours': AFTER_HOURS },
      rule: { id, name: 'Outside office hours', during: 'after-hours', limits: [AFTER_HOURS_LIMIT] },
    }),
  },
  {
    name: 'international',
    title: 'International calls of those permitted',
    says: `Refuses international calls of extensions that have the permission international beyond ${sentenceOf('each extension on its own', INTERNATIONAL_LIMIT)} It says nothing of extensions without the permission. It needs homeCountry, and extensions that have the permission.`,
    needs: [],
    build: ({ id }) => ({
      rule: {
        id,
        name: 'International calls of those permitted',
        appliesTo: { destinations: ['international'], permissions: ['international'] },
        limits: [INTERNATIONAL_LIMIT],
      },
    }),
  },
  {
    name: 'contractors',
    title: 'Contractors',
    says: `Refuses calls of extensions of the group contractors beyond ${sentenceOf('each extension on its own', CONTRACTORS_LIMIT)}`,
    needs: [membersNeed('contractors')],
    build: (options) => ({
      groups: group('contractors', 'Contractors', options),
      rule: {
        id: options.id,
        name: 'Contractors',
        appliesTo: { groups: ['contractors'] },
        limits: [CONTRACTORS_LIMIT],
      },
    }),
  },
  {
    name: 'high-risk',
    title: 'High-risk destinations',
    says: `Refuses every call to ${HIGH_RISK_PREFIXES.length} prefixes where toll fraud has been seen to send its calls; at worst 0 calls go there. Most calls there are honest: edit the list for your site. Reviewed ${HIGH_RISK_REVIEWED}; named by ${Object.keys(HIGH_RISK_SOURCES).length} public sources: ${publishers()}.`,
    needs: [],
    build: ({ id }, { homeCountry }) => ({
      destinations: {
        'high-risk': {
          name: `High-risk destinations, reviewed ${HIGH_RISK_REVIEWED}`,
          prefixes: highRiskPrefixes(homeCountry === undefined ? [] : [homeCountry]),
        },
      },
      rule: { id, name: 'High-risk destinations', appliesTo: { destinations: ['high-risk'] }, limits: [] },
    }),
  },
  {
    name: 'carrier-cps',
    title: 'Calls per second of a trunk',
    says: `Refuses calls over one trunk, with the cause "no circuit available", beyond ${sentenceOf('the trunk', CARRIER_LIMIT)} That suits a carrier that takes 10 in any second; write half of what yours takes.`,
    needs: [{ option: 'trunk', required: true, what: 'the trunk, as the dialplan names it' }],
    build: ({ id, trunk = '' }) => ({
      trunks: { [trunk]: {} },
      rule: {
        id,
        name: `Calls per second of ${trunk}`,
        appliesTo: { trunks: [trunk] },
        countPer: 'trunk',
        limits: [CARRIER_LIMIT],
        hangupCause: NO_CIRCUIT,
      },
    }),
  },
  {
    name: 'trunk-cps',
    title: 'Calls of a trunk at an even pace',
    says: `Lets calls over one trunk take their turn instead of refusing them: ${sentencesOf(TRUNK_PACE)} A call without a place is refused, with the cause "no circuit available". That suits a carrier that takes 10 in any second; write a little less than what yours takes.`,
    needs: [{ option: 'trunk', required: true, what: 'the trunk, as the dialplan names it' }],
    build: ({ id, trunk = '' }) => ({
      trunks: { [trunk]: {} },
      rule: { id, name: `Pace of ${trunk}`, appliesTo: { trunks: [trunk] }, ...TRUNK_PACE },
    }),
  },
  {
    name: 'concurrent-per-extension',
    title: 'Calls at once of an extension',
    says: `Refuses calls of any extension while it has ${CALLS_AT_ONCE.concurrent} under way; at worst ${CALLS_AT_ONCE.concurrent} calls go at once for each extension on its own, however many it places in turn. A call counts until the dialplan or the manager interface reports its end.`,
    needs: [],
    build: ({ id }) => ({ rule: { id, name: 'Calls at once of an extension', ...CALLS_AT_ONCE } }),
  },
  {
    name: 'long-calls',
    title: 'Calls that nobody hung up',
    says: `Ends calls ${LONGEST_CALL_HOURS} hours after they were let go, ringing included, whoever calls; at worst ${LONGEST_CALL_HOURS} hours of each call are paid for. It refuses none. Calls under way are ended as well where the manager interface is configured.`,
    needs: [],
    build: ({ id }) => ({ rule: { id, name: 'Calls that nobody hung up', maxDuration: `${LONGEST_CALL_HOURS}h` } }),
  },
  ...LEGAL_PACKS,
] satisfies Template[]);

export const findTemplate = (name: string): Template | undefined => TEMPLATES.find((each) => each.name === name);

/**
 * Adds the pieces of a template that a document lacks.
 *
 * @returns what becomes of the document, or why nothing can; paths are those of the options
 */
export function addTemplate(
  document: PolicyDocument,
  template: Template,
  options: TemplateOptions,
): TemplateAddition | { readonly problems: readonly [Problem, ...(readonly Problem[])] } {
  const id = options.id ?? template.name;
  const [first, ...rest] = problemsOf(template, options, id, document);
  if (first !== undefined) return { problems: [first, ...rest] };
  const { rule, ...pieces } = template.build({ ...options, id }, document);
  const merged = PIECES.map((kind) => {
    const wanted = Object.entries(pieces[kind] ?? {});
    const there = document[kind];
    const missing = wanted.filter(([piece]) => !Object.hasOwn(there, piece));
    const present = wanted.filter(([piece]) => Object.hasOwn(there, piece));
    return {
      kind,
      entries: { ...there, ...Object.fromEntries(missing) },
      added: missing.map(([piece]) => piece),
      used: present.map(([piece]) => piece),
    };
  });
  const byKind = <T>(what: (each: (typeof merged)[number]) => T): Readonly<Record<PieceKind, T>> =>
    Object.fromEntries(merged.map((each) => [each.kind, what(each)])) as Record<PieceKind, T>;
  return {
    document: {
      ...document,
      ...byKind(({ entries }) => entries),
      rules: [...document.rules, options.shadow === true ? { ...rule, mode: 'shadow' } : rule],
    },
    rule: id,
    added: byKind(({ added }) => added),
    used: byKind(({ used }) => used),
  };
}

function problemsOf(template: Template, options: TemplateOptions, id: string, document: PolicyDocument): Problem[] {
  const problems: Problem[] = [];
  if (document.rules.some((rule) => rule.id === id)) {
    problems.push({ path: 'id', message: `"${id}" is taken by a rule that is there; choose another id` });
  }
  for (const option of ['members', 'trunk'] as const) {
    const need = template.needs.find((each) => each.option === option);
    const given = options[option] !== undefined && options[option].length > 0;
    if (given && need === undefined) {
      problems.push({ path: option, message: `is of no use to the template ${template.name}; leave it out` });
    } else if (!given && need?.required === true) {
      problems.push({ path: option, message: `is missing; the template ${template.name} needs ${need.what}` });
    }
  }
  return problems;
}
