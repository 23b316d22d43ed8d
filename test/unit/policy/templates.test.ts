import { describe, expect, it } from 'vitest';
import type { EpochMs } from '../../../src/policy/call.ts';
import { defaultPolicyDocument, type PolicyDocument, readPolicyDocument } from '../../../src/policy/document.ts';
import { HIGH_RISK_PREFIXES, HIGH_RISK_REVIEWED, HIGH_RISK_SOURCES } from '../../../src/policy/high-risk.ts';
import { compilePolicy } from '../../../src/policy/policy.ts';
import { diagnoseRules } from '../../../src/policy/rules-doctor.ts';
import { readWallMinute } from '../../../src/policy/schedule.ts';
import { addTemplate, findTemplate, TEMPLATES, type TemplateOptions } from '../../../src/policy/templates.ts';

const documentOf = (fields: object): PolicyDocument => {
  const read = readPolicyDocument(fields);
  if ('problems' in read) throw new Error(JSON.stringify(read.problems));
  return read.document;
};

const templateOf = (name: string) => {
  const template = findTemplate(name);
  if (template === undefined) throw new Error(`no template ${name}`);
  return template;
};

const addTo = (document: PolicyDocument, name: string, options: TemplateOptions = {}) => {
  const made = addTemplate(document, templateOf(name), options);
  if ('problems' in made) throw new Error(JSON.stringify(made.problems));
  return { ...made, document: documentOf(made.document) };
};
const problemsOf = (document: PolicyDocument, name: string, options: TemplateOptions) => {
  const made = addTemplate(document, templateOf(name), options);
  return 'problems' in made ? made.problems : [];
};

const REQUIRED: Readonly<Record<string, TemplateOptions>> = {
  'carrier-cps': { trunk: 'carrier-a' },
  'trunk-cps': { trunk: 'carrier-a' },
};

describe('every template', () => {
  it.each(TEMPLATES.map(({ name }) => name))('%s makes a document that is accepted, and a rule of its name', (name) => {
    const { document, rule } = addTo(defaultPolicyDocument(), name, REQUIRED[name]);
    expect(rule).toBe(name);
    expect(document.rules.map(({ id }) => id)).toEqual(['default', name]);
    expect(() => compilePolicy(document)).not.toThrow();
  });

  it('stands beside all others in one document, in shadow as well', () => {
    const document = TEMPLATES.reduce(
      (soFar, { name }) => addTo(soFar, name, { ...REQUIRED[name], shadow: true }).document,
      defaultPolicyDocument(),
    );
    expect(document.rules).toHaveLength(TEMPLATES.length + 1);
    expect(document.rules.slice(1).map(({ mode }) => mode)).toEqual(TEMPLATES.map(() => 'shadow'));
  });

  it.each([
    ['call-centre', '30 calls per 1 minute for the group as a whole; at worst 59 calls start within 1 minute'],
    ['staff', '5 calls per 1 minute for each extension on its own; at worst 9 calls start within 1 minute'],
    ['after-hours', '2 calls per 1 hour for each extension on its own; at worst 3 calls start within 1 hour'],
    ['international', '3 calls per 1 hour for each extension on its own; at worst 5 calls start within 1 hour'],
    ['contractors', '1 call per 1 minute for each extension on its own; at worst 1 call starts within 1 minute'],
    ['high-risk', 'at worst 0 calls go there'],
    ['carrier-cps', '5 calls per 1 second for the trunk; at worst 9 calls start within 1 second'],
    [
      'trunk-cps',
      '8 calls per 1 second; at worst 8 leave within 1 second. One call every 125 ms, at most 40 wait, none longer than 5 s; who waits hears ringing.',
    ],
    ['concurrent-per-extension', 'at worst 4 calls go at once for each extension on its own'],
    ['long-calls', 'at worst 2 hours of each call are paid for'],
    ['reg-f', 'at worst 7 calls start within 7 days'],
    ['three-in-24h', 'at worst 3 calls start within 24 hours'],
    ['calling-hours', 'at worst 0 calls start outside of that'],
    ['calling-hours-florida', 'at worst 0 calls start outside of that'],
  ])('%s says what it permits at worst, in numbers', (name, words) => {
    expect(templateOf(name).says).toContain(words);
  });

  it('has the limits that it speaks of', () => {
    const limits = TEMPLATES.map(({ name }) => {
      const rule = addTo(documentOf({}), name, REQUIRED[name]).document.rules[0];
      return [name, rule?.countPer, ...(rule?.limits ?? [])];
    });
    expect(limits).toEqual([
      ['call-centre', 'group', '30/1m'],
      ['staff', 'extension', '5/1m'],
      ['after-hours', 'extension', '2/1h'],
      ['international', 'extension', '3/1h'],
      ['contractors', 'extension', '1/1m'],
      ['high-risk', 'extension'],
      ['carrier-cps', 'trunk', '5/1s'],
      ['trunk-cps', 'trunk', '8/1s'],
      ['concurrent-per-extension', 'extension'],
      ['long-calls', 'extension'],
      ['reg-f', 'number', '7/7d'],
      ['three-in-24h', 'number', '3/24h'],
      ['calling-hours', 'extension'],
      ['calling-hours-florida', 'extension'],
    ]);
  });
});

describe('the templates of pace and ceilings', () => {
  const ruleWith = (name: string) => addTo(documentOf({}), name, REQUIRED[name]).document.rules[0];

  it('have the pace and the ceilings that they speak of', () => {
    expect(ruleWith('trunk-cps')).toMatchObject({
      appliesTo: { trunks: ['carrier-a'] },
      action: 'wait',
      burst: 1,
      maxWait: '5s',
      hangupCause: 34,
    });
    expect(ruleWith('concurrent-per-extension')).toMatchObject({ concurrent: 4, action: 'block' });
    expect(ruleWith('long-calls')).toMatchObject({ maxDuration: '2h', appliesTo: 'all' });
  });

  it('are what the doctor has nothing to say against', () => {
    const document = ['trunk-cps', 'concurrent-per-extension', 'long-calls'].reduce(
      (soFar, name) => addTo(soFar, name, REQUIRED[name]).document,
      documentOf({}),
    );
    expect(diagnoseRules(compilePolicy(document), Date.UTC(2026, 10, 18) as EpochMs)).toEqual([]);
  });
});

describe('adding a template', () => {
  it('adds what is missing and leaves what is there as people wrote it', () => {
    const edited = { windows: [{ days: ['sat'], from: '10:00', to: '12:00' }], holidays: [] };
    const before = documentOf({
      groups: { 'call-centre': { members: ['7001'] } },
      schedules: { 'after-hours': edited },
      destinations: { 'high-risk': { prefixes: ['+1'] } },
      trunks: { 'carrier-a': { name: 'Ours' } },
    });
    const { document, added, used } = ['call-centre', 'after-hours', 'high-risk', 'carrier-cps'].reduce(
      (soFar, name) => addTo(soFar.document, name, REQUIRED[name]),
      { document: before } as ReturnType<typeof addTo>,
    );
    const { rules: _, ...pieces } = document;
    const { rules: __, ...piecesBefore } = before;
    expect(pieces).toEqual(piecesBefore);
    expect({ added: added.trunks, used: used.trunks }).toEqual({ added: [], used: ['carrier-a'] });
    expect(addTo(before, 'call-centre', { members: ['1', '2'] }).document.groups['call-centre']?.members).toEqual([
      '7001',
    ]);
  });

  it('names what it added', () => {
    const { added, used, document } = addTo(documentOf({}), 'call-centre', { members: ['2001-2050'] });
    expect(added).toEqual({ groups: ['call-centre'], trunks: [], schedules: [], destinations: [] });
    expect(Object.values(used).flat()).toEqual([]);
    expect(document.groups['call-centre']).toEqual({ name: 'Call centre', members: ['2001-2050'] });
  });

  it('takes another id, and refuses one that a rule has', () => {
    const once = addTo(documentOf({}), 'staff').document;
    expect(problemsOf(once, 'staff', {})).toEqual([
      { path: 'id', message: '"staff" is taken by a rule that is there; choose another id' },
    ]);
    expect(addTo(once, 'staff', { id: 'staff-2' }).document.rules.map(({ id }) => id)).toEqual(['staff', 'staff-2']);
  });

  it('refuses an option that it would not use, and asks for one that it needs', () => {
    expect(problemsOf(documentOf({}), 'staff', { members: ['1001'], trunk: 'a' }).map(({ path }) => path)).toEqual([
      'members',
      'trunk',
    ]);
    expect(problemsOf(documentOf({}), 'carrier-cps', {})).toEqual([
      { path: 'trunk', message: 'is missing; the template carrier-cps needs the trunk, as the dialplan names it' },
    ]);
  });
});

describe('the schedule of after-hours', () => {
  // The clock goes forward in New York on Sunday 8 March 2026, back on Sunday 1 November; in Berlin on 29 March.
  it.each([
    ['America/New_York', '2026-03-02'],
    ['America/New_York', '2026-10-26'],
    ['Europe/Berlin', '2026-03-23'],
    ['UTC', '2026-06-01'],
  ])(
    'in %s for two weeks from %s: open at every minute outside office hours, closed at every one inside',
    (timezone, monday) => {
      const { document } = addTo(documentOf({ timezone }), 'after-hours');
      const schedule = compilePolicy(document).schedules.get('after-hours');
      if (schedule === undefined) throw new Error('no schedule');
      const start = Date.parse(`${monday}T00:00:00Z`);
      const wrong: string[] = [];
      let hours = 0;
      for (let at = start; at < start + 14 * 86_400_000; at += 60_000) {
        const { weekday, minute } = readWallMinute(schedule.wallMinute(at as EpochMs));
        const office = weekday < 5 && minute >= 8 * 60 && minute < 18 * 60;
        if (schedule.isOpen(at as EpochMs) === office) wrong.push(new Date(at).toISOString());
        if (minute % 60 === 0) hours += 1;
      }
      expect(wrong).toEqual([]);
      expect(hours).toBe(14 * 24);
    },
  );

  it('has no gap between Friday 18:00 and Monday 08:00', () => {
    const { document } = addTo(documentOf({ timezone: 'America/New_York' }), 'after-hours');
    const schedule = compilePolicy(document).schedules.get('after-hours');
    const friday = Date.parse('2026-03-06T17:59:00-05:00') as EpochMs;
    const opens = schedule?.nextChange(friday);
    expect(opens).toBe(Date.parse('2026-03-06T18:00:00-05:00'));
    // One hour shorter than other weekends: the clock went forward in between.
    expect(schedule?.nextChange(opens as EpochMs)).toBe(Date.parse('2026-03-09T08:00:00-04:00'));
  });
});

describe('the template of high-risk destinations', () => {
  it('says when its list was reviewed and who is behind it', () => {
    const { says } = templateOf('high-risk');
    expect(says).toContain(`${HIGH_RISK_PREFIXES.length} prefixes`);
    expect(says).toContain(`Reviewed ${HIGH_RISK_REVIEWED}`);
    expect(says).toContain(`${Object.keys(HIGH_RISK_SOURCES).length} public sources`);
    expect(says).toContain('Federal Communications Commission');
  });

  it('refuses calls to the list and no others', () => {
    const policy = compilePolicy(addTo(documentOf({ homeCountry: 'US' }), 'high-risk').document);
    const applies = (number: string): boolean => {
      const call = { destination: policy.readDestination(number), extension: '1001' };
      const [match] = policy.matchAll(
        { ...call, trunk: undefined, campaign: undefined, source: undefined },
        0 as EpochMs,
      );
      return match?.match.applies ?? false;
    };
    expect(['+5372041234', '0115372041234', '18765550123'].map(applies)).toEqual([true, true, true]);
    expect(['3055550123', '+442079460123', '911'].map(applies)).toEqual([false, false, false]);
  });

  it.each([
    ['JM', ['+1658', '+1876']],
    ['MC', ['+377']],
    ['KN', ['+1869']],
    ['BA', ['+387']],
    ['US', []],
  ])('leaves the home country %s out, or every national call would be blocked', (homeCountry, left) => {
    const listed = addTo(documentOf({ homeCountry }), 'high-risk').document.destinations['high-risk']?.prefixes ?? [];
    const all = HIGH_RISK_PREFIXES.map(({ prefix }) => prefix);
    expect(all.filter((prefix) => !listed.includes(prefix))).toEqual(left);
  });

  it('can tell the country of every prefix that is of one', () => {
    const names = new Intl.DisplayNames('en', { type: 'region' });
    const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
    const known = new Set(letters.flatMap((a) => letters.map((b) => names.of(`${a}${b}`))));
    const unknown = HIGH_RISK_PREFIXES.filter(({ name }) => !known.has(name));
    expect(unknown.map(({ reason }) => reason).filter((reason) => !/^(?:premium|satellite)$/.test(reason))).toEqual([]);
  });
});
