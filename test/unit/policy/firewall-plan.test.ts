import { describe, expect, test } from 'vitest';
import type { EpochMs } from '../../../src/policy/call.ts';
import {
  closePortal,
  confirmed,
  type FirewallDocument,
  isolate,
  NO_PLAN,
  openPortal,
  type PlanMaking,
  pendingAt,
  planInForce,
  readFirewallDocument,
  release,
  settled,
  undone,
} from '../../../src/policy/firewall-plan.ts';

const at = (ms: number): EpochMs => ms as EpochMs;
const by = (ms: number, who = 'dana'): PlanMaking => ({
  at: at(ms),
  by: who,
  connection: '1',
  withinMs: 60_000,
  lost: null,
});
const SSH = [{ protocol: 'tcp', from: 22, to: 22 }] as const;
const WEB = [{ protocol: 'tcp', from: 443, to: 443 }] as const;
/** Kept as a draft when it was undone. */
const wanted = { portal: { ports: SSH }, isolation: null };
const portalOf = (document: FirewallDocument, ms: number) => planInForce(document, at(ms)).portal?.ports;

describe('a plan of the firewall', () => {
  test('a portal is in force at once, waits for confirmation, and is over at its time with nobody doing anything', () => {
    const closed = closePortal(NO_PLAN, SSH, by(1000));
    expect(portalOf(closed, 1000)).toEqual(SSH);
    expect(pendingAt(closed, at(60_999))).toMatchObject({ what: 'portal', by: 'dana', revertAt: 61_000 });
    expect(portalOf(closed, 60_999)).toEqual(SSH);
    expect([portalOf(closed, 61_000), pendingAt(closed, at(61_000))]).toEqual([undefined, undefined]);
    expect(settled(closed, at(99_000))).toEqual({
      ...NO_PLAN,
      lastUndone: { what: 'portal', by: 'dana', at: 61_000, undoneBy: null, draft: wanted },
    });
  });

  test('a confirmed change stays for ever', () => {
    const kept = confirmed(closePortal(NO_PLAN, SSH, by(1000)), at(60_999));
    expect(portalOf(kept, 9_999_999)).toEqual(SSH);
    expect(settled(kept, at(9_999_999))).toBe(kept);
  });

  test('a confirmation that comes too late changes nothing', () => {
    const late = confirmed(closePortal(NO_PLAN, SSH, by(1000)), at(61_000));
    expect([portalOf(late, 61_000), late.lastUndone?.undoneBy]).toEqual([undefined, null]);
  });

  test('undoing leads back at once, and says who did it', () => {
    const back = undone(closePortal(NO_PLAN, SSH, by(1000)), at(2000), 'omar');
    const lastUndone = { what: 'portal', by: 'dana', at: 2000, undoneBy: 'omar', draft: wanted };
    expect(back).toEqual({ ...NO_PLAN, lastUndone });
    expect(undone(back, at(3000), 'omar')).toBe(back);
  });

  test('several changes in a row lead back together, to what was confirmed last', () => {
    const kept = confirmed(closePortal(NO_PLAN, SSH, by(1000)), at(2000));
    const both = isolate(closePortal(kept, WEB, by(3000)), ['203.0.113.9'], by(4000));
    expect(both.plan).toEqual({ portal: { ports: WEB }, isolation: { reachable: ['203.0.113.9'] } });
    expect(planInForce(both, at(64_000))).toEqual({ portal: { ports: SSH }, isolation: null });
  });

  test('a change made after the time of the one before begins from what is in force then', () => {
    const second = isolate(closePortal(NO_PLAN, SSH, by(1000)), ['203.0.113.9'], by(70_000));
    expect(second.plan).toEqual({ portal: null, isolation: { reachable: ['203.0.113.9'] } });
    expect(second.pending?.previous).toEqual(NO_PLAN.plan);
  });

  test('opening needs no confirmation, and what is undone later does not close it again', () => {
    const kept = confirmed(closePortal(NO_PLAN, SSH, by(1000)), at(2000));
    const waiting = isolate(kept, ['203.0.113.9'], by(3000));
    const opened = openPortal(waiting, by(4000));
    expect(opened.plan.portal).toBeNull();
    expect(planInForce(opened, at(90_000))).toEqual({ portal: null, isolation: null });
    const free = release(opened, by(5000));
    expect([free.plan, free.pending]).toEqual([NO_PLAN.plan, null]);
  });

  test('what is so already waits for nothing', () => {
    const kept = confirmed(closePortal(NO_PLAN, SSH, by(1000)), at(2000));
    expect(closePortal(kept, SSH, by(3000))).toEqual(kept);
    expect(openPortal(NO_PLAN, by(1000))).toEqual(NO_PLAN);
  });

  test('a document is read back as it was written, and one that is none is a problem', () => {
    const document = undone(closePortal(NO_PLAN, SSH, by(1000)), at(2000), 'omar');
    const again = isolate(document, ['2001:db8::/64'], by(3000));
    expect(readFirewallDocument(JSON.parse(JSON.stringify(again)))).toEqual(again);
    for (const bad of [undefined, 7, {}, { ...again, plan: { portal: { ports: [{ protocol: 'x' }] } } }])
      expect(readFirewallDocument(bad)).toHaveProperty('problem');
  });
});
