/** Policies with one thing wrong each, and what the doctor of rules has to find in them. */
import { defaultPolicyDocument } from '../../src/policy/document.ts';

/** A rule that nothing is wrong with. */
export const fine = { id: 'fine', limits: ['5/1m'] };
/** Twenty a second, for which calls wait two seconds at most. */
export const pace = { id: 'pace', limits: ['20/1s'], action: 'wait' };
export const windows = [{ days: ['wed'], from: '13:00', to: '14:00' }];
const home = { homeCountry: 'US' };

/** What is looked at, what is found; NOW is a Wednesday, 12:00 UTC. */
export const DOCTOR_CASES: Readonly<Record<string, readonly [document: object, ...found: string[]]>> = {
  'a rule without fault': [{ rules: [fine] }],
  'a new install, where a limit per second alone lets a steady run of calls through': [
    defaultPolicyDocument(),
    'info default permits-much',
  ],
  'a disabled rule, of which nothing else is said': [
    { rules: [{ id: 'r', enabled: false, limits: ['9/1s', '9/1h'] }] },
    'info r disabled',
  ],
  'a rule in shadow': [{ rules: [{ ...fine, mode: 'shadow' }] }, 'info fine shadow'],

  'a group without members': [
    { groups: { g: {} }, rules: [{ ...fine, appliesTo: { groups: ['g'] } }] },
    'error fine empty-scope',
  ],
  'a group without members beside one that has some': [
    { groups: { g: {}, h: { members: ['1'] } }, rules: [{ ...fine, appliesTo: { groups: ['g', 'h'] } }] },
  ],
  'counting per group where no group has members': [
    { groups: { g: {} }, rules: [{ ...fine, countPer: 'group' }] },
    'error fine empty-scope',
  ],
  'a list without prefixes': [
    { destinations: { d: {} }, rules: [{ ...fine, appliesTo: { destinations: ['d'] } }] },
    'error fine empty-scope',
  ],
  'a permission that nobody has': [
    { extensions: { '1001': {} }, rules: [{ ...fine, appliesTo: { permissions: ['abroad'] } }] },
    'error fine empty-scope',
  ],
  'a permission that only others have': [
    {
      extensions: { '1001': { permissions: ['abroad'] } },
      rules: [{ ...fine, appliesTo: { extensions: ['2001-2050'], permissions: ['abroad'] } }],
    },
    'error fine empty-scope',
  ],
  'a permission that one of a pattern has': [
    {
      extensions: { '2001': { permissions: ['abroad'] } },
      rules: [{ ...fine, appliesTo: { extensions: ['20xx'], permissions: ['abroad'] } }],
    },
  ],
  'extensions that are not in the group beside them': [
    {
      groups: { g: { members: ['3001-3050'] } },
      rules: [{ ...fine, appliesTo: { extensions: ['2001-2050'], groups: ['g'] } }],
    },
    'error fine empty-scope',
  ],
  'extensions of which one is in the group beside them': [
    {
      groups: { g: { members: ['20xx'] } },
      rules: [{ ...fine, appliesTo: { extensions: ['1001', '2050'], groups: ['g'] } }],
    },
  ],
  'counting per group for extensions that are in none': [
    {
      groups: { g: { members: ['3001'] } },
      rules: [{ ...fine, countPer: 'group', appliesTo: { extensions: ['1001'] } }],
    },
    'error fine empty-scope',
  ],

  'a schedule that is closed now': [
    { schedules: { s: { windows } }, rules: [{ ...fine, during: 's' }] },
    'info fine closed-now',
  ],
  'a schedule that is closed now, of which the opposite is meant': [
    { schedules: { s: { windows } }, rules: [{ ...fine, not: 's' }] },
  ],
  'a schedule of days that are over': [
    { schedules: { s: { holidays: ['2020-01-01'] } }, rules: [{ ...fine, during: 's' }] },
    'error fine never-open',
  ],
  'the opposite of always': [
    {
      schedules: {
        s: { windows: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], from: '00:00', to: '24:00' }] },
      },
      rules: [{ ...fine, not: 's' }],
    },
    'error fine never-open',
  ],

  'national without a home country': [
    { rules: [{ ...fine, appliesTo: { destinations: ['national'] } }] },
    'error fine needs-home-country',
  ],
  'international without a home country': [
    { rules: [{ ...fine, appliesTo: { destinations: ['international', 'unknown'] } }] },
    'warning fine needs-home-country',
  ],
  'a country without a home country': [
    { rules: [{ ...fine, appliesTo: { destinations: ['country:CU'] } }] },
    'warning fine needs-home-country',
  ],
  'a list of international prefixes without a home country': [
    { destinations: { d: { prefixes: ['+53'] } }, rules: [{ ...fine, appliesTo: { destinations: ['d'] } }] },
    'warning fine needs-home-country',
  ],
  'destinations that need no plan, without a home country': [
    {
      destinations: { d: { prefixes: ['118'] } },
      rules: [{ ...fine, appliesTo: { destinations: ['d', 'internal', 'shortcode'] } }],
    },
  ],
  'a lockout without a home country': [
    { rules: [{ ...fine, lockout: { after: 5, within: '24h' } }] },
    'warning fine needs-home-country',
  ],
  'a first call to a country, without a home country': [
    { rules: [{ id: 'first', firstCallTo: { what: 'country', within: '90d' } }] },
    'warning first needs-home-country',
  ],
  'a lockout of what needs no plan, without a home country': [
    {
      destinations: { d: { prefixes: ['118'] } },
      rules: [{ ...fine, lockout: { after: 5, within: '24h', destinations: ['d', 'unknown'] } }],
    },
  ],
  'a lockout with a home country': [{ ...home, rules: [{ ...fine, lockout: { after: 5, within: '24h' } }] }],
  'national with a home country': [{ ...home, rules: [{ ...fine, appliesTo: { destinations: ['national'] } }] }],

  'a rule beside a stricter one for all': [
    { rules: [fine, { id: 'loose', limits: ['10/1m', '400/1h'], appliesTo: { extensions: ['1001'] } }] },
    'warning loose shadowed',
  ],
  'a rule before the stricter one': [{ rules: [{ id: 'loose', limits: ['10/1m'] }, fine] }, 'warning loose shadowed'],
  'two rules that are alike: the second goes': [{ rules: [fine, { ...fine, id: 'again' }] }, 'warning again shadowed'],
  'a rule of which one limit is tighter': [{ rules: [fine, { id: 'loose', limits: ['10/1m', '100/1h'] }] }],
  'a stricter rule that counts something else': [
    {
      rules: [
        { ...fine, countPer: 'system' },
        { id: 'loose', limits: ['10/1m'] },
      ],
    },
  ],
  'a stricter rule that only reports': [
    {
      rules: [
        { ...fine, action: 'alert' },
        { id: 'loose', limits: ['10/1m'] },
      ],
    },
  ],
  'a stricter rule in shadow': [
    {
      rules: [
        { ...fine, mode: 'shadow' },
        { id: 'loose', limits: ['10/1m'] },
      ],
    },
    'info fine shadow',
  ],
  'a stricter rule of some hours': [
    {
      schedules: { s: { windows } },
      rules: [
        { ...fine, not: 's' },
        { id: 'loose', limits: ['10/1m'] },
      ],
    },
  ],
  'a stricter rule of the same hours': [
    {
      schedules: { s: { windows } },
      rules: [
        { ...fine, not: 's' },
        { id: 'loose', limits: ['10/1m'], not: 's' },
      ],
    },
    'warning loose shadowed',
  ],
  'a stricter rule for a part of the extensions': [
    {
      rules: [
        { ...fine, appliesTo: { extensions: ['2001-2040'] } },
        { id: 'loose', limits: ['10/1m'], appliesTo: { extensions: ['2001-2050'] } },
      ],
    },
  ],
  'a stricter rule for more of the extensions, written otherwise': [
    {
      rules: [
        { ...fine, appliesTo: { extensions: ['20xx'] } },
        { id: 'loose', limits: ['10/1m'], appliesTo: { extensions: ['2001-2050', '2099'] } },
      ],
    },
    'warning loose shadowed',
  ],
  'a stricter rule that does not name internal calls': [
    { rules: [fine, { id: 'loose', limits: ['10/1m'], appliesTo: { destinations: ['internal'] } }] },
  ],
  'a rule for what another refuses altogether': [
    {
      rules: [
        { id: 'no', appliesTo: { extensions: ['1001'] } },
        { id: 'r', limits: ['1/1d'], countPer: 'system', appliesTo: { extensions: ['1001'] } },
      ],
    },
    'warning r shadowed',
  ],
  'a rule that still refuses when the stricter one cannot be counted': [
    { rules: [fine, { id: 'loose', limits: ['10/1m'], whenStoreFails: 'block' }] },
  ],

  'a limit per minute under which the one per hour comes first': [
    { rules: [{ id: 'r', limits: ['100/1m', '50/1h'] }] },
    'warning r idle-limit',
  ],
  'a limit per hour that the one per second never lets be reached': [
    { rules: [fine, { id: 'r', countPer: 'system', limits: ['5/1s', '30000/1h'] }] },
    'warning r idle-limit',
  ],
  'limits that both matter': [{ rules: [{ id: 'r', limits: ['5/1s', '100/1h'] }] }],
  'rolling limits, where the larger is out of reach': [
    { rules: [{ id: 'r', counting: 'rolling', limits: ['3/1d', '40/7d'] }] },
    'warning r idle-limit',
  ],
  'rolling limits that both matter': [{ rules: [{ id: 'r', counting: 'rolling', limits: ['3/1d', '7/7d'] }] }],

  'more than a thousand calls an hour for one extension': [
    { rules: [{ id: 'r', limits: ['30/1m'] }] },
    'info r permits-much',
  ],
  'more than a thousand calls an hour, held by another rule': [
    {
      rules: [
        { id: 'r', limits: ['30/1m'] },
        { id: 'day', limits: ['500/1d'] },
      ],
    },
  ],
  'more than a thousand calls an hour beside a ceiling of calls at once, which bounds none that start': [
    {
      rules: [
        { id: 'r', limits: ['30/1m'] },
        { id: 'four', concurrent: 4 },
      ],
    },
    'info r permits-much',
  ],
  'more than a thousand calls an hour beside a limit that gives calls back': [
    {
      rules: [
        { id: 'r', limits: ['30/1m'] },
        { id: 'day', limits: ['500/1d'], counting: 'rolling', giveBackOn: ['busy'] },
      ],
    },
    'info r permits-much',
  ],
  'more than a thousand calls an hour, held up by a rule that paces': [
    {
      rules: [
        { id: 'r', limits: ['30/1m'] },
        { id: 'slow', limits: ['10/1m'], action: 'wait', maxWait: '10s' },
      ],
    },
  ],
  'more than a thousand calls an hour for the whole system': [
    { rules: [{ id: 'r', limits: ['30/1m'], countPer: 'system' }] },
  ],

  'a pace for which calls wait long enough': [{ rules: [{ ...pace, burst: 1, maxQueue: 40 }] }],
  'a pace of which no call waits for a whole step': [
    { rules: [{ ...pace, limits: ['1/1m'] }] },
    'warning pace short-wait',
  ],
  'a pace with a second limit for which no call waits long enough, as is meant': [
    { rules: [{ ...pace, burst: 1, limits: ['20/1s', '100/1h'] }] },
  ],
  'a queue that is never full': [{ rules: [{ ...pace, burst: 1, maxQueue: 41 }] }, 'warning pace idle-queue'],
  'a rolling queue that is never full': [
    { rules: [{ ...pace, counting: 'rolling', limits: ['20/2s'], maxQueue: 21 }] },
    'warning pace idle-queue',
  ],
  'a rolling queue that can be full': [{ rules: [{ ...pace, counting: 'rolling', limits: ['20/2s'], maxQueue: 20 }] }],
  'a pace of a trunk that lets a burst go': [
    { trunks: { a: {} }, rules: [{ ...pace, appliesTo: { trunks: ['a'] } }] },
    'info pace uneven-pace',
  ],
  'a pace of a trunk that is meant to let some go at once': [{ rules: [{ ...pace, countPer: 'trunk', burst: 5 }] }],
  'a pace of a trunk by rolling windows': [{ rules: [{ ...pace, countPer: 'trunk', counting: 'rolling' }] }],
  'a pace of extensions that lets a burst go': [{ rules: [pace] }],
  'a pace of which one limit makes the other idle': [
    { rules: [{ ...pace, limits: ['20/1s', '2000/1m'] }] },
    'warning pace idle-limit',
  ],
  'an even pace beside fewer calls at a slower rate, which may all come at once': [
    { rules: [{ ...pace, burst: 1, limits: ['20/1s', '10/1m'] }] },
  ],
  'a pace without the action that paces': [{ rules: [{ ...fine, burst: 1 }] }, 'warning fine unpaced'],
  'a pace beside a stricter rule that refuses, of which it may keep what that one gives back': [
    {
      rules: [
        { id: 'strict', limits: ['10/1s'], countPer: 'system' },
        { ...pace, countPer: 'system' },
      ],
    },
  ],
  'a pace for what another refuses altogether': [
    {
      rules: [
        { id: 'no', appliesTo: { extensions: ['1'] } },
        { ...pace, appliesTo: { extensions: ['1'] } },
      ],
    },
    'warning pace shadowed',
  ],
  'a ceiling beside a stricter rule, which says nothing of calls at once': [
    { rules: [fine, { id: 'r', limits: ['10/1m'], concurrent: 4 }] },
  ],
  'a rule beside one of ceilings alone': [{ rules: [{ id: 'four', concurrent: 4, maxDuration: '1h' }, fine] }],

  'a hold of the number that was reached': [
    { rules: [{ ...fine, countPer: 'number', holdAfter: { answered: '7d' } }] },
  ],
  'a hold of the extension for a rest': [{ rules: [{ ...fine, holdAfter: { conversation: '2m' } }] }],
  'a hold of the extension for a week': [
    { rules: [{ ...fine, holdAfter: { conversation: '2m', answered: '7d' } }] },
    'warning fine broad-hold',
  ],
  'a hold of everybody': [
    { rules: [{ ...fine, countPer: 'system', holdAfter: { answered: '1m' } }] },
    'warning fine broad-hold',
  ],
};
