/**
 * The outbound calls of a file of call records, in the order in which they began.
 *
 * Records are written when calls end, and so all of them must be known before the first is replayed. A million fit into a
 * few hundred megabytes: a record is a row of numbers here, and each text is kept once.
 *
 * A call that tries several trunks is one call with several tries: they share the linked id (or, where the file has none,
 * the unique id) and the number dialled, and begin within two minutes, as long as the gate knows a call again.
 */
import type { Outcome } from '../policy/outcome.ts';
import type { CdrRow } from './cdr-file.ts';
import { type KnownNames, namesOf, outboundTryOf } from './outbound-call.ts';
import { createTexts } from './texts.ts';

/** One try of a call over one trunk. */
export interface ReplayedTry {
  readonly row: number;
  readonly startMs: number;
  readonly durationMs: number;
  /** 0 unless it was answered, or nobody knows how it ended. */
  readonly talkMs: number;
  readonly dialled: string;
  readonly extension: string | undefined;
  readonly trunk: string | undefined;
  readonly campaign: string | undefined;
  readonly outcome: Outcome | undefined;
  /** Which call, from 0 in the order in which they begin. */
  readonly call: number;
  /** Tells calls apart as their linked ids do. */
  readonly link: number;
}

export interface CallHistory {
  readonly tries: number;
  readonly calls: number;
  /** In the order in which they began. */
  readonly at: (index: number) => ReplayedTry;
  readonly startOf: (call: number) => number;
  /** Of a call: when its last try ended, and how; it had talked so long then. */
  readonly endOf: (call: number) => {
    readonly atMs: number;
    readonly outcome: Outcome | undefined;
    readonly talkMs: number;
  };
  readonly triesOf: (call: number) => number;
  /** Tries of which nobody knows who called. */
  readonly unknownExtensions: number;
}

/** As long as the store keeps the record of a call. */
const ONE_CALL_MS = 120_000;
const OUTCOMES: readonly (Outcome | undefined)[] = [undefined, 'answered', 'no-answer', 'busy', 'failed'];
const NO_NUMBER = 2 ** 32 - 1;

export function createHistoryBuilder(names: KnownNames): {
  /** @returns whether the record is of an outbound call */
  readonly add: (row: CdrRow) => boolean;
  /** The builder is used up by it. */
  readonly build: () => CallHistory;
} {
  const texts = createTexts();
  const links = new Map<string, number>();
  const trunks = new Set<string>();
  const f64 = () => createColumn(Float64Array);
  const [starts, durations, talks] = [f64(), f64(), f64()];
  const u32 = () => createColumn(Uint32Array);
  const [rows, numbers, linkOf, dialled, trunk] = [u32(), u32(), u32(), u32(), u32()];
  const [endpoint, extension, campaign, accountcode, outcome] = [u32(), u32(), u32(), u32(), u32()];
  let anonymous = 0;

  const linkNumber = (id: string): number => {
    // Without any id each record is a call of its own.
    const key = id === '' ? `#${anonymous++}` : id;
    const known = links.get(key) ?? links.size;
    links.set(key, known);
    return known;
  };

  return {
    add: (row) => {
      const found = outboundTryOf(row, names);
      if (found === undefined) return false;
      if (found.trunk !== '') trunks.add(found.trunk);
      starts.push(row.startMs);
      durations.push(row.durationMs);
      talks.push(found.outcome === undefined || found.outcome === 'answered' ? row.talkMs : 0);
      rows.push(row.row);
      numbers.push(row.channelNumber ?? NO_NUMBER);
      linkOf.push(linkNumber(row.linkedid || row.uniqueid));
      dialled.push(texts.numberOf(found.dialled));
      trunk.push(texts.numberOf(found.trunk));
      endpoint.push(texts.numberOf(found.endpoint));
      extension.push(texts.numberOf(found.extension));
      campaign.push(texts.numberOf(found.campaign));
      accountcode.push(texts.numberOf(found.accountcode));
      outcome.push(OUTCOMES.indexOf(found.outcome));
      return true;
    },
    build: () => {
      const tries = rows.length();
      const text = (column: { readonly at: (index: number) => number }, index: number): string =>
        texts.textOf(column.at(index));
      const order = Uint32Array.from({ length: tries }, (_, index) => index).sort(
        (one, other) => starts.at(one) - starts.at(other) || numbers.at(one) - numbers.at(other) || one - other,
      );

      const callOf = new Uint32Array(tries);
      const lastOf = new Int32Array(links.size).fill(-1);
      const [callStart, callEnd, callTalk, callLast, callTries] = [f64(), f64(), f64(), u32(), u32()];
      const known: KnownNames = { ...names, isTrunk: (name) => trunks.has(name) || names.isTrunk(name) };
      let unknownExtensions = 0;
      for (const index of order) {
        const [start, link] = [starts.at(index), linkOf.at(index)];
        const last = lastOf[link] ?? -1;
        const before = callOf[last] ?? -1;
        const sameCall =
          last >= 0 && dialled.at(last) === dialled.at(index) && start - callStart.at(before) <= ONE_CALL_MS;
        const end = start + durations.at(index);
        const call = sameCall ? before : callStart.length();
        if (sameCall) {
          callTries.set(call, callTries.at(call) + 1);
          if (end >= callEnd.at(call)) {
            callEnd.set(call, end);
            callTalk.set(call, talks.at(index));
            callLast.set(call, outcome.at(index));
          }
        } else {
          callStart.push(start);
          callEnd.push(end);
          callTalk.push(talks.at(index));
          callLast.push(outcome.at(index));
          callTries.push(1);
        }
        callOf[index] = call;
        lastOf[link] = index;
        const who = namesOf(
          {
            dialled: '',
            trunk: '',
            endpoint: text(endpoint, index),
            extension: text(extension, index),
            campaign: text(campaign, index),
            accountcode: text(accountcode, index),
            outcome: undefined,
          },
          known,
        );
        extension.set(index, texts.numberOf(who.extension));
        campaign.set(index, texts.numberOf(who.campaign));
        if (who.extension === '') unknownExtensions += 1;
      }
      links.clear();
      return {
        tries,
        calls: callStart.length(),
        unknownExtensions,
        startOf: (call) => callStart.at(call),
        endOf: (call) => ({
          atMs: callEnd.at(call),
          outcome: OUTCOMES[callLast.at(call)],
          talkMs: callTalk.at(call),
        }),
        triesOf: (call) => callTries.at(call),
        at: (place) => {
          const index = order[place] ?? 0;
          return {
            row: rows.at(index),
            startMs: starts.at(index),
            durationMs: durations.at(index),
            talkMs: talks.at(index),
            dialled: text(dialled, index),
            extension: text(extension, index) || undefined,
            trunk: text(trunk, index) || undefined,
            campaign: text(campaign, index) || undefined,
            outcome: OUTCOMES[outcome.at(index)],
            call: callOf[index] ?? 0,
            link: linkOf.at(index),
          };
        },
      };
    },
  };
}

/** Numbers without end, eight or four bytes each. */
function createColumn(type: Float64ArrayConstructor | Uint32ArrayConstructor) {
  let values = new type(1024);
  let length = 0;
  return {
    length: () => length,
    at: (index: number): number => values[index] ?? 0,
    set: (index: number, value: number): void => {
      values[index] = value;
    },
    push: (value: number): void => {
      if (length === values.length) {
        const larger = new type(2 * length);
        larger.set(values);
        values = larger;
      }
      values[length++] = value;
    },
  };
}
