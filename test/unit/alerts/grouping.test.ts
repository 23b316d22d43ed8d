/** Many alerts, few messages; escalation until somebody acknowledges. */
import { describe, expect, it } from 'vitest';
import {
  acknowledge,
  addAlert,
  type Change,
  type GroupingRules,
  type Incident,
  lookAt,
  mayReopen,
  openIncident,
  resolve,
  snooze,
  wake,
} from '../../../src/alerts/grouping.ts';
import { messageOfIncident } from '../../../src/alerts/message.ts';
import type { PlannedStep } from '../../../src/alerts/routing.ts';
import type { EpochMs } from '../../../src/policy/call.ts';
import { alertAt } from '../../support/alerts.ts';

const MINUTE = 60_000;
const at = (minutes: number): EpochMs => (1_700_000_000_000 + minutes * MINUTE) as EpochMs;
const rules: GroupingRules = {
  schedules: { isOpen: () => false, closesAt: () => undefined },
  windowMs: 5 * MINUTE,
  tracks: (channel) => channel === 'pager',
};
const step = (minutes: number, to: readonly string[], repeatMs: number | null = null): PlannedStep => ({
  at: at(minutes),
  to,
  quiet: null,
  repeatMs,
});
const limit = { kind: 'limit-exceeded', about: 'default extension 1001', subject: 'extension 1001' } as const;
let batches = 0;
const batch = (minutes: number, count = 1, fields: Parameters<typeof alertAt>[1] = limit) => ({
  id: `b${batches++}`,
  alert: alertAt(at(minutes), fields),
  count,
});
const sent = (change: Change | undefined): string[] =>
  (change?.tellings ?? []).map(({ event, channel }) => `${event} ${channel}`);
const open = (fields: Parameters<typeof alertAt>[1] = limit, steps = [step(0, ['mail'])]): Incident =>
  openIncident('i1', batch(0, 1, fields), steps, [], at(0), rules).incident;
const having = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Error('nothing became of it');
  return value;
};

describe('what repeats', () => {
  it('is told at once the first time, and as one sum at the end of its window', () => {
    let incident = open();
    for (let n = 0; n < 412; n++) {
      const change = having(addAlert(incident, batch(n / 100), [], at(n / 100), rules));
      expect(sent(change)).toEqual([]);
      incident = change.incident;
    }
    const summed = having(lookAt(incident, at(5), rules));
    expect(sent(summed)).toEqual(['again mail']);
    const { title } = messageOfIncident('m', 'again', summed.incident, incident, at(5));
    expect(title).toContain('412 over the limit in 5 min for extension 1001');
  });

  it('is told in windows that double up to an hour', () => {
    let incident = open();
    const toldAt: number[] = [];
    for (let minute = 1; minute <= 300; minute++) {
      const change = having(addAlert(incident, batch(minute), [], at(minute), rules));
      if (sent(change).length > 0) toldAt.push(minute);
      incident = change.incident;
    }
    expect(toldAt).toEqual([5, 15, 35, 75, 135, 195, 255]);
  });

  it('that becomes critical does not wait for the end of its window', () => {
    const worse = having(addAlert(open(), batch(1, 1, { ...limit, severity: 'critical' }), [], at(1), rules));
    expect(sent(worse)).toEqual(['again mail']);
    expect(worse.incident.alert.severity).toBe('critical');
    expect(sent(addAlert(worse.incident, batch(2), [], at(2), rules))).toEqual([]);
  });

  it('counts a batch once that was written without an answer, and one that several nodes saw', () => {
    const once = { ...limit, once: 'ban 1' };
    const first = openIncident('i1', batch(0, 1, once), [], [], at(0), rules).incident;
    expect(addAlert(first, batch(1, 1, once), [], at(1), rules)).toBeUndefined();
    const again = batch(1, 3);
    const { incident } = having(addAlert(first, again, [], at(1), rules));
    expect(addAlert(incident, again, [], at(1), rules)).toBeUndefined();
    expect(incident.count).toBe(4);
  });

  it('is over when nothing came for a window, which only those hear who keep incidents', () => {
    const incident = open(limit, [step(0, ['mail', 'pager'])]);
    expect(lookAt(incident, at(4.9), rules)).toBeUndefined();
    const change = having(lookAt(incident, at(5), rules));
    expect(sent(change)).toEqual(['resolved pager']);
    expect(change.incident.over?.why).toBe('nothing more came');
  });
});

describe('what lasts', () => {
  const down = { kind: 'component', about: 'pbx1 store', subject: 'store' } as const;

  it('is over when its source says so, and everybody who was told hears it', () => {
    const incident = open(down, [step(0, ['mail', 'pager'])]);
    expect(lookAt(incident, at(10_000), rules)).toBeUndefined();
    expect(sent(resolve(incident, 'it is back', at(3), rules))).toEqual(['resolved mail', 'resolved pager']);
  });

  it('that goes up and down is not told each time', () => {
    let incident = open(down);
    let messages = 1;
    for (let n = 1; n < 100; n++) {
      const up = having(resolve(incident, 'back', at(n / 6), rules));
      expect(mayReopen(up.incident, at(n / 6), rules)).toBe(true);
      const again = having(addAlert(up.incident, batch(n / 6, 1, down), [], at(n / 6), rules));
      messages += sent(up).length + sent(again).length;
      incident = again.incident;
    }
    // Ninety-nine times in 16 minutes.
    expect(messages).toBeLessThan(16);
  });

  it('that comes back after somebody had it escalates anew', () => {
    const first = having(acknowledge(open(down), 'cli anna', at(1), rules)).incident;
    const over = having(resolve(first, 'back', at(2), rules)).incident;
    const { incident } = having(
      addAlert(over, batch(3, 1, down), [step(3, ['mail']), step(8, ['pager'])], at(3), rules),
    );
    expect(incident.acknowledged).toBeNull();
    expect(sent(lookAt(incident, at(8), rules))).toContain('escalated pager');
  });
});

describe('escalation', () => {
  const steps = [step(0, ['mail']), step(10, ['pager']), step(20, ['phone'], 15 * MINUTE)];

  it('takes each step, and the last again and again, until somebody acknowledges', () => {
    let incident = open(limit, steps);
    const taken: string[] = [];
    for (let minute = 1; minute <= 60; minute++) {
      const change = lookAt(incident, at(minute), rules);
      taken.push(...sent(change).map((each) => `${minute} ${each}`));
      incident = change?.incident ?? incident;
    }
    expect(taken).toEqual(['10 escalated pager', '20 escalated phone', '35 escalated phone', '50 escalated phone']);
    const acked = having(acknowledge(incident, 'cli anna', at(61), rules));
    expect(sent(acked).sort()).toEqual(['acknowledged mail', 'acknowledged pager', 'acknowledged phone']);
    expect(acked.incident.steps).toEqual([]);
  });

  it('counts one acknowledgement', () => {
    const acked = having(acknowledge(open(), 'cli anna', at(1), rules)).incident;
    expect(acknowledge(acked, 'cli bert', at(2), rules)).toBeUndefined();
  });

  it('does not take steps one behind the other that were due while no daemon ran', () => {
    const change = having(lookAt(open(limit, steps), at(600), rules));
    expect(sent(change)).toEqual(['escalated pager', 'escalated phone']);
    expect(change.dueAt).toBe(at(615));
  });
});

describe('a snooze', () => {
  const steps = [step(0, ['mail']), step(10, ['pager']), step(90, ['phone'])];
  const snoozed = having(snooze(open(limit, steps), 'cli anna', at(65), at(5))).incident;

  it('lets nobody hear of more of the same, nor of a step, until its end; then of both', () => {
    const more = having(addAlert(snoozed, batch(8), [], at(8), rules));
    expect([sent(more), more.dueAt]).toEqual([[], at(65)]);
    expect(lookAt(more.incident, at(64), rules)).toBeUndefined();
    expect(sent(lookAt(more.incident, at(65), rules)).sort()).toEqual(['escalated mail', 'escalated pager']);
  });

  it('leaves steps that are later as they are', () => {
    const due = having(lookAt(snoozed, at(65), rules));
    expect(due.incident.steps.map(({ at: when, to }) => [when, to])).toEqual([[at(90), ['phone']]]);
  });

  it('is ended by what is worse', () => {
    const worse = having(addAlert(snoozed, batch(8, 1, { ...limit, severity: 'critical' }), [], at(8), rules));
    expect(sent(worse)).toEqual(['again mail']);
  });

  it('is taken back with the steps as they were, and those that were due are taken', () => {
    const woken = having(wake(snoozed, at(20), rules));
    expect(sent(woken)).toEqual(['escalated pager']);
    expect(woken.incident.steps.map(({ at: when }) => when)).toEqual([at(90)]);
    expect(wake(woken.incident, at(21), rules)).toBeUndefined();
  });

  it('once more begins with the steps as they were, and ends with an acknowledgement', () => {
    const longer = having(snooze(snoozed, 'cli bert', at(120), at(30))).incident;
    expect(having(wake(longer, at(31), rules)).incident.steps.map(({ at: when }) => when)).toEqual([at(90)]);
    const acked = having(acknowledge(longer, 'cli bert', at(40), rules)).incident;
    expect([acked.snoozed, acked.steps, snooze(acked, 'cli anna', at(99), at(41))]).toEqual([null, [], undefined]);
  });
});
