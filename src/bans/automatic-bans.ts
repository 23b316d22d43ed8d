/**
 * From hostile events to bans: counts each event in the store, asks ban-policy.ts what it comes to, and does it.
 *
 * Guarantees
 * - Nobody waits for it: an event is put in a row and taken from there in its order. The row is bounded; what finds it full
 *   is not counted, and the status says how many that were. The same for events while the store is away: counted after an
 *   outage, attempts of half an hour would look like a burst.
 * - Of all daemons that see an attack one makes the ban. If it dies over that, the next event makes it.
 * - What is counted begins anew with each ban, so that it takes a new attack to be banned again.
 * Events of an address that is banned already are not counted.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { readAddress } from '../policy/addresses.ts';
import type { EpochMs } from '../policy/call.ts';
import type { Settings } from '../policy/settings.ts';
import type { BanList } from './ban-list.ts';
import { type BanPlan, type Judgement, judge, type Known } from './ban-policy.ts';
import type { DefenceReports } from './defence-reports.ts';
import type { KnownPeers } from './known-peers.ts';
import type { Offence, Success } from './offence.ts';
import { networkOf, type OffenceCounters, realmOf } from './offence-counters.ts';

export interface AutomaticBans {
  /** Never throws, never waits. */
  readonly offence: (offence: Offence) => void;
  /** Never throws, never waits. */
  readonly success: (success: Success) => void;
  readonly state: () => AutomaticBansState;
  /** Resolves when everything that was put in by now is dealt with. */
  readonly settled: () => Promise<void>;
  /** Deals with what is left, for a second at most. */
  readonly close: () => Promise<void>;
}

export interface AutomaticBansState {
  readonly waiting: number;
  /** Events since the start. */
  readonly counted: number;
  /** Events that were not counted: the row was full, or the store was away. */
  readonly lost: number;
  readonly bans: number;
  /** Undefined while events are counted. */
  readonly problem: string | undefined;
  /** Since when there is this problem, or none. */
  readonly since: EpochMs;
}

const MOST_WAITING = 20_000;
/** Sent together, one after another in one write; each costs the store some 30 µs. */
const AT_ONCE = 200;
/** Longer than making a ban takes; if it fails, the next event after this makes it. */
const CLAIM_MS = 2000;
const CLOSE_WITHIN_MS = 1000;
const PAUSE_AFTER_FAILURE_MS = 250;

type Item =
  | { readonly what: 'offence'; readonly offence: Offence }
  | { readonly what: 'success'; readonly success: Success };

interface Judged {
  readonly offence: Offence;
  readonly judgement: Judgement;
}

export function createAutomaticBans(deps: {
  readonly counters: OffenceCounters;
  readonly bans: Pick<BanList, 'add' | 'isBanned'>;
  readonly allowedBy: (address: string) => string | undefined;
  readonly peers: Pick<KnownPeers, 'find' | 'inNetwork'>;
  readonly settings: () => Settings;
  readonly reports: Pick<DefenceReports, 'report'>;
  /** Called for each hostile event that was counted, of all daemons once. */
  readonly onCounted?: (() => void) | undefined;
  readonly clock: Clock;
  readonly log: Log;
}): AutomaticBans {
  const { counters, bans, log, clock } = deps;
  let row: Item[] = [];
  let working: Promise<void> | undefined;
  let closed = false;
  const totals = { counted: 0, lost: 0, bans: 0 };
  let problem: string | undefined;
  let since = clock.now();

  const put = (item: Item): void => {
    if (closed) return;
    if (row.length >= MOST_WAITING) {
      totals.lost += 1;
      return;
    }
    row.push(item);
    working ??= work();
  };

  const setProblem = (next: string | undefined): void => {
    if ((next === undefined) !== (problem === undefined)) since = clock.now();
    if (next !== undefined && problem === undefined) log.warn({ problem: next }, 'hostile events cannot be counted');
    problem = next;
  };

  const work = async (): Promise<void> => {
    // What arrives with the same read is sent with it.
    await nextTurn();
    while (row.length > 0) {
      const batch = row.slice(0, AT_ONCE);
      row = row.slice(AT_ONCE);
      try {
        await takeAll(batch);
        setProblem(undefined);
      } catch (error) {
        totals.lost += row.length;
        row = [];
        setProblem(messageOf(error));
        await new Promise((resolve) => setTimeout(resolve, PAUSE_AFTER_FAILURE_MS));
      }
    }
    // In the same step in which the row was found empty: what is put in later starts anew.
    working = undefined;
  };

  const takeAll = async (batch: readonly Item[]): Promise<void> => {
    const taken = await Promise.allSettled(batch.map(take));
    const banned = new Set<string>();
    const wanted: Promise<void>[] = [];
    for (const each of taken) {
      if (each.status === 'rejected' || each.value === undefined) continue;
      act(each.value, banned, wanted);
    }
    const failed = taken.filter((each) => each.status === 'rejected');
    totals.counted += taken.length - failed.length;
    totals.lost += failed.length;
    const failedBans = (await Promise.allSettled(wanted)).filter((each) => each.status === 'rejected');
    const [first] = [...failed, ...failedBans];
    if (first !== undefined) throw first.reason;
  };

  const take = async (item: Item): Promise<Judged | undefined> => {
    if (item.what === 'success') {
      await counters.success(item.success);
      return undefined;
    }
    const { offence } = item;
    const known = knownOf(offence.address);
    const readings = await counters.offence(offence, { feedsOthers: known.allowedBy === undefined });
    if (readings.isNew) deps.onCounted?.();
    return { offence, judgement: judge(offence, readings, known, deps.settings().autoBan) };
  };

  const knownOf = (address: string): Known => ({
    allowedBy: deps.allowedBy(address),
    peer: deps.peers.find(address),
    peerInNetwork: deps.peers.inNetwork(networkOf(address) ?? address),
  });

  const act = ({ offence, judgement: { ban, report } }: Judged, banned: Set<string>, wanted: Promise<void>[]): void => {
    if (report !== undefined) {
      const { address, account, service } = offence;
      deps.reports.report({ ...report, address, account: account ?? null, service });
    }
    if (ban === undefined || banned.has(ban.range) || bans.isBanned(offence.address)) return;
    banned.add(ban.range);
    wanted.push(make(offence, ban));
  };

  const make = async (offence: Offence, ban: BanPlan): Promise<void> => {
    const { address, service, transport, attackedPort } = offence;
    if (!(await counters.claim(`ban ${ban.range}`, CLAIM_MS))) return;
    const answer = await bans.add({
      address: ban.range,
      aroundAllowed: ban.range !== address,
      service: realmOf(service),
      origin: 'automatic',
      lastsMs: ban.lastsMs,
      ...(ban.permanentAfter === undefined ? {} : { permanentAfter: ban.permanentAfter }),
      offences: ban.offences,
      reason: ban.reason,
      evidence: ban.evidence,
      defenceType: ban.defenceType,
      protocol: transport,
      attackedPort,
      by: offence.source,
    });
    if ('refused' in answer && answer.because === 'left-alone') {
      // A person has said so; afterwards it takes a new attack.
      await Promise.all([...new Set([address, ban.range])].map((range) => counters.forget(range, service)));
      log.info({ address: ban.range, service }, `not banned: ${answer.refused}`);
      return;
    }
    if ('refused' in answer) {
      const sentence = `${ban.reason}: ${ban.range} is not banned: ${answer.refused}`;
      deps.reports.report({
        kind: 'not-banned',
        sentence,
        address: ban.range,
        account: offence.account ?? null,
        service,
      });
      return;
    }
    await Promise.all([...new Set([address, ban.range])].map((range) => counters.forget(range, service)));
    for (const { outcome, ban: made } of answer.bans) {
      if (outcome !== 'added') continue;
      totals.bans += 1;
      log.info(
        { address: made.address, service: made.service, until: made.until, times: made.timesBanned },
        `banned: ${made.reason}`,
      );
    }
  };

  const settled = async (): Promise<void> => {
    while (working !== undefined) await working;
  };

  return {
    offence: (offence) => {
      const { enabled, services } = deps.settings().autoBan;
      if (!enabled || !services[offence.service].enabled) return;
      if (readAddress(offence.address) === undefined || bans.isBanned(offence.address)) return;
      put({ what: 'offence', offence });
    },
    success: (success) => put({ what: 'success', success }),
    state: () => ({ waiting: row.length, ...totals, problem, since }),
    settled,
    close: async () => {
      closed = true;
      await Promise.race([settled(), new Promise((resolve) => setTimeout(resolve, CLOSE_WITHIN_MS).unref())]);
      row = [];
    },
  };
}
