import { beforeEach, describe, expect, it } from 'vitest';
import { createCallPatterns } from '../../../src/bans/call-patterns.ts';
import type { NewReport } from '../../../src/bans/defence-reports.ts';
import type { Offence } from '../../../src/bans/offence.ts';
import type { Decision } from '../../../src/gate/gate.ts';
import type { EpochMs } from '../../../src/policy/call.ts';
import { DEFAULT_SETTINGS, settingsSchema } from '../../../src/policy/settings.ts';
import { keptLog } from '../../support/silent-log.ts';

const MINUTE_MS = 60_000;
let reports: NewReport[];
let offences: Offence[];
let now: number;
let known: Map<string, 'registered phone'>;
const called = new Set<string>();

const decisionOf = (fields: {
  readonly refused?: boolean;
  readonly number?: string;
  readonly classes?: readonly string[];
  readonly campaign?: string;
  readonly extension?: string;
}): Decision => {
  const { refused = false, number = '+12025550100', classes = ['national'], extension = '1001' } = fields;
  const verdict = {
    name: refused ? 'block' : 'allow',
    layer: 'rules',
    rule: undefined,
    reason: 'limit 5/1s is used up',
    retryAfterMs: 0,
    waitMs: 0,
    maxSeconds: undefined,
  } as const;
  return {
    id: `decision-${now}`,
    callId: `call-${now}`,
    at: now as EpochMs,
    call: {
      destination: {
        dialled: number,
        number,
        isEmergency: false,
        e164: number,
        country: number.startsWith('+53') ? 'CU' : 'US',
        classes: new Set(classes),
      },
      extension,
      trunk: undefined,
      campaign: fields.campaign,
      source: '203.0.113.9:5060',
    },
    verdict,
    findings: [],
    passedOver: { count: 0, first: () => [] },
    store: 'asked',
    storeProblem: undefined,
    tookMs: 1,
    receipt: undefined,
    giveBack: () => Promise.resolve(),
  };
};

let settings = DEFAULT_SETTINGS;
const open = () =>
  createCallPatterns({
    // What the store would remember.
    countries: {
      isFirst: (extension, country) => {
        const isNew = !called.has(`${extension} ${country}`);
        called.add(`${extension} ${country}`);
        return Promise.resolve(isNew);
      },
      wouldBeFirst: (extension, country) => Promise.resolve(!called.has(`${extension} ${country}`)),
    },
    settings: () => settings,
    reports: { report: (report) => void reports.push(report) },
    allowedBy: (address) => (address === '192.0.2.1' ? 'office' : undefined),
    peers: { find: (address) => known.get(address) },
    onOffence: (offence) => void offences.push(offence),
    node: 'pbx1',
    log: keptLog().log,
  });

beforeEach(() => {
  [reports, offences, now] = [[], [], Date.UTC(2026, 10, 21)];
  known = new Map();
  called.clear();
  settings = DEFAULT_SETTINGS;
});

describe('the patterns of calls', () => {
  it('an extension that is refused ten calls in ten minutes is reported, and each further refusal counts against its address', () => {
    const patterns = open();
    for (let each = 0; each < 9; each += 1) {
      patterns.decided(decisionOf({ refused: true }));
      now += MINUTE_MS - 1;
    }
    expect(reports).toEqual([]);
    patterns.decided(decisionOf({ refused: true }));
    expect(reports).toMatchObject([{ kind: 'keeps-hitting-limits', account: '1001', address: '203.0.113.9' }]);
    expect(offences).toMatchObject([{ kind: 'call-pattern', service: 'sipCall', isSpoofable: false }]);
    now += 10 * MINUTE_MS;
    patterns.decided(decisionOf({ refused: true }));
    expect(offences).toHaveLength(1);
  });

  it('refusals count against no phone that is registered', () => {
    known.set('203.0.113.9', 'registered phone');
    const patterns = open();
    for (let each = 0; each < 20; each += 1) patterns.decided(decisionOf({ refused: true }));
    expect(reports.length).toBeGreaterThan(0);
    expect(offences).toEqual([]);
  });

  it('twenty foreign numbers in ten minutes are many, and a hundred of any kind', () => {
    const patterns = open();
    for (let each = 0; each < 99; each += 1) patterns.decided(decisionOf({ number: `+12025${100 + each}100` }));
    expect(reports).toEqual([]);
    patterns.decided(decisionOf({ number: '+12025559999' }));
    expect(reports).toMatchObject([{ kind: 'many-destinations' }]);
    reports.length = 0;
    for (let each = 0; each < 20; each += 1) {
      patterns.decided(decisionOf({ extension: '1002', number: `+4930${100 + each}123`, classes: ['international'] }));
    }
    expect(reports).toMatchObject([{ kind: 'many-destinations', account: '1002' }]);
  });

  it('calls that come slowly, and the same number again and again, are no pattern', () => {
    const patterns = open();
    for (let each = 0; each < 300; each += 1) {
      now += MINUTE_MS;
      patterns.decided(decisionOf({ number: `+4930${100 + each}123`, classes: ['international'] }));
      patterns.decided(decisionOf({ extension: '1002' }));
    }
    expect(reports).toEqual([]);
  });

  it('the first call of an extension to a high-risk country is reported, the second is not', async () => {
    const patterns = open();
    patterns.decided(decisionOf({ number: '+5371234567', classes: ['international'] }));
    patterns.decided(decisionOf({ number: '+5371234568', classes: ['international'] }));
    await expect.poll(() => reports).toMatchObject([{ kind: 'new-high-risk-country', account: '1001 CU' }]);
  });

  it.each([
    ['a campaign calls', { campaign: 'SALES' }, DEFAULT_SETTINGS],
    ['the patterns are switched off', {}, settingsSchema.parse({ autoBan: { detect: { callPatterns: false } } })],
  ])('nothing is reported where %s', (_name, fields, set) => {
    settings = set;
    const patterns = open();
    for (let each = 0; each < 150; each += 1) patterns.decided(decisionOf({ number: `+1202555${each}`, ...fields }));
    expect(reports).toEqual([]);
  });

  it('numbers that differ in their last three digits are a range: six abroad are reported, at home it takes twenty', () => {
    const patterns = open();
    for (let each = 0; each < 19; each += 1) patterns.decided(decisionOf({ number: `+120255501${10 + each}` }));
    for (let each = 0; each < 5; each += 1)
      patterns.decided(decisionOf({ number: `+4930123450${each}`, classes: ['international'] }));
    for (let each = 0; each < 5; each += 1)
      patterns.decided(decisionOf({ number: `+49301${each}3456`, classes: ['international'] }));
    expect([reports, offences]).toEqual([[], []]);
    patterns.decided(decisionOf({ number: '+49301234509', classes: ['international'] }));
    expect(reports).toMatchObject([
      { kind: 'number-range', sentence: expect.stringContaining('6 different numbers of the range +49301234xxx') },
    ]);
    expect(offences).toMatchObject([{ kind: 'call-pattern', address: '203.0.113.9' }]);
    patterns.decided(decisionOf({ number: '+12025550199' }));
    expect(reports.map(({ kind }) => kind)).toEqual(['number-range', 'number-range']);
  });
});
