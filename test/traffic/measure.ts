/**
 * What a policy makes of an attack, and of honest traffic: through `tollgate simulate`'s own code, from a file of call
 * records as Asterisk has them.
 *
 * The calls of an attack are those of a thief whom nothing stops. He who is refused would dial again; where a policy only
 * slows him down, a replay flatters it. Where it locks him out, it does not.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Policy } from '../../src/policy/policy.ts';
import { compileRateSheet, type RateSheet } from '../../src/rates/rate-sheet.ts';
import { type CallHistory, createHistoryBuilder } from '../../src/simulate/call-history.ts';
import { readCdrFile } from '../../src/simulate/cdr-file.ts';
import { type RowDecision, simulate } from '../../src/simulate/simulation.ts';
import { cdrOf, TRUNK, type TrafficCall } from './call.ts';
import { PRICES } from './prices.ts';

const MICROS = 1_000_000;
const micros = (dollars: number): number => Math.round(dollars * MICROS);

/** The prices of this traffic, compiled. */
export const trafficRates = (): RateSheet =>
  compileRateSheet(
    PRICES.map(({ prefix, perMinute, connection, steps: [firstSeconds, nextSeconds] }) => ({
      prefix: `+${prefix}`,
      perMinuteMicros: micros(perMinute),
      connectionMicros: micros(connection),
      firstSeconds,
      nextSeconds,
    })),
    'USD',
  );

export interface AttackFigures {
  readonly calls: number;
  /** Dollars that the attack costs without a policy, and with it. */
  readonly loss: number;
  readonly leaked: number;
  /** Seconds from its first call to the first that is refused, held or ended; undefined: none is. */
  readonly stoppedAfterSeconds: number | undefined;
}

export interface HonestFigures {
  readonly calls: number;
  readonly refused: number;
  readonly held: number;
  readonly cut: number;
  readonly cost: number;
}

interface Replayed {
  readonly rows: readonly TrafficCall[];
  readonly history: CallHistory;
  /** By row, from 1. */
  readonly decisions: ReadonlyMap<number, RowDecision>;
  readonly callOfRow: ReadonlyMap<number, number>;
  readonly simulated: Awaited<ReturnType<typeof simulate>>;
}

async function replay(calls: readonly TrafficCall[], policy: Policy, rates: RateSheet): Promise<Replayed> {
  const { text, rows } = cdrOf(calls);
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-traffic-'));
  try {
    const path = join(folder, 'cdr.csv');
    await writeFile(path, text);
    const builder = createHistoryBuilder({
      isTrunk: (name) => name === TRUNK,
      isExtension: (number) => policy.readDestination(number).classes.has('internal'),
      isCampaign: () => false,
    });
    await readCdrFile(path, { timezone: 'UTC', onRow: builder.add });
    const history = builder.build();
    if (history.tries !== rows.length) throw new Error(`${rows.length} calls were written, ${history.tries} read`);
    const decisions = new Map<number, RowDecision>();
    const onDecision = (decision: RowDecision): void => void decisions.set(decision.row, decision);
    // Supervisors know an attack when they see one.
    const held = ({ row }: { readonly row: number }) => (rows[row - 1]?.attack === undefined ? 'approve' : 'refuse');
    const simulated = await simulate({ policy, history, rates, held, onDecision });
    const callOfRow = new Map<number, number>();
    for (let at = 0; at < history.tries; at += 1) callOfRow.set(history.at(at).row, history.at(at).call);
    return { rows, history, decisions, callOfRow, simulated };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * @param honest what the site calls before and meanwhile: the policy has learnt from it which countries it reaches
 */
export async function measureAttack(
  attack: readonly TrafficCall[],
  honest: readonly TrafficCall[],
  policy: Policy,
  rates: RateSheet,
): Promise<AttackFigures> {
  const { rows, decisions, callOfRow, simulated } = await replay([...honest, ...attack], policy, rates);
  let [calls, loss, leaked] = [0, 0, 0];
  let [firstMs, stopMs]: [number | undefined, number | undefined] = [undefined, undefined];
  for (const [at, { attack: isAttack, startMs }] of rows.entries()) {
    if (isAttack === undefined) continue;
    const call = callOfRow.get(at + 1) ?? -1;
    const { was, is } = simulated.costOf(call);
    const isCut = simulated.fateOf(call).cut !== undefined;
    const verdict = decisions.get(at + 1)?.verdict;
    calls += 1;
    loss += was / MICROS;
    leaked += is / MICROS;
    firstMs ??= startMs;
    if (stopMs === undefined && (isCut || verdict === 'block' || verdict === 'hold')) stopMs = startMs;
  }
  const stoppedAfterSeconds = stopMs === undefined || firstMs === undefined ? undefined : (stopMs - firstMs) / 1000;
  return { calls, loss, leaked, stoppedAfterSeconds };
}

/** @param fromMs calls before are for learning, and not counted */
export async function measureHonest(
  honest: readonly TrafficCall[],
  policy: Policy,
  rates: RateSheet,
  fromMs: number,
): Promise<HonestFigures> {
  const { rows, decisions, callOfRow, simulated } = await replay(honest, policy, rates);
  let [calls, refused, held, cut, cost] = [0, 0, 0, 0, 0];
  for (const [at, { startMs }] of rows.entries()) {
    if (startMs < fromMs) continue;
    const call = callOfRow.get(at + 1) ?? -1;
    const verdict = decisions.get(at + 1)?.verdict;
    calls += 1;
    if (verdict === 'block') refused += 1;
    if (verdict === 'hold') held += 1;
    if (simulated.fateOf(call).cut !== undefined) cut += 1;
    cost += simulated.costOf(call).was / MICROS;
  }
  return { calls, refused, held, cut, cost };
}
