import { describe, expect, it } from 'vitest';
import type { EpochMs } from '../../../src/policy/call.ts';
import type { PolicyDocument } from '../../../src/policy/document.ts';
import { LEGAL_PACKS } from '../../../src/policy/legal-packs.ts';
import { diagnoseRules } from '../../../src/policy/rules-doctor.ts';
import { addTemplate, findTemplate, type TemplateOptions } from '../../../src/policy/templates.ts';
import { findingOf, verdictOf } from '../../../src/policy/verdict.ts';
import { policyOf } from '../../support/policy.ts';

const NAMES = LEGAL_PACKS.map(({ name }) => name);

function documentWith(name: string, options: TemplateOptions = {}): PolicyDocument {
  const template = findTemplate(name);
  if (template === undefined) throw new Error(`no template ${name}`);
  const site = policyOf({ homeCountry: 'US', timezone: 'America/New_York' }).document;
  const made = addTemplate(site, template, options);
  if ('problems' in made) throw new Error(JSON.stringify(made.problems));
  return policyOf(made.document).document;
}
const ruleWith = (name: string, options?: TemplateOptions) => documentWith(name, options).rules[0];

describe('every legal pack', () => {
  it('is offered beside the other templates', () => {
    expect(NAMES).toEqual(['reg-f', 'three-in-24h', 'calling-hours', 'calling-hours-florida']);
    expect(NAMES.filter((name) => findTemplate(name) === undefined)).toEqual([]);
  });

  it.each(LEGAL_PACKS)('$name names its sources, when they were read, and what it cannot know', ({ law, says }) => {
    expect(law.sources.filter(({ title, url }) => title !== '' && /^https:\/\/\S+$/.test(url))).toEqual(law.sources);
    expect(law.reviewed).toMatch(/^20\d\d-\d\d-\d\d$/);
    expect(law.cannotKnow).toContain('consent');
    expect(says).toContain('at worst');
  });

  it.each(NAMES)('%s means every call, or with members those of a group that holds them', (name) => {
    expect(ruleWith(name)?.appliesTo).toBe('all');
    expect(documentWith(name).groups).toEqual({});
    const { groups, rules } = documentWith(name, { members: ['2001-2050'] });
    const [[group, { members }] = ['', { members: [] }]] = Object.entries(groups);
    expect(rules[0]?.appliesTo).toEqual({ groups: [group] });
    expect(members).toEqual(['2001-2050']);
  });

  it.each(NAMES)('%s leaves the doctor nothing to say, by day and by night', (name) => {
    const policy = policyOf(documentWith(name));
    for (const at of ['2026-01-15T03:00-05:00', '2026-01-15T12:00-05:00']) {
      expect(diagnoseRules(policy, Date.parse(at) as EpochMs)).toEqual([]);
    }
  });
});

describe('the packs that count', () => {
  it('count each number exactly, and refuse when they cannot', () => {
    expect(ruleWith('reg-f')).toMatchObject({
      countPer: 'number',
      limits: ['7/7d'],
      counting: 'rolling',
      giveBackOn: ['busy', 'failed'],
      holdAfter: { answered: '7d' },
      whenStoreFails: 'block',
      action: 'block',
    });
    expect(ruleWith('three-in-24h')).toMatchObject({
      countPer: 'number',
      limits: ['3/24h'],
      counting: 'rolling',
      whenStoreFails: 'block',
      action: 'block',
    });
  });
});

describe('the packs of calling hours', () => {
  it.each([
    ['calling-hours', '2026-01-15T20:30-05:00', undefined],
    ['calling-hours', '2026-01-15T21:00-05:00', 11 * 60],
    ['calling-hours', '2026-01-15T07:58:30-05:00', 1.5],
    ['calling-hours-florida', '2026-01-15T20:30-05:00', 11.5 * 60],
  ])('%s at %s in New York: minutes until the call may go are %s', (name, time, minutes) => {
    const policy = policyOf(documentWith(name));
    const at = Date.parse(time) as EpochMs;
    const unknown = { extension: undefined, trunk: undefined, campaign: undefined, source: undefined };
    const [found] = policy.matchAll({ destination: policy.readDestination('2125550123'), ...unknown }, at);
    if (found?.match.applies !== true) {
      expect(minutes).toBeUndefined();
      return;
    }
    const verdict = verdictOf([findingOf(found.rule, found.match.because, [])]);
    expect([verdict.name, Number(verdict.retryAfterMs) / 60_000]).toEqual(['block', minutes]);
  });

  it('never touch an emergency number, or a call to an own extension', () => {
    const policy = policyOf({ ...documentWith('calling-hours'), extensions: { '1002': {} } });
    const unknown = { extension: undefined, trunk: undefined, campaign: undefined, source: undefined };
    const night = Date.parse('2026-01-15T03:00-05:00') as EpochMs;
    const [own] = policy.matchAll({ destination: policy.readDestination('1002'), ...unknown }, night);
    expect(own?.match.applies).toBe(false);
    expect(policy.readDestination('911').isEmergency).toBe(true);
  });
});
