/**
 * Rule packs for laws that limit how often and when people may be called: templates with their sources.
 *
 * Not legal advice. A pack turns what a law counts into what a switch can count, on the strict side where the two differ,
 * and says what it cannot know. Whom a law binds, which calls it exempts and what consent allows is for a lawyer.
 */
import type { z } from 'zod';
import type { ruleSchema } from './document.ts';
import type { ScheduleDocument } from './schedule.ts';

export interface LegalSource {
  readonly title: string;
  readonly url: string;
}

/** What a template that follows a law says of itself, beside what every template says. */
export interface LegalNote {
  readonly sources: readonly [LegalSource, ...LegalSource[]];
  /** When the sources were last read, ISO 8601. */
  readonly reviewed: string;
  /** In sentences. */
  readonly cannotKnow: string;
}

export const LEGAL_PACKS_REVIEWED = '2026-11-21';
export const NOT_LEGAL_ADVICE = 'Not legal advice.';

const REGULATION_F = 'https://www.consumerfinance.gov/rules-policy/regulations/1006';
const CALL_FREQUENCY = { title: 'Regulation F, 12 CFR 1006.14(b), with its commentary', url: `${REGULATION_F}/14/` };
const CONVENIENT_TIMES = {
  title: 'Regulation F, 12 CFR 1006.6(b)(1), with its commentary',
  url: `${REGULATION_F}/6/`,
};
const TELEPHONE_SOLICITATION = {
  title: 'Telephone Consumer Protection Act rules, 47 CFR 64.1200(c)(1)',
  url: 'https://www.ecfr.gov/current/title-47/section-64.1200',
};
const FLORIDA = {
  title: 'Florida Telemarketing Act, Fla. Stat. 501.616(6), as changed in 2021 together with 501.059 (SB 1120)',
  url: 'https://www.flsenate.gov/Session/Bill/2021/1120/BillText/er/HTML',
};
const OKLAHOMA = {
  title: 'Oklahoma Telephone Solicitation Act of 2022, 15 O.S. 775C.1 and following (HB 3168)',
  url: 'https://app.legiplex.com/ok/legislature/2022/2022-r/bills/hb3168/drafts-latest',
};

const EVERY_DAY: ScheduleDocument['windows'][number]['days'] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

const calledHours = (name: string, to: string): ScheduleDocument => ({
  name,
  timezone: 'called',
  windows: [{ days: EVERY_DAY, from: '08:00', to }],
  holidays: [],
});

interface PackOptions {
  readonly id: string;
  readonly members?: readonly string[] | undefined;
}

/** A template as templates.ts has them, of this file only in what it builds. */
interface LegalPack {
  readonly name: string;
  readonly title: string;
  readonly says: string;
  readonly needs: ReadonlyArray<{ readonly option: 'members'; readonly required: boolean; readonly what: string }>;
  readonly law: LegalNote;
  readonly build: (options: PackOptions) => {
    readonly groups: Readonly<Record<string, { readonly name: string; readonly members: readonly string[] }>>;
    readonly schedules?: Readonly<Record<string, ScheduleDocument>>;
    readonly rule: z.input<typeof ruleSchema>;
  };
}

/** Whose calls are meant: everybody's, or those of a group. */
const meant = (
  group: string,
  name: string,
  { members }: PackOptions,
): Pick<ReturnType<LegalPack['build']>, 'groups'> & { readonly appliesTo: 'all' | { groups: string[] } } =>
  members === undefined || members.length === 0
    ? { groups: {}, appliesTo: 'all' }
    : { groups: { [group]: { name, members: [...members] } }, appliesTo: { groups: [group] } };

const meantNeed = (group: string): LegalPack['needs'][number] => ({
  option: 'members',
  required: false,
  what: `extensions whose calls are meant, such as 2001-2050, as the group ${group}; without them the calls of all`,
});

const WHERE_IT_IS =
  'A number tells where it was given out and not where its owner is: pass a zone that you know with the call, and the stricter of the two counts.';

export const LEGAL_PACKS: readonly LegalPack[] = Object.freeze([
  {
    name: 'reg-f',
    title: 'Debt collection: 7 calls in 7 days',
    says: 'Refuses the eighth call to a number within 7 days, counted exactly; at worst 7 calls start within 7 days. Calls that the dialplan reports as busy or failed are given back; after one that was answered the number is not called for 7 days. Refuses when its counts cannot be read.',
    needs: [meantNeed('debt-collectors')],
    law: {
      sources: [CALL_FREQUENCY],
      reviewed: LEGAL_PACKS_REVIEWED,
      cannotKnow:
        'The law counts for each person and each debt; a switch knows numbers. So two debts of one person share the 7, which is strict, and two numbers of one person have 7 each, which is not. An answering machine counts as a conversation. Seven calls in one day stay within the count and may still be harassment. It does not know of consent, or that somebody asked not to be called.',
    },
    build: (options: PackOptions) => {
      const { groups, appliesTo } = meant('debt-collectors', 'Debt collectors', options);
      return {
        groups,
        rule: {
          id: options.id,
          name: 'Regulation F: 7 calls in 7 days to a number',
          appliesTo,
          countPer: 'number',
          limits: ['7/7d'],
          counting: 'rolling',
          giveBackOn: ['busy', 'failed'],
          holdAfter: { answered: '7d' },
          whenStoreFails: 'block',
        },
      };
    },
  },
  {
    name: 'three-in-24h',
    title: 'Telephone sales in Florida and Oklahoma: 3 calls in 24 hours',
    says: 'Refuses the fourth call to a number within 24 hours, counted exactly, from whichever number and extension it is made; at worst 3 calls start within 24 hours. Refuses when its counts cannot be read.',
    needs: [meantNeed('telephone-sales')],
    law: {
      sources: [FLORIDA, OKLAHOMA],
      reviewed: LEGAL_PACKS_REVIEWED,
      cannotKnow:
        'The laws count for each person and each subject matter; this counts every call to a number, wherever that is, which is strict, and two numbers of one person have 3 each, which is not. It does not know who is exempt, or who consented.',
    },
    build: (options: PackOptions) => {
      const { groups, appliesTo } = meant('telephone-sales', 'Telephone sales', options);
      return {
        groups,
        rule: {
          id: options.id,
          name: 'Florida and Oklahoma: 3 calls in 24 hours to a number',
          appliesTo,
          countPer: 'number',
          limits: ['3/24h'],
          counting: 'rolling',
          whenStoreFails: 'block',
        },
      };
    },
  },
  {
    name: 'calling-hours',
    title: 'Calling hours: 8:00 to 21:00 where the called party is',
    says: 'Refuses calls before 8:00 and from 21:00 on by the clock of whoever is called, on every day of the week. A number that may be in several time zones is called only when it is between 8:00 and 21:00 in all of them; at worst 0 calls start outside of that.',
    needs: [meantNeed('outreach')],
    law: {
      sources: [CONVENIENT_TIMES, TELEPHONE_SOLICITATION],
      reviewed: LEGAL_PACKS_REVIEWED,
      cannotKnow: `${WHERE_IT_IS} It does not know times that somebody called inconvenient, consent, or holidays on which a state forbids such calls.`,
    },
    build: (options: PackOptions) => {
      const { groups, appliesTo } = meant('outreach', 'Outreach', options);
      return {
        groups,
        schedules: { 'calling-hours': calledHours('Calling hours, by the clock of whoever is called', '21:00') },
        rule: { id: options.id, name: 'Outside calling hours', appliesTo, not: 'calling-hours', limits: [] },
      };
    },
  },
  {
    name: 'calling-hours-florida',
    title: 'Calling hours in Florida and Oklahoma: 8:00 to 20:00 where the called party is',
    says: 'Refuses calls before 8:00 and from 20:00 on by the clock of whoever is called, on every day of the week, wherever that is. A number that may be in several time zones is called only when it is between 8:00 and 20:00 in all of them; at worst 0 calls start outside of that.',
    needs: [meantNeed('telephone-sales')],
    law: {
      sources: [FLORIDA, OKLAHOMA],
      reviewed: LEGAL_PACKS_REVIEWED,
      cannotKnow: `${WHERE_IT_IS} It does not know who is exempt, or who consented.`,
    },
    build: (options: PackOptions) => {
      const { groups, appliesTo } = meant('telephone-sales', 'Telephone sales', options);
      return {
        groups,
        schedules: {
          'calling-hours-florida': calledHours('Calling hours to 20:00, by the clock of whoever is called', '20:00'),
        },
        rule: {
          id: options.id,
          name: 'Outside calling hours of Florida and Oklahoma',
          appliesTo,
          not: 'calling-hours-florida',
          limits: [],
        },
      };
    },
  },
] satisfies LegalPack[]);
