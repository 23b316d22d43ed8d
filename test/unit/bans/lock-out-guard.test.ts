import { describe, expect, test } from 'vitest';
import { letsIn, refusalOfAllowlist, refusalOfPlan } from '../../../src/bans/lock-out-guard.ts';
import type { FirewallPlan } from '../../../src/policy/firewall-plan.ts';

const ME = '203.0.113.9';
const OPEN: FirewallPlan = { portal: null, isolation: null };
const PORTAL: FirewallPlan = { ...OPEN, portal: { ports: [{ protocol: 'tcp', from: 443, to: 443 }] } };
const isolated = (...reachable: string[]): FirewallPlan => ({ ...OPEN, isolation: { reachable } });
const nobody = (): boolean => false;
const everybody = (): boolean => true;

describe('nobody locks himself out', () => {
  test('a portal is refused to a person whose address is not on the allowlist, and the sentence says what to do', () => {
    expect(refusalOfPlan(PORTAL, ME, nobody)).toBe(
      'this would cut you off: you come from 203.0.113.9, which is not on the allowlist; add it first (tollgate allow add 203.0.113.9 --name …), or force it (--force)',
    );
    expect(refusalOfPlan(PORTAL, ME, (address) => address === ME)).toBeUndefined();
  });

  test('an isolation is refused to a person whom it would not reach, whatever the allowlist says', () => {
    expect(refusalOfPlan(isolated('198.51.100.0/24'), ME, everybody)).toContain(`--reachable ${ME}`);
    expect(refusalOfPlan(isolated('203.0.113.0/24'), ME, nobody)).toBeUndefined();
    expect(refusalOfPlan(isolated('2001:db8::/64'), '2001:db8::7', nobody)).toBeUndefined();
  });

  test('whoever is at the machine itself, or not known, is not in the way', () => {
    for (const caller of [undefined, '127.0.0.1', '::1', '127.1.2.3'])
      expect(refusalOfPlan(isolated('198.51.100.7'), caller, nobody)).toBeUndefined();
  });

  test('an address in another way of writing is the same address', () => {
    expect(letsIn(isolated('203.0.113.9'), '::ffff:203.0.113.9', nobody)).toBe(true);
  });

  test('text that is no address is let in nowhere', () => {
    expect(letsIn(isolated('0.0.0.0/0'), 'elsewhere', nobody)).toBe(false);
  });

  test('an edit of the allowlist is refused only if it cuts off somebody who was let in', () => {
    expect(refusalOfAllowlist(PORTAL, ME, everybody, nobody)).toContain('switch the portal off');
    expect(refusalOfAllowlist(PORTAL, ME, everybody, everybody)).toBeUndefined();
    expect(refusalOfAllowlist(PORTAL, ME, nobody, nobody)).toBeUndefined();
    expect(refusalOfAllowlist(OPEN, ME, everybody, nobody)).toBeUndefined();
    expect(refusalOfAllowlist(PORTAL, undefined, everybody, nobody)).toBeUndefined();
  });
});
