import { describe, expect, it } from 'vitest';
import { defaultPolicyDocument, type PolicyDocument, readPolicyDocument } from '../../../src/policy/document.ts';
import { compilePolicy } from '../../../src/policy/policy.ts';
import { PACK_NAMES, packFiguresSchema, packReports, proposePack } from '../../../src/policy/starter-packs.ts';

const documentOf = (value: unknown): PolicyDocument => {
  const read = readPolicyDocument(value);
  if ('problems' in read) throw new Error(JSON.stringify(read.problems));
  return read.document;
};
const propose = (name: (typeof PACK_NAMES)[number], figures: object, document = defaultPolicyDocument()) => {
  const made = proposePack(name, packFiguresSchema.parse(figures), document);
  if (made === undefined) throw new Error('no home country');
  return { ...made, document: documentOf(made.document) };
};

describe.each(PACK_NAMES)('the pack %s', (name) => {
  it('makes a document that is accepted, and leaves all that was there', () => {
    const { document, rules } = propose(name, { homeCountry: 'US' });
    expect(() => compilePolicy(document)).not.toThrow();
    expect(document.rules.map(({ id }) => id)).toEqual(['default', ...rules]);
    expect(rules.every((id) => id.startsWith(`${name}-`))).toBe(true);
  });

  it('asked again with other figures, replaces its own rules and nothing else', () => {
    const first = propose(name, { homeCountry: 'US' });
    const again = propose(name, { extensionPerDay: 12.5, sitePerDay: '99' }, first.document);
    expect(again.document.rules.map(({ id }) => id)).toEqual(first.document.rules.map(({ id }) => id));
    const spends = again.document.rules.map(({ spend }) => spend?.hard);
    expect(spends).toContain('12.50/1d');
    expect(spends).toContain('99.00/1d');
  });

  it('locks nothing but calls that may leave the country', () => {
    const locked = propose(name, { homeCountry: 'US' }).document.rules.flatMap(
      ({ lockout }) => lockout?.destinations ?? [],
    );
    expect([...new Set(locked)].toSorted()).toEqual(['international', 'premium', 'satellite', 'unknown']);
  });

  it('says its worst case in money, and asks for six figures', () => {
    const report = packReports().find((each) => each.name === name);
    const rules = propose(name, { homeCountry: 'US' }).document.rules;
    const site = rules.find(({ id }) => id === `${name}-spend-site`)?.spend?.hard;
    expect(report?.worstCase).toContain(`${Number(site?.split('/')[0])} a day`);
    expect(report?.figures).toHaveLength(6);
  });
});

it('a pack asks nobody about the home country and the known ones, and about the others on the list', () => {
  const { document } = propose('office', { homeCountry: 'JM', knownCountries: ['CU'] });
  const { readDestination } = compilePolicy(document);
  const isRisk = (number: string): boolean => readDestination(number).classes.has('office-risks');
  expect(['+18765550100', '+5355512345', '+25261555010'].map(isRisk)).toEqual([false, false, true]);
});

it('a pack goes by the working hours and the clock that it is given, and says so', () => {
  const hours = [{ days: ['mon', 'wed'], from: '22:00', to: '06:00', nextDay: true }];
  const { document, says } = propose('hotel', { homeCountry: 'US', hours, timezone: 'America/Denver' });
  expect(document.schedules['hotel-hours']).toMatchObject({ timezone: 'America/Denver', windows: hours });
  expect(says).toContain('working hours to be mon,wed 22:00-06:00+1 by the clock of America/Denver');
  expect(propose('office', { homeCountry: 'US' }).document.schedules['office-hours']).not.toHaveProperty('timezone');
});

it('a pack without a home country is none', () => {
  expect(proposePack('office', {}, defaultPolicyDocument())).toBeUndefined();
});

it.each([
  { extensionPerDay: '0' },
  { sitePerDay: '-5' },
  { homeCountry: 'usa' },
  { hours: [{ days: ['xyz'] }] },
  { timezone: 'Mars/Olympus' },
  { timezone: 'called' },
  { other: 1 },
])('figures that are none are refused: %j', (figures) => {
  expect(packFiguresSchema.safeParse(figures).success).toBe(false);
});
