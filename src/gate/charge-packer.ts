/**
 * Rules and subjects as the store has them: which key, and which bytes for the scripts.
 *
 * The packed form of a subject is kept: making it anew for every call was a fifth of what a decision costs.
 */
import type { Demand } from '../policy/actions/action.ts';
import type { Subject } from '../policy/call.ts';
import type { Count, Rule } from '../policy/rule.ts';
import { type Keys, lockField } from '../redis/keys.ts';
import {
  type PackedCharge,
  packFirstCall,
  packHold,
  packLeases,
  packLimits,
  packLock,
} from '../redis/limit-scripts.ts';
import { packSpend } from '../redis/spend-script.ts';
import type { Charge, Payer } from './limit-store.ts';

const REMEMBERED_SUBJECTS = 10_000;
const NOBODY: Payer = { callId: 'peek', destination: '' };

export interface ChargePacker {
  /** @param payer who pays; absent where nothing is taken */
  readonly pack: (charge: Charge, payer?: Payer) => PackedCharge;
  /** Every key in which a rule counts a subject. */
  readonly keysOf: (rule: Rule, subject: Subject) => readonly string[];
}

/** @param leaseSeconds how long a call counts as under way without anybody saying so again */
export function createChargePacker(keys: Keys, leaseSeconds: (rule: Rule) => number): ChargePacker {
  type OfSubjects = Map<string, PackedCharge>;
  // By demand, what is counted, and the id of the subject: a rule counts on subjects of one kind only.
  const known: Readonly<Record<Demand, WeakMap<Count, OfSubjects>>> = {
    required: new WeakMap(),
    lenient: new WeakMap(),
    paced: new WeakMap(),
    shadow: new WeakMap(),
    'paced-shadow': new WeakMap(),
  };

  const make = ({ rule, subject, count, demand, reserves }: Charge, payer: Payer): PackedCharge => {
    const key = keyOf(keys, rule, subject, count);
    switch (count.kind) {
      case 'limits': {
        const placesKey = keys.places(rule.id, rule.generation, subjectKey(subject));
        const paced = demand === 'paced' || demand === 'paced-shadow';
        const pace = paced && rule.pace !== undefined ? { ...rule.pace, placesKey } : undefined;
        return packLimits(demand, key, count.limits, rule.counting, pace);
      }
      case 'concurrent':
        return packLeases(demand, key, count.limits[0].count, leaseSeconds(rule));
      case 'hold':
        return packHold(demand, key, count.limits[0].periodSeconds);
      case 'spend':
      case 'minutes': {
        const [{ count: limit, periodSeconds }] = count.limits;
        const spentKey = keys.spent(payer.callId, payer.destination);
        return packSpend(demand, key, { limit, periodSeconds, amount: reserves?.amount ?? 0, spentKey });
      }
      case 'lock':
        return packLock(demand, key, lockField(rule.id, subjectKey(subject)));
      case 'first-call':
        return packFirstCall(demand, key, {
          withinSeconds: count.limits[0].periodSeconds,
          hanging: count.hanging,
          alone: count.alone,
        });
      default:
        return count satisfies never;
    }
  };

  return {
    pack: (charge, payer = NOBODY) => {
      const { count, subject, demand } = charge;
      // Another one for every call: what it reserves is its own.
      if (charge.reserves !== undefined) return make(charge, payer);
      let ofCount = known[demand].get(count);
      if (ofCount === undefined) {
        ofCount = new Map();
        known[demand].set(count, ofCount);
      }
      const packed = ofCount.get(subject.id);
      if (packed !== undefined) return packed;
      if (ofCount.size >= REMEMBERED_SUBJECTS) ofCount.clear();
      const made = make(charge, payer);
      ofCount.set(subject.id, made);
      return made;
    },
    keysOf: (rule, subject) => [
      ...rule.counts.map((count) => keyOf(keys, rule, subject, count)),
      ...(rule.pace === undefined ? [] : [keys.places(rule.id, rule.generation, subjectKey(subject))]),
    ],
  };
}

const SUBJECT_LETTERS = {
  extension: 'e',
  group: 'g',
  trunk: 't',
  number: 'n',
  'extension-number': 'x',
  system: 's',
} as const;
/** Subjects come from dialplans and phones: bounded, and prefixed by a letter of their kind. */
export const subjectKey = (subject: Subject): string => `${SUBJECT_LETTERS[subject.kind]}${subject.id.slice(0, 160)}`;

/** Another key for each manner of counting: what one wrote says nothing to the other. */
function keyOf(keys: Keys, rule: Rule, subject: Subject, count: Count): string {
  const id = subjectKey(subject);
  switch (count.kind) {
    case 'limits':
      return (rule.counting === 'rolling' ? keys.ring : keys.bucket)(rule.id, rule.generation, id);
    case 'concurrent':
      return keys.leases(rule.id, rule.generation, id);
    case 'hold':
      return keys.hold(rule.id, rule.generation, id, count.outcome);
    case 'spend':
    case 'minutes':
      return keys.budget(rule.id, rule.generation, id, `${count.kind}-${count.level}`);
    case 'lock':
      return keys.locks;
    case 'first-call':
      return keys.reached(id, count.place);
    default:
      return count satisfies never;
  }
}
