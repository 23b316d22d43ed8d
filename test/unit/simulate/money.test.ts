import { describe, expect, it } from 'vitest';
import { compileRateSheet } from '../../../src/rates/rate-sheet.ts';
import { createHistoryBuilder } from '../../../src/simulate/call-history.ts';
import type { CdrRow } from '../../../src/simulate/cdr-file.ts';
import { countOutcomes } from '../../../src/simulate/outcome-counts.ts';
import { simulate } from '../../../src/simulate/simulation.ts';
import { policyOf } from '../../support/policy.ts';

const BEGIN_MS = Date.UTC(2026, 10, 18, 12);
const MICROS = 1_000_000;
/** Cuba: a dollar a minute, by the second. */
const rates = compileRateSheet([
  { prefix: '+53', perMinuteMicros: MICROS, connectionMicros: 0, firstSeconds: 1, nextSeconds: 1 },
  { prefix: '+54', perMinuteMicros: 6 * MICROS, connectionMicros: 0, firstSeconds: 60, nextSeconds: 60 },
  { prefix: '+55', perMinuteMicros: 11 * MICROS, connectionMicros: 0, firstSeconds: 60, nextSeconds: 60 },
  { prefix: '+1', perMinuteMicros: 0, connectionMicros: 0, firstSeconds: 1, nextSeconds: 1 },
]);

interface Call {
  /** Minutes after noon. */
  readonly at: number;
  /** Minutes of talk; it rings for none. */
  readonly talks: number;
  readonly from?: string;
  readonly to?: string;
  readonly ended?: string;
  readonly id?: string;
}

async function play(rules: readonly object[], calls: readonly Call[], held: 'approve' | 'refuse' = 'refuse') {
  const policy = policyOf({ homeCountry: 'US', trunks: { 'carrier-a': {} }, rules });
  const builder = createHistoryBuilder({ isTrunk: () => false, isExtension: () => false, isCampaign: () => false });
  for (const [index, { at, talks, from = '1001', to = '+5355512345', ended = 'ANSWERED', id }] of calls.entries()) {
    builder.add({
      row: index + 1,
      startMs: BEGIN_MS + at * 60_000,
      durationMs: talks * 60_000,
      talkMs: talks * 60_000,
      dst: to,
      src: '',
      clid: '',
      channel: `PJSIP/${from}-00000001`,
      dstchannel: 'PJSIP/carrier-a-00000002',
      lastapp: 'Dial',
      lastdata: `PJSIP/${to}@carrier-a`,
      disposition: ended,
      accountcode: '',
      uniqueid: id ?? `call-${index}`,
      linkedid: '',
      extension: '',
      trunk: '',
      campaign: '',
      channelNumber: undefined,
      tellsTrunk: true,
    } satisfies CdrRow);
  }
  const history = builder.build();
  const simulated = await simulate({ policy, history, rates, held });
  const counts = countOutcomes(history, simulated, () => '');
  return { counts, locks: simulated.locks, verdicts: calls.map((_, call) => simulated.fateOf(call).verdict) };
}

const HARD = { id: 'hard', appliesTo: { destinations: ['international'] }, spend: { hard: '10/1d' } };
const LOCKOUT = { after: 3, within: '24h', destinations: ['international'] };

describe('a replay in money', () => {
  it('says what calls cost, and what a refusal saves', async () => {
    const { counts } = await play(
      [{ id: 'none', appliesTo: { extensions: ['1002'] } }],
      [
        { at: 0, talks: 5 },
        { at: 0, talks: 3, from: '1002' },
        { at: 0, talks: 9, ended: 'NO ANSWER' },
      ],
    );
    expect(counts.money).toEqual({ currency: 'USD', was: 8, would: 5, saved: 3, savedOf: { '1002': 3 }, unpriced: 0 });
    expect(counts.minutes).toEqual({ was: 8, would: 5 });
  });

  it('ends the calls of a hard ceiling when all of them together have spent it, and not before', async () => {
    const { counts, verdicts } = await play(
      [HARD],
      [
        { at: 0, talks: 60 },
        { at: 0, talks: 60 },
        { at: 2, talks: 60, from: '1002' },
      ],
    );
    expect(verdicts).toEqual(['allow', 'allow', 'allow']);
    expect(counts.cut).toBe(3);
    // Ten dollars of two calls at once, and ten of another extension; each within the seconds that ending takes.
    expect(counts.money?.would).toBeGreaterThan(19.8);
    expect(counts.money?.would).toBeLessThanOrEqual(20.1);
  });

  it('refuses the next call of a spent ceiling, and lets national ones go', async () => {
    const { verdicts } = await play(
      [HARD],
      [
        { at: 0, talks: 60 },
        { at: 30, talks: 1 },
        { at: 31, talks: 1, to: '+13055550100' },
        { at: 25 * 60, talks: 1 },
      ],
    );
    expect(verdicts).toEqual(['allow', 'block', 'allow', 'allow']);
  });

  it('a hard ceiling locks at once, for as long as the file lasts', async () => {
    const { verdicts, locks } = await play(
      [{ ...HARD, lockout: LOCKOUT }],
      [
        { at: 0, talks: 60 },
        { at: 72 * 60, talks: 1 },
        { at: 72 * 60, talks: 1, to: '+13055550100' },
        { at: 72 * 60, talks: 1, from: '1002' },
      ],
    );
    expect(verdicts).toEqual(['allow', 'block', 'allow', 'allow']);
    expect(locks).toMatchObject([{ rule: 'hard', subject: { kind: 'extension', id: '1001' } }]);
  });

  it('a refused call that does not fit under a hard ceiling ends the others and locks; one that never could is only refused', async () => {
    const dear = { at: 5, talks: 1, to: '+5491123456789' };
    const dearer = { at: 6, talks: 1, to: '+558812345678' };
    const soFar = { at: 0, talks: 60 };
    const some = await play([{ ...HARD, lockout: LOCKOUT }], [soFar, dearer]);
    expect([some.verdicts, some.counts.cut]).toEqual([['allow', 'block'], 1]);
    expect(some.locks[0]?.at).toBeGreaterThan(BEGIN_MS + 590_000);
    const all = await play([{ ...HARD, lockout: LOCKOUT }], [soFar, dear]);
    expect([all.verdicts, all.counts.cut, all.locks[0]?.at]).toEqual([['allow', 'block'], 1, BEGIN_MS + 300_000]);
  });

  it('refusals lock as well, those of supervisors among them', async () => {
    const asks = { id: 'asks', appliesTo: { destinations: ['country:CU'] }, action: 'approve', lockout: LOCKOUT };
    const calls = Array.from({ length: 5 }, (_, at): Call => ({ at, talks: 1 }));
    expect((await play([asks], calls)).verdicts).toEqual(['hold', 'hold', 'hold', 'block', 'block']);
    expect((await play([asks], calls, 'approve')).verdicts).toEqual(['hold', 'hold', 'hold', 'hold', 'hold']);
  });

  it('a soft ceiling holds the next call, and ends none', async () => {
    const soft = { ...HARD, spend: { soft: '5/1d' }, action: 'approve' };
    const { verdicts, counts } = await play(
      [soft],
      [
        { at: 0, talks: 20 },
        { at: 30, talks: 1 },
      ],
    );
    expect(verdicts).toEqual(['allow', 'hold']);
    expect(counts).toMatchObject({ cut: 0, heldBy: { rule: { hard: 1 }, extension: { '1001': 1 } } });
  });

  it('holds the first call to a country and not the second, once the first was answered', async () => {
    const first = {
      id: 'first',
      countPer: 'system',
      firstCallTo: { what: 'country', within: '90d' },
      action: 'approve',
    };
    const calls: Call[] = [
      { at: 0, talks: 1, ended: 'BUSY' },
      { at: 10, talks: 1 },
      { at: 20, talks: 1, from: '1002' },
      { at: 30, talks: 1, to: '+442079460000' },
    ];
    expect((await play([first], calls, 'approve')).verdicts).toEqual(['hold', 'hold', 'allow', 'hold']);
  });
});
