/**
 * Starter packs: a whole set of rules against toll fraud for a kind of site, made from six figures.
 *
 * A pack is a proposal. It makes a document to be looked at and applied; it never changes a policy. What it brings has ids
 * that begin with its name: asked again with other figures, it replaces its own pieces and leaves all others alone.
 *
 * The order of what protects was found by replaying published patterns of fraud (docs/starter-packs.md): first calls to a
 * country that are held, money for each extension and for the site, and a lock as soon as that money is gone. What limits
 * calls that start bounds what has no price to speak of. Only calls abroad are ever locked: the one who suffers in an
 * attack is the owner of the stolen extension.
 */
import { z } from 'zod';
import type { PolicyDocument, ruleSchema } from './document.ts';
import { HIGH_RISK_REVIEWED } from './high-risk.ts';
import { type ScheduleDocument, scheduleSchema, timezoneSchema, WEEKDAYS } from './schedule.ts';
import { highRiskPrefixes } from './templates.ts';

type RuleFields = z.input<typeof ruleSchema>;

export const PACK_NAMES = ['office', 'company', 'hotel', 'call-centre'] as const;
export type PackName = (typeof PACK_NAMES)[number];

const MONEY_HINT = 'is not an amount of money; write it like 40 or 12.50';
const money = z.coerce.string().regex(/^(?=.*[1-9])\d{1,7}(?:\.\d{1,2})?$/, { error: MONEY_HINT });
const country = z.string().regex(/^[A-Z]{2}$/, { error: 'is not a country; write two capital letters such as US' });

/** What a pack asks for. Absent: as the pack has it, and the home country as the policy has it. */
export const packFiguresSchema = z.strictObject({
  homeCountry: country.optional(),
  /** Called often enough that nobody need be asked about calls there although they are on the list of risks. */
  knownCountries: z.array(country).max(250).optional(),
  /** Money a day for calls abroad of one extension, in the currency of the rate sheet. */
  extensionPerDay: money.optional(),
  /** The same for all extensions together. */
  sitePerDay: money.optional(),
  /** When people work here: windows as schedules have them. */
  hours: scheduleSchema.shape.windows.unwrap().optional(),
  /** By whose clock; the policy's where none is given. */
  timezone: timezoneSchema.optional(),
});
export type PackFigures = z.infer<typeof packFiguresSchema>;

type Windows = ScheduleDocument['windows'];

/** The figures with every gap filled. */
interface Settled {
  readonly homeCountry: string;
  readonly knownCountries: readonly string[];
  readonly extensionPerDay: string;
  readonly sitePerDay: string;
  readonly hours: Windows;
  /** Undefined: the policy's. */
  readonly timezone: string | undefined;
}

interface Shape {
  readonly title: string;
  readonly extensionPerDay: string;
  readonly sitePerDay: string;
  readonly hours: Windows;
  /** Calls that one extension may start while people work, and outside of that. */
  readonly rate: readonly string[];
  readonly rateClosed: readonly string[];
  readonly atOnce: number;
  readonly atOnceAbroad: number;
}

const WORKDAYS: Windows[number]['days'] = ['mon', 'tue', 'wed', 'thu', 'fri'];
const EVERY_DAY: Windows[number]['days'] = [...WORKDAYS, 'sat', 'sun'];

const SHAPES: Readonly<Record<PackName, Shape>> = {
  office: {
    title: 'An office of up to some fifty people',
    extensionPerDay: '10',
    sitePerDay: '40',
    hours: [{ days: WORKDAYS, from: '07:00', to: '19:00' }],
    rate: ['12/1m', '120/1h'],
    rateClosed: ['25/1h'],
    atOnce: 4,
    atOnceAbroad: 2,
  },
  company: {
    title: 'A company of some hundred people, with customers abroad',
    extensionPerDay: '30',
    sitePerDay: '300',
    hours: [{ days: WORKDAYS, from: '07:00', to: '20:00' }],
    rate: ['12/1m', '120/1h'],
    rateClosed: ['25/1h'],
    atOnce: 4,
    atOnceAbroad: 3,
  },
  hotel: {
    title: 'A hotel: guests who call home at any hour',
    extensionPerDay: '50',
    sitePerDay: '200',
    // Guests call home at any hour.
    hours: [{ days: EVERY_DAY, from: '00:00', to: '24:00' }],
    rate: ['10/1m', '60/1h'],
    rateClosed: ['20/1h'],
    atOnce: 3,
    atOnceAbroad: 2,
  },
  'call-centre': {
    title: 'A call centre: agents who call all day, and hardly ever abroad',
    extensionPerDay: '15',
    sitePerDay: '150',
    hours: [{ days: WORKDAYS, from: '08:00', to: '21:00' }],
    rate: ['15/1m', '200/1h'],
    rateClosed: ['10/1h'],
    atOnce: 4,
    atOnceAbroad: 2,
  },
};

export interface PackReport {
  readonly name: PackName;
  readonly title: string;
  /** What it does, in sentences. */
  readonly says: string;
  /** What it permits at worst, in money a day. */
  readonly worstCase: string;
  /** The figures that it asks for, and what it takes where none is given. */
  readonly figures: readonly PackFigure[];
  /** The working hours that it takes where none are given. */
  readonly hours: Windows;
}

export interface PackFigure {
  readonly name: keyof PackFigures;
  readonly what: string;
  /** Undefined: the policy's, and if it has none it must be given. */
  readonly usual: string | undefined;
}

/** What applying a pack would make of a policy. */
export interface PackProposal extends PackReport {
  /** Any value, to be checked like one that a person wrote. */
  readonly document: object;
  readonly rules: readonly string[];
}

/** How much of a ceiling is left when people are asked: the soft ceiling is so much of the hard one. */
const SOFT_SHARE = 0.6;
/** Outside working hours so much of the extension's money is enough. */
const CLOSED_SHARE = 0.25;
/** Two refusals may be mistakes; who goes on dialling what is refused is no person, or should be asked. */
const REFUSALS_BEFORE_LOCK = 5;
const FIRST_CALL_WITHIN = '90d';
/** Few conferences last longer, and tighter ones end honest calls. */
const LONGEST_CALL = '4h';
/** Dialling again and again until somebody answers stays far below; a call every few seconds does not. */
const SAME_NUMBER = ['20/1h', '40/1d'];

const ABROAD = ['international', 'premium', 'satellite', 'unknown'] as const;

export const packReports = (): readonly PackReport[] =>
  PACK_NAMES.map((name) => reportOf(name, usualOf(name, 'your country')));

const usualOf = (name: PackName, homeCountry: string): Settled => ({
  ...SHAPES[name],
  homeCountry,
  knownCountries: [],
  timezone: undefined,
});

/**
 * What a document becomes with a pack in it.
 *
 * @returns undefined where nobody says which country is home
 */
export function proposePack(name: PackName, figures: PackFigures, document: PolicyDocument): PackProposal | undefined {
  const homeCountry = figures.homeCountry ?? document.homeCountry;
  if (homeCountry === undefined) return undefined;
  const usual = usualOf(name, homeCountry);
  const settled: Settled = {
    homeCountry,
    knownCountries: figures.knownCountries ?? usual.knownCountries,
    extensionPerDay: figures.extensionPerDay ?? usual.extensionPerDay,
    sitePerDay: figures.sitePerDay ?? usual.sitePerDay,
    hours: figures.hours ?? usual.hours,
    timezone: figures.timezone,
  };
  const rules = rulesOf(name, settled);
  const ids = new Set(rules.map(({ id }) => id));
  return {
    ...reportOf(name, settled),
    rules: [...ids],
    document: {
      ...document,
      homeCountry,
      schedules: {
        ...document.schedules,
        [`${name}-hours`]: {
          name: 'When people work here',
          ...(settled.timezone === undefined ? {} : { timezone: settled.timezone }),
          windows: settled.hours,
        },
      },
      destinations: {
        ...document.destinations,
        [`${name}-risks`]: {
          name: `High-risk destinations, reviewed ${HIGH_RISK_REVIEWED}`,
          prefixes: highRiskPrefixes([homeCountry, ...settled.knownCountries]),
        },
      },
      rules: [...document.rules.filter(({ id }) => !ids.has(id)), ...rules],
    },
  };
}

const cents = (amount: string, share: number): string => (Math.ceil(Number(amount) * share * 100) / 100).toFixed(2);

function rulesOf(name: PackName, { extensionPerDay, sitePerDay }: Settled): RuleFields[] {
  const { rate, rateClosed, atOnce, atOnceAbroad } = SHAPES[name];
  const abroad = { destinations: [...ABROAD] };
  const lockout = { after: REFUSALS_BEFORE_LOCK, within: '24h', destinations: [...ABROAD] };
  const closed = { not: `${name}-hours` };
  const spend = (amount: string) => ({ soft: `${cents(amount, SOFT_SHARE)}/1d`, hard: `${cents(amount, 1)}/1d` });
  const rule = (id: string, title: string, fields: Omit<RuleFields, 'id' | 'name'>): RuleFields => ({
    id: `${name}-${id}`,
    name: title,
    ...fields,
  });
  return [
    rule('premium', 'Premium and satellite numbers', {
      appliesTo: { destinations: ['premium', 'satellite'] },
      lockout,
    }),
    rule('risks', 'High-risk destinations', {
      appliesTo: { destinations: [`${name}-risks`] },
      action: 'approve',
      lockout,
    }),
    rule('first-call', 'First call to a country', {
      appliesTo: { destinations: ['international', 'unknown'] },
      countPer: 'system',
      firstCallTo: { what: 'country', within: FIRST_CALL_WITHIN },
      action: 'approve',
    }),
    rule('spend-extension', 'Money abroad of an extension', {
      appliesTo: abroad,
      spend: spend(extensionPerDay),
      action: 'approve',
      lockout,
    }),
    rule('spend-closed', 'Money abroad of an extension while nobody works', {
      appliesTo: abroad,
      ...closed,
      spend: { hard: `${cents(extensionPerDay, CLOSED_SHARE)}/1d` },
      lockout,
    }),
    rule('spend-site', 'Money abroad of everybody', {
      appliesTo: abroad,
      countPer: 'system',
      spend: spend(sitePerDay),
      action: 'approve',
      lockout,
    }),
    rule('at-once', 'Calls at once of an extension', { concurrent: atOnce }),
    rule('at-once-abroad', 'Calls abroad at once of an extension', { appliesTo: abroad, concurrent: atOnceAbroad }),
    rule('rate', 'Calls of an extension', { limits: [...rate] }),
    rule('rate-closed', 'Calls of an extension while nobody works', { ...closed, limits: [...rateClosed] }),
    rule('same-number', 'Calls of an extension to one number', {
      countPer: 'extension-number',
      limits: [...SAME_NUMBER],
      counting: 'rolling',
    }),
    rule('long-calls', 'Calls that nobody hung up', { maxDuration: LONGEST_CALL }),
  ];
}

function reportOf(name: PackName, settled: Settled): PackReport {
  const { title, rate, rateClosed, atOnce, atOnceAbroad } = SHAPES[name];
  const { extensionPerDay, sitePerDay, homeCountry } = settled;
  const known = settled.knownCountries.length === 0 ? '' : ` and ${settled.knownCountries.join(', ')}`;
  const words = (limits: readonly string[]): string => limits.join(' and ');
  return {
    name,
    title,
    says: [
      'Refuses premium and satellite numbers.',
      `Asks a supervisor before a call to a high-risk destination outside ${homeCountry}${known}, before the first call of anybody to a country in ${FIRST_CALL_WITHIN}, and once ${SOFT_SHARE * 100} % of a day's money is spent.`,
      `Ends the calls abroad of an extension that has spent ${extensionPerDay} in a day, or ${cents(extensionPerDay, CLOSED_SHARE)} while nobody works, and locks its calls abroad until a person clears the lock; does the same to everybody at ${sitePerDay}.`,
      `Refuses calls of an extension beyond ${atOnce} at once, ${atOnceAbroad} of them abroad, beyond ${words(rate)} (${words(rateClosed)} while nobody works), and beyond ${words(SAME_NUMBER)} to one number; ends calls after ${LONGEST_CALL}.`,
      `Takes the working hours to be ${hoursText(settled.hours)} by the clock ${settled.timezone === undefined ? 'of the policy' : `of ${settled.timezone}`}.`,
      'National and emergency calls are never locked.',
    ].join(' '),
    worstCase: `Calls abroad cost at worst ${sitePerDay} a day in all and ${extensionPerDay} for one extension, and what its last calls run up in the seconds that ending them takes; then they are locked. National calls are bounded in number, not in money.`,
    figures: [
      { name: 'homeCountry', what: 'home country, two capital letters', usual: undefined },
      { name: 'knownCountries', what: 'countries that are called often', usual: 'none' },
      {
        name: 'extensionPerDay',
        what: 'money a day for calls abroad of one extension',
        usual: SHAPES[name].extensionPerDay,
      },
      { name: 'sitePerDay', what: 'money a day for calls abroad of all together', usual: SHAPES[name].sitePerDay },
      { name: 'hours', what: 'when people work here', usual: hoursText(SHAPES[name].hours) },
      { name: 'timezone', what: 'time zone of these hours, such as America/New_York', usual: "the policy's" },
    ],
    hours: SHAPES[name].hours,
  };
}

const hoursText = (windows: Windows): string =>
  windows
    .map(({ days, from, to, nextDay }) => `${daysText(days)} ${from}-${to}${nextDay === true ? '+1' : ''}`)
    .join(', ');

/** `mon-fri`, `mon,wed`: as `--hours` takes them. */
function daysText(days: Windows[number]['days']): string {
  const places = days.map((day) => WEEKDAYS.indexOf(day));
  const isRun = places.every((place, at) => at === 0 || place === (places[at - 1] ?? 0) + 1);
  return isRun && days.length > 2 ? `${days.at(0)}-${days.at(-1)}` : days.join(',');
}
