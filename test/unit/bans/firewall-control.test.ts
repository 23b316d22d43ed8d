/** Commit and confirm, with a plan kept in memory and a kernel that only notes what it is told. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createFirewallControl, type FirewallControl, type PlanRequest } from '../../../src/bans/firewall-control.ts';
import type { Caller } from '../../../src/bans/lock-out-guard.ts';
import { systemClock } from '../../../src/clock.ts';
import { TollgateError } from '../../../src/errors.ts';
import type { EpochMs } from '../../../src/policy/call.ts';
import { type FirewallDocument, type FirewallPlan, NO_PLAN, planInForce } from '../../../src/policy/firewall-plan.ts';
import { keptLog } from '../../support/silent-log.ts';

const SSH = [{ protocol: 'tcp', from: 22, to: 22 }] as const;
const CONSOLE: Caller = { address: undefined, connection: undefined, openedAt: undefined };
const opened: FirewallControl[] = [];
afterEach(async () => {
  for (const control of opened.splice(0)) await control.close();
});

function stand(
  options: {
    readonly document?: FirewallDocument;
    readonly hasFirewall?: boolean;
    readonly needed?: readonly string[];
  } = {},
) {
  let document = options.document ?? NO_PLAN;
  let kernel: FirewallPlan = document.plan;
  let kernelFails = false;
  let storeFails = false;
  const reverted: FirewallPlan[] = [];
  const evidence: string[] = [];
  const listeners = new Set<() => void>();
  const control = createFirewallControl({
    plans: {
      current: () => ({ document }),
      change: (edit) => {
        if (storeFails) return Promise.reject(new TollgateError('STORE_UNAVAILABLE', 'away'));
        document = edit(document);
        for (const listener of listeners) listener();
        return Promise.resolve({ document });
      },
      onChange: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    trials: {
      pending: () => undefined,
      lastUndone: () => undefined,
      confirm: () => Promise.resolve(undefined),
      undo: () => Promise.resolve(undefined),
      onChange: () => () => undefined,
    },
    hasFirewall: options.hasFirewall ?? true,
    sync: () => {
      if (kernelFails) return Promise.reject(new TollgateError('FIREWALL_FAILED', 'no nft here'));
      kernel = planInForce(document, systemClock.now());
      return Promise.resolve();
    },
    isAllowed: (address) => address === '203.0.113.9',
    wouldAllow: (entries) => entries.length > 0,
    needed: () => options.needed ?? [],
    keepEvidence: (by) => {
      evidence.push(by);
      return Promise.resolve('kept');
    },
    onReverted: (_before, after) => {
      reverted.push(after);
      return Promise.resolve();
    },
    clock: systemClock,
    log: keptLog().log,
  });
  opened.push(control);
  return {
    control,
    evidence,
    reverted,
    kernel: () => kernel,
    document: () => document,
    failKernel: (fails = true) => {
      kernelFails = fails;
    },
    failStore: (fails = true) => {
      storeFails = fails;
    },
  };
}

const request = (more: Partial<PlanRequest> = {}): PlanRequest => ({
  by: 'dana',
  caller: CONSOLE,
  withinMs: 60_000,
  force: false,
  ...more,
});
const from = (connection: string, openedAt?: number): Caller => ({
  address: '203.0.113.9',
  connection,
  openedAt: openedAt as EpochMs | undefined,
});

describe('a change that closes something', () => {
  test('is in the kernel when it is answered, and out of it at its time unless it is confirmed', async () => {
    const { control, kernel, document, reverted } = stand();
    await control.closePortal(SSH, request({ withinMs: 150 }));
    expect(kernel().portal).toEqual({ ports: SSH });
    await vi.waitFor(() => expect(kernel().portal).toBeNull(), { timeout: 2000, interval: 10 });
    await vi.waitFor(() => expect(reverted).toEqual([NO_PLAN.plan]));
    expect(document()).toMatchObject({ pending: null, lastUndone: { what: 'portal', by: 'dana', undoneBy: null } });
  });

  test('leaves the kernel at its time while the store is away, and that is written down when it is back', async () => {
    const { control, kernel, failStore, document } = stand();
    await control.closePortal(SSH, request({ withinMs: 100 }));
    failStore();
    await vi.waitFor(() => expect(kernel().portal).toBeNull(), { timeout: 2000, interval: 10 });
    expect(document().pending).not.toBeNull();
    expect(control.state()).toMatchObject({ plan: { portal: null }, pending: undefined });
  });

  test('made before a daemon died is undone by the next one that starts after its time', async () => {
    const first = stand();
    await first.control.closePortal(SSH, request({ withinMs: 50 }));
    const left = first.document();
    await new Promise((resolve) => setTimeout(resolve, 80));
    const second = stand({ document: left });
    expect(second.control.state().plan.portal).toBeNull();
    await vi.waitFor(() => expect(second.kernel().portal).toBeNull());
    await vi.waitFor(() => expect(second.document().pending).toBeNull());
  });

  test('that is not confirmed ends with a daemon that stops, because nobody else would undo it', async () => {
    const { control, kernel, document } = stand();
    await control.closePortal(SSH, request());
    await control.close();
    expect(kernel().portal).toBeNull();
    expect(document()).toMatchObject({ pending: null, lastUndone: { undoneBy: 'the daemon, which stopped' } });
  });

  test('that the kernel does not take has not been made', async () => {
    const { control, failKernel, document } = stand();
    failKernel();
    await expect(control.closePortal(SSH, request())).rejects.toMatchObject({ code: 'FIREWALL_FAILED' });
    expect(document()).toEqual(NO_PLAN);
  });

  test('is refused where there is no packet filter, because it would close nothing', async () => {
    const { control, document } = stand({ hasFirewall: false });
    for (const answer of [await control.closePortal(SSH, request()), await control.isolate(['192.0.2.1'], request())])
      expect(answer).toHaveProperty('refused', expect.stringContaining('firewall.backend'));
    expect(document()).toEqual(NO_PLAN);
  });
});

describe('a confirmation', () => {
  test('counts from a new connection, and not from the one by which the change was made or from an older one', async () => {
    const { control } = stand();
    const mine = from('203.0.113.9 1000 198.51.100.1 22', Date.now() - 5000);
    await control.closePortal(SSH, request({ caller: mine }));
    const older = from('203.0.113.9 2000 198.51.100.1 22', Date.now() - 1000);
    const sameAgain = from('203.0.113.9 1000 198.51.100.1 22');
    for (const caller of [mine, older, sameAgain])
      expect(await control.confirm({ by: 'dana', caller })).toHaveProperty(
        'refused',
        expect.stringContaining('log in anew'),
      );
    expect(control.state().pending).toBeDefined();
    const fresh = from('203.0.113.9 3000 198.51.100.1 22', Date.now() + 1);
    expect(await control.confirm({ by: 'dana', caller: fresh })).not.toHaveProperty('refused');
    expect(control.state()).toMatchObject({ plan: { portal: { ports: SSH } }, pending: undefined });
  });

  test('without anything that waits says what became of the last change', async () => {
    const { control } = stand();
    const confirm = () => control.confirm({ by: 'dana', caller: CONSOLE });
    expect(await confirm()).toEqual({ refused: 'no change of the firewall waits for confirmation' });
    await control.closePortal(SSH, request());
    await control.undo({ by: 'omar' });
    expect(await confirm()).toHaveProperty('refused', expect.stringContaining('omar undid it'));
  });
});

describe('nobody cuts himself off', () => {
  test('a portal is refused to whoever is not on the allowlist, and made if he insists', async () => {
    const { control, document } = stand();
    const caller = { ...CONSOLE, address: '198.51.100.7' };
    expect(await control.closePortal(SSH, request({ caller }))).toHaveProperty('refused');
    expect(document()).toEqual(NO_PLAN);
    expect(await control.closePortal(SSH, request({ caller, force: true }))).not.toHaveProperty('refused');
  });

  test('the end of an isolation is refused if the portal behind it would cut him off', async () => {
    const { control } = stand();
    const caller = { ...CONSOLE, address: '198.51.100.7' };
    await control.closePortal(SSH, request());
    await control.isolate(['198.51.100.7'], request({ caller }));
    expect(await control.release(request({ caller }))).toHaveProperty('refused', expect.stringContaining('allowlist'));
    expect(await control.openPortal(request({ caller }))).not.toHaveProperty('refused');
    expect(await control.release(request({ caller }))).not.toHaveProperty('refused');
    expect(control.state().plan).toEqual(NO_PLAN.plan);
  });

  test('an isolation that would lose the store is refused, and evidence is kept of one that is made only', async () => {
    const { control, evidence } = stand({ needed: ['10.0.0.5'] });
    expect(await control.isolate(['192.0.2.1'], request())).toHaveProperty(
      'refused',
      expect.stringContaining('10.0.0.5'),
    );
    expect(evidence).toEqual([]);
    expect(await control.isolate(['192.0.2.1', '10.0.0.0/24'], request())).toMatchObject({ notes: ['kept'] });
    expect(evidence).toEqual(['dana']);
  });
});
