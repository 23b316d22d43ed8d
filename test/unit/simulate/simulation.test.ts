import { describe, expect, it, test } from 'vitest';
import { createHistoryBuilder } from '../../../src/simulate/call-history.ts';
import type { CdrRow } from '../../../src/simulate/cdr-file.ts';
import { compareOutcomes, countOutcomes } from '../../../src/simulate/outcome-counts.ts';
import { type RowDecision, simulate } from '../../../src/simulate/simulation.ts';
import { policyOf } from '../../support/policy.ts';

const BEGIN_MS = Date.UTC(2026, 10, 18, 12);

interface Call {
  /** Seconds after noon. */
  readonly at: number;
  readonly lasts?: number;
  /** Seconds of talking; otherwise all that it lasts. */
  readonly talks?: number;
  readonly from?: string;
  readonly to?: string;
  readonly over?: string;
  readonly ended?: string;
  readonly id?: string;
  readonly number?: number;
}

const rowsOf = (calls: readonly Call[]): CdrRow[] =>
  calls.map(
    (
      { at, lasts = 60, from = '1001', to = '13055550100', over = 'carrier-a', ended = 'ANSWERED', id, number, talks },
      index,
    ) => ({
      row: index + 1,
      startMs: BEGIN_MS + at * 1000,
      durationMs: lasts * 1000,
      talkMs: (talks ?? lasts) * 1000,
      dst: to,
      src: '',
      clid: '',
      channel: `PJSIP/${from}-00000001`,
      dstchannel: `PJSIP/${over}-00000002`,
      lastapp: 'Dial',
      lastdata: `PJSIP/${to}@${over}`,
      disposition: ended,
      accountcode: '',
      uniqueid: id ?? `call-${index}`,
      linkedid: '',
      extension: '',
      trunk: '',
      campaign: '',
      channelNumber: number,
      tellsTrunk: true,
    }),
  );

const historyOf = (calls: readonly Call[]) => {
  const builder = createHistoryBuilder({ isTrunk: () => false, isExtension: () => false, isCampaign: () => false });
  for (const row of rowsOf(calls)) builder.add(row);
  return builder.build();
};

async function play(rules: readonly object[], calls: readonly Call[], held: 'approve' | 'refuse' = 'refuse') {
  const policy = policyOf({ trunks: { 'carrier-a': {}, 'carrier-b': {} }, rules });
  const history = historyOf(calls);
  const decisions: RowDecision[] = [];
  const simulated = await simulate({ policy, history, held, onDecision: (decision) => decisions.push(decision) });
  const counts = countOutcomes(history, simulated, (atMs) => new Date(atMs).toISOString().slice(0, 13));
  const byRow = decisions.toSorted((one, other) => one.row - other.row);
  return { counts, decisions, verdicts: byRow.map(({ verdict }) => verdict), history, simulated };
}

describe('a replay', () => {
  it('decides calls in the order in which they began, whatever order their records stand in', async () => {
    const calls = [{ at: 9, lasts: 1 }, { at: 0, lasts: 600 }, { at: 20 }];
    const { verdicts, decisions } = await play([{ id: 'a', limits: ['1/1m'] }], calls);
    expect(verdicts).toEqual(['block', 'allow', 'block']);
    expect(decisions.map(({ row }) => row)).toEqual([2, 1, 3]);
    expect(decisions[1]).toEqual({
      row: 1,
      verdict: 'block',
      rule: 'a',
      retryAfterSeconds: 51,
      waitMs: null,
      maxSeconds: null,
    });
  });

  it('takes calls of the same second in the order in which their channels were made', async () => {
    const { verdicts } = await play(
      [{ id: 'a', limits: ['1/1m'] }],
      [
        { at: 0, number: 8 },
        { at: 0, number: 3 },
      ],
    );
    expect(verdicts).toEqual(['block', 'allow']);
  });

  it('counts each call once: what was refused by which rule, of which extension and in which hour', async () => {
    const calls = [{ at: 0 }, { at: 1 }, { at: 2, from: '1002' }, { at: 3600 }, { at: 3601 }, { at: 3602, to: '911' }];
    const { counts } = await play([{ id: 'a', limits: ['1/1m'] }], calls);
    expect(counts).toEqual({
      calls: 6,
      allowed: 4,
      alerted: 0,
      waited: 0,
      held: 0,
      refused: 2,
      cut: 0,
      by: { rule: { a: 2 }, extension: { '1001': 2 }, hour: { '2026-11-18T12': 1, '2026-11-18T13': 1 } },
      heldBy: { rule: {}, extension: {} },
      money: undefined,
      minutes: { was: 6, would: 4 },
    });
  });

  it('lets emergency calls pass, whatever the rules say', async () => {
    const { verdicts } = await play(
      [{ id: 'none', limits: [] }],
      [{ at: 0, to: '911' }, { at: 0, to: '112' }, { at: 0 }],
    );
    expect(verdicts).toEqual(['allow', 'allow', 'block']);
  });
});

test('a call that came in over a trunk is not that trunk’s, although only a later record tells that it is one', () => {
  const history = historyOf([
    { at: 0, from: 'carrier-b' },
    { at: 60, over: 'carrier-b' },
  ]);
  expect(history.unknownExtensions).toBe(1);
  expect([history.at(0).extension, history.at(1).extension]).toEqual([undefined, '1001']);
});

describe('a call that tries a second trunk', () => {
  const tries = [
    { at: 0, lasts: 1, id: 'one', ended: 'FAILED' },
    { at: 1, lasts: 60, id: 'one', over: 'carrier-b' },
  ];

  it('is one call: its extension pays once, and each trunk that it tries', async () => {
    const rules = [
      { id: 'mine', limits: ['2/1h'] },
      { id: 'trunks', countPer: 'trunk', limits: ['2/1h'] },
    ];
    const { counts, verdicts } = await play(rules, [...tries, { at: 10 }, { at: 11 }]);
    expect(counts.calls).toBe(3);
    expect(verdicts).toEqual(['allow', 'allow', 'allow', 'block']);
  });

  it('ends with the first try that is refused', async () => {
    const rules = [{ id: 'b', appliesTo: { trunks: ['carrier-a'] }, limits: [] }];
    const { counts, decisions } = await play(rules, tries);
    expect(counts).toMatchObject({ calls: 1, refused: 1, allowed: 0 });
    expect(decisions.map(({ row, verdict, rule }) => [row, verdict, rule])).toEqual([
      [1, 'block', 'b'],
      [2, 'block', 'b'],
    ]);
  });

  it('is another call where it dials another number, or comes back after two minutes', async () => {
    const again = [
      { at: 0, id: 'one' },
      { at: 30, id: 'one', to: '13055550199' },
      { at: 200, id: 'one' },
    ];
    expect((await play([{ id: 'a', limits: ['1/1d'] }], again)).verdicts).toEqual(['allow', 'block', 'block']);
  });
});

describe('what lasts', () => {
  it('a call is one of the calls at once until it ends, and one that is refused is none', async () => {
    const calls = [
      { at: 0, lasts: 100 },
      { at: 50, lasts: 1000 },
      { at: 100, lasts: 10 },
      { at: 109, lasts: 10 },
      { at: 110, lasts: 10 },
    ];
    const { verdicts } = await play([{ id: 'a', concurrent: 1 }], calls);
    expect(verdicts).toEqual(['allow', 'block', 'allow', 'block', 'allow']);
  });

  it('a call that waits begins later, and so ends later', async () => {
    const rules = [
      { id: 'pace', action: 'wait', limits: ['1/10s'], maxWait: '60s' },
      { id: 'at-once', concurrent: 2, countPer: 'system' },
    ];
    const calls = [{ at: 0, lasts: 5 }, { at: 1, lasts: 5 }, { at: 14 }, { at: 15 }, { at: 16 }];
    const { verdicts, decisions, counts } = await play(rules, calls);
    // The second leaves at 10 and ends at 15: the third takes the other place, the fourth takes the second's.
    expect(verdicts).toEqual(['allow', 'wait', 'wait', 'wait', 'block']);
    expect(decisions.map(({ waitMs }) => waitMs)).toEqual([null, 9000, 6000, 15_000, null]);
    expect(counts).toMatchObject({ waited: 3, refused: 1 });
  });

  it('a call that waits keeps its place among the calls at once until its own, later end', async () => {
    const rules = [
      { id: 'pace', action: 'wait', limits: ['1/10s'], maxWait: '60s' },
      { id: 'at-once', concurrent: 1, countPer: 'system' },
    ];
    // The second leaves at 10 and ends at 15.
    const calls = [{ at: 0, lasts: 2 }, { at: 3, lasts: 5 }, { at: 14 }, { at: 15 }];
    expect((await play(rules, calls)).verdicts).toEqual(['allow', 'wait', 'block', 'wait']);
  });

  it('a call whose second try is refused is over then, and none of the calls at once any more', async () => {
    const rules = [
      { id: 'at-once', concurrent: 1 },
      { id: 'b', appliesTo: { trunks: ['carrier-b'] }, limits: [] },
    ];
    const calls = [
      { at: 0, lasts: 1, id: 'one', ended: 'FAILED' },
      { at: 1, lasts: 600, id: 'one', over: 'carrier-b' },
      { at: 2 },
    ];
    expect((await play(rules, calls)).verdicts).toEqual(['allow', 'block', 'allow']);
  });

  it('a longest duration ends calls', async () => {
    const rules = [{ id: 'a', concurrent: 1, maxDuration: '1m' }];
    const { verdicts, decisions } = await play(rules, [{ at: 0, lasts: 3600 }, { at: 59 }, { at: 60 }]);
    expect(verdicts).toEqual(['allow', 'block', 'allow']);
    expect(decisions[0]?.maxSeconds).toBe(60);
  });

  it('a longest duration is counted from when the call leaves', async () => {
    const rules = [
      { id: 'pace', action: 'wait', limits: ['1/10s'], maxWait: '60s' },
      { id: 'a', concurrent: 1, countPer: 'system', maxDuration: '1m' },
    ];
    const { verdicts } = await play(rules, [{ at: 0, lasts: 2 }, { at: 3, lasts: 3600 }, { at: 69 }, { at: 70 }]);
    expect(verdicts).toEqual(['allow', 'wait', 'block', 'allow']);
  });

  it('a held call that is taken to be approved meets every other rule, and takes what it can get of its own', async () => {
    const rules = [
      { id: 'ask', limits: ['1/1d'], action: 'approve' },
      { id: 'cap', limits: ['3/1d'] },
    ];
    const calls = [{ at: 0 }, { at: 1 }, { at: 2 }, { at: 3 }];
    expect((await play(rules, calls, 'approve')).verdicts).toEqual(['allow', 'hold', 'hold', 'block']);
    expect((await play(rules, calls, 'refuse')).verdicts).toEqual(['allow', 'hold', 'hold', 'hold']);
  });

  it('a call that reached nobody is given back when it ends, where the rule says so', async () => {
    const rules = [{ id: 'a', limits: ['1/1d'], counting: 'rolling', giveBackOn: ['busy'] }];
    const calls = [{ at: 0, lasts: 10, ended: 'BUSY' }, { at: 5 }, { at: 10, lasts: 10 }, { at: 30 }];
    expect((await play(rules, calls)).verdicts).toEqual(['allow', 'block', 'allow', 'block']);
  });

  it('an answered call holds its number for a time from when it ends', async () => {
    const rules = [{ id: 'a', countPer: 'number', holdAfter: { answered: '1m' } }];
    const calls = [{ at: 0, lasts: 30 }, { at: 20, ended: 'BUSY', lasts: 1 }, { at: 89 }, { at: 90 }];
    expect((await play(rules, calls)).verdicts).toEqual(['allow', 'allow', 'block', 'allow']);
  });
});

describe('two policies', () => {
  it('are compared call by call: what is newly refused and newly let go, by the rule that refuses it', async () => {
    const calls = [{ at: 0 }, { at: 1 }, { at: 2, from: '1002' }];
    const before = await play([{ id: 'old', appliesTo: { extensions: ['1002'] }, limits: [] }], calls);
    const after = await play([{ id: 'new', limits: ['1/1m'] }], calls);
    const changes = compareOutcomes(
      after.history,
      before.simulated,
      after.simulated,
      ({ verdict }) => verdict !== 'block',
    );
    expect(changes).toEqual({
      newlyRefused: 1,
      newlyAllowed: 1,
      by: {
        rule: { new: { newlyRefused: 1, newlyAllowed: 0 }, old: { newlyRefused: 0, newlyAllowed: 1 } },
        extension: { '1001': { newlyRefused: 1, newlyAllowed: 0 }, '1002': { newlyRefused: 0, newlyAllowed: 1 } },
      },
    });
  });
});
