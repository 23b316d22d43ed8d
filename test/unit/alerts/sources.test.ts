/** What other parts tell becomes alerts, and what is no news does not. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { NewAlert } from '../../../src/alerts/alert.ts';
import { createAlertSources, type FollowedSources } from '../../../src/alerts/sources.ts';
import type { EpochMs } from '../../../src/policy/call.ts';
import type { PartStatus } from '../../../src/status.ts';

let raised: NewAlert[] = [];
let resolved: string[] = [];
let nowMs = 0;
const clock = { now: () => nowMs as EpochMs, monotonicMs: () => nowMs };
const sources = createAlertSources(
  {
    raise: (alert) => void raised.push(alert),
    raiseOften: (_of, _count, make) => void raised.push(make()),
    resolve: (kind, about, why) => void resolved.push(`${kind} ${about}: ${why}`),
  },
  { clock, node: 'pbx1' },
);
beforeEach(() => {
  vi.useFakeTimers();
  [raised, resolved, nowMs] = [[], [], 0];
});
afterEach(() => vi.useRealTimers());
const pass = (seconds: number): void => {
  for (let at = 0; at < seconds; at++) {
    nowMs += 1000;
    vi.advanceTimersByTime(1000);
  }
};
const never = () => () => {};
const follow = (sources_: Partial<FollowedSources>): (() => void) =>
  sources.follow({
    desk: { onOpened: never, onSettled: never },
    bans: { onChange: never },
    parts: () => [],
    firewall: { state: () => ({ lastDrift: undefined }) },
    ...sources_,
  });

describe('a part', () => {
  let state: PartStatus['state'] = 'up';
  const parts = (): PartStatus[] => [
    { name: 'AMI pbx1', state, since: '', detail: 'refused', remedy: 'see manager.conf' },
  ];

  it('is told when it is down for five seconds, once, and when it is back', () => {
    const stop = follow({ parts });
    pass(10);
    // Whatever a daemon before this one had told is over.
    expect(resolved.splice(0)).toEqual(['component pbx1 AMI pbx1: AMI pbx1 is back']);
    state = 'down';
    pass(4);
    expect(raised).toEqual([]);
    pass(60);
    expect(raised).toMatchObject([{ kind: 'component', title: 'AMI pbx1 on pbx1 is down' }]);
    expect(raised[0]?.sentence).toContain('see manager.conf');
    state = 'up';
    pass(4);
    expect(resolved).toEqual(['component pbx1 AMI pbx1: AMI pbx1 is back']);
    stop();
  });

  it('that is back sooner is told to nobody', () => {
    state = 'up';
    const stop = follow({ parts });
    pass(4);
    resolved = [];
    for (let turn = 0; turn < 20; turn++) {
      state = 'down';
      pass(4);
      state = 'up';
      pass(4);
    }
    expect([raised, resolved]).toEqual([[], []]);
    stop();
  });

  it('that drifted is told each time it did, and not what it did before this start', () => {
    const drift = (at: number) => ({ lastDrift: { at: at as EpochMs, found: ['a set was empty'] } });
    let now = drift(1);
    const stop = follow({ firewall: { state: () => now } });
    pass(10);
    expect(raised).toEqual([]);
    now = drift(2);
    pass(10);
    expect(raised).toMatchObject([{ kind: 'defence', sentence: 'It was mended: a set was empty.' }]);
    stop();
    now = drift(3);
    pass(10);
    expect(raised).toHaveLength(1);
  });
});

describe('an entry of the audit log', () => {
  const by = 'cli anna';
  it.each([
    [{ action: 'rules.set', subject: 'rule default' }, 'default rule'],
    [{ action: 'policy.apply', subject: 'policy', after: { 'rules.default': { limits: ['5/1s'] } } }, 'default rule'],
    [{ action: 'policy.apply', subject: 'policy', before: { 'rules.default': {} }, after: {} }, 'default rule'],
    [{ action: 'allowlist.add', subject: 'allowed office' }, 'allowlist'],
    [{ action: 'rules.set', subject: 'rule abroad' }, undefined],
    [{ action: 'policy.apply', subject: 'policy', after: { 'rules.abroad': {} } }, undefined],
    [{ action: 'bans.add', subject: 'ban 203.0.113.9' }, undefined],
  ])('%o tells of the %s', (entry, what) => {
    sources.audited({ by, ...entry });
    expect(raised.map(({ subject }) => subject)).toEqual(what === undefined ? [] : [what]);
  });
});

describe('the defence', () => {
  it('tells of fraud as critical, of what only keeps hitting limits as a warning, and of the rest as its own', () => {
    const report = {
      at: 0 as EpochMs,
      sentence: 'x',
      address: '203.0.113.9',
      account: '1001',
      service: 'sipCall',
      node: 'n',
    };
    for (const kind of ['new-high-risk-country', 'keeps-hitting-limits', 'mis-set-phone'] as const) {
      sources.reported({ ...report, kind });
    }
    expect(raised.map(({ kind, severity }) => `${kind} ${severity}`)).toEqual([
      'fraud critical',
      'fraud warning',
      'defence warning',
    ]);
  });

  it('tells of a password in the wrong place whatever became of the registration', () => {
    const intruder = {
      at: 0 as EpochMs,
      asterisk: 'pbx1',
      extension: '1001',
      address: '203.0.113.9',
      problem: 'AMI down',
    };
    for (const outcome of ['removed', 'refused', 'kept'] as const) sources.intruder({ ...intruder, outcome });
    expect(raised.map(({ kind }) => kind)).toEqual(['fraud', 'fraud', 'fraud']);
    expect(raised[2]?.sentence).toContain('still there (AMI down)');
  });
});
