import { describe, expect, test } from 'vitest';
import { createDryRun } from '../../../../src/bans/firewall/dry-run.ts';
import { FIREWALL_BACKENDS } from '../../../../src/bans/firewall/firewall.ts';
import { createFirewall } from '../../../../src/bans/firewall/registry.ts';
import { systemClock } from '../../../../src/clock.ts';
import { bansOf, thoroughly, wantedFirewall } from '../../../support/firewall.ts';
import { keptLog } from '../../../support/silent-log.ts';

const dryRun = () => {
  const kept = keptLog();
  return { firewall: createDryRun({ clock: systemClock, log: kept.log }), lines: kept.lines };
};

describe('dry-run', () => {
  test('says what nft would be given, and only what is new the next time', async () => {
    const { firewall, lines } = dryRun();
    const bans = bansOf('192.0.2.1', '198.51.100.0/24');
    await firewall.enforce(wantedFirewall({ bans, allowed: ['203.0.113.9'] }), thoroughly);
    const [first = ''] = firewall.wouldHaveRun();
    for (const text of [
      'add table inet tollgate',
      'allowed4_32 { 203.0.113.9 }',
      'banned4_32 { 192.0.2.1 timeout',
      'banned4_24',
    ]) {
      expect(first).toContain(text);
    }
    await firewall.enforce(wantedFirewall({ bans, allowed: ['203.0.113.9'] }), thoroughly);
    expect(firewall.wouldHaveRun()).toHaveLength(1);
    await firewall.change([{ what: 'lift', address: '192.0.2.1' }]);
    expect(firewall.wouldHaveRun().at(-1)).toBe(
      'add element inet tollgate banned4_32 { 192.0.2.1 }\ndelete element inet tollgate banned4_32 { 192.0.2.1 }\n',
    );
    expect(lines).toHaveLength(2);
  });

  test('answers for the kernel that it imagines', async () => {
    const { firewall } = dryRun();
    await firewall.enforce(wantedFirewall({ bans: bansOf('198.51.100.0/24'), allowed: ['198.51.100.7'] }), thoroughly);
    expect(await firewall.inKernel('198.51.100.7')).toEqual({
      bans: ['198.51.100.0/24'],
      allowed: ['198.51.100.7'],
      blocked: false,
    });
    await firewall.remove();
    expect(await firewall.inKernel('198.51.100.7')).toEqual({ bans: [], allowed: [], blocked: false });
    expect(firewall.wouldHaveRun().at(-1)).toContain('delete table inet tollgate');
  });

  test('keeps a bounded number of scripts', async () => {
    const { firewall } = dryRun();
    await firewall.enforce(wantedFirewall(), thoroughly);
    for (let index = 0; index < 150; index += 1) {
      await firewall.change([{ what: 'lift', address: `192.0.2.${index}` }]);
    }
    expect(firewall.wouldHaveRun()).toHaveLength(100);
  });
});

describe('the registry', () => {
  test('has every backend under its name', () => {
    const deps = { clock: systemClock, log: keptLog().log };
    expect(FIREWALL_BACKENDS.map((name) => createFirewall(name, deps).backend)).toEqual([...FIREWALL_BACKENDS]);
  });

  test('none has nothing in force', async () => {
    const none = createFirewall('none', { clock: systemClock, log: keptLog().log });
    await none.enforce(wantedFirewall({ bans: bansOf('192.0.2.1') }), thoroughly);
    expect(await none.inKernel('192.0.2.1')).toEqual({ bans: [], allowed: [], blocked: false });
    expect((await none.counters()).dropped.banned).toEqual({ packets: 0, bytes: 0 });
  });
});
