/**
 * What may cut somebody off, changed by the page of a host with the real packet filter: a Chromium in a network of its own is
 * really cut off, and comes back by itself.
 */
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { FirewallReport } from '../../src/api/firewall-routes.ts';
import { axeProblems, logInAs, openWindow } from '../support/browser.ts';
import { BY_V4, BY_V6, type FirewalledPage, startFirewalledPage } from '../support/firewalled-page.ts';
import { ATTACKER } from '../support/network-namespace.ts';
import { addUser, json } from '../support/people.ts';

const PATIENTLY = { timeout: 60_000 };
/** Enough for a daemon to be killed and started again, also on a machine that does other things. */
const WITHIN_SECONDS = 30;
let scene: FirewalledPage;
/** At an address that nobody allowed, and at one that is. */
let dana: Page;
let kim: Page;
const windows: Awaited<ReturnType<typeof openWindow>>[] = [];

async function windowOf(name: string, url: string): Promise<Page> {
  const opened = await openWindow(scene.browser);
  windows.push(opened);
  await logInAs(opened.page, await addUser(scene, name, 'owner'), { url });
  return opened.page;
}
const firewall = (): Promise<FirewallReport> => json(scene, ['firewall', 'status']);
const has = async (what: RegExp): Promise<boolean> => what.test(await scene.ruleset());

beforeAll(async () => {
  scene = await startFirewalledPage();
  await scene.run(['allow', 'add', 'fd77::/64', '--name', 'Office']);
  dana = await windowOf('dana', `${BY_V4.url}/settings/portal`);
  kim = await windowOf('kim', `${BY_V6.url}/health`);
}, 120_000);
beforeEach(async () => {
  // What an attempt before this one left.
  await scene.run(['firewall', 'undo']);
  await scene.run(['firewall', 'portal', 'off']);
  await scene.run(['settings', 'reset', 'packetProtection']);
});
afterEach(() => {
  // Chromium says so of every page that is read without TLS from another host.
  const isOfHttp = (problem: string): boolean => problem.startsWith('The Cross-Origin-Opener-Policy header');
  for (const { problems } of windows) expect(problems.filter((each) => !isOfHttp(each))).toEqual([]);
});
afterAll(() => scene.stop());

describe('default deny', () => {
  test('that cuts off who made it is said before, outlives a killed daemon, is shown to others, and ends by itself', async () => {
    await dana.getByRole('textbox', { name: 'More ports' }).fill('tcp/8443');
    await dana.getByLabel('Put back unless kept within').fill(`${WITHIN_SECONDS}`);
    await dana.getByRole('button', { name: 'Close these ports…' }).click(PATIENTLY);
    const question = dana.getByRole('dialog', { name: 'Close these ports?' });
    await question.getByText('Lost by this change: 3 registered phones (2007, 2031, 2044)').waitFor(PATIENTLY);
    await question.getByText(`This would cut off ${BY_V4.from}, the address you are using.`).waitFor(PATIENTLY);
    expect(await axeProblems(dana)).toEqual([]);
    const insist = question.getByRole('button', { name: 'Close ports', exact: true });
    expect(await insist.isDisabled()).toBe(true);
    await question.getByRole('textbox', { name: 'Type pbx1 to go on' }).fill('pbx1');
    await insist.click();

    await dana.getByText('Default deny is on, not yet kept.').waitFor(PATIENTLY);
    const { revertAt = '' } = (await firewall()).pending ?? {};
    await dana.getByText(/^No connection\. The old state returns at [\d:]{8}; this page reconnects/).waitFor(PATIENTLY);
    const notice = kim.getByRole('region', { name: 'Notice' });
    await notice.getByText('Default deny, changed by dana, is in force and not kept yet.').waitFor(PATIENTLY);

    await scene.tollgate.kill();
    expect(await has(/8443/)).toBe(true);
    await scene.tollgate.start();
    expect((await firewall()).pending?.revertAt).toBe(revertAt);
    expect(await scene.pair.attacker.probe.open('tcp', BY_V4.from, '10.77.0.1', 8480)).toBe('timeout');

    // Nobody keeps it.
    await dana.getByText(/^The old state is back since [\d:]{8}: nobody kept the change\./).waitFor(PATIENTLY);
    await dana.getByText('Your change is kept as a draft.').waitFor();
    expect(await dana.getByRole('textbox', { name: 'More ports' }).inputValue()).toBe('tcp/8443');
    expect(await has(/8443/)).toBe(false);
    await notice.waitFor({ state: 'detached', ...PATIENTLY });
  });

  test('shows on one screen the time it has, who still gets through and whom it keeps out, and is kept from there', async () => {
    await kim.goto(`${BY_V6.url}/settings/portal`);
    await kim.getByRole('button', { name: 'Close these ports…' }).click(PATIENTLY);
    const question = kim.getByRole('dialog', { name: 'Close these ports?' });
    await question.getByText('3 registered phones').waitFor(PATIENTLY);
    await question.getByRole('button', { name: 'Close ports', exact: true }).click();
    await kim.getByText(/^You still reach Tollgate: new connection from fd77::6\d at [\d:]{8}\.$/).waitFor(PATIENTLY);
    await kim.getByText(/^Back to the old state in 1:[0-3]\d$/).waitFor(PATIENTLY);
    await kim.getByText('Lost by this change: 3 registered phones (2007, 2031, 2044)').waitFor();
    expect(await axeProblems(kim)).toEqual([]);
    await kim.getByRole('button', { name: 'Keep this' }).click();
    await expect.poll(async () => (await firewall()).pending, PATIENTLY).toBeNull();
    await kim.getByText('Ports below are open to Allowed IPs and closed to everybody else.').waitFor(PATIENTLY);
    expect((await firewall()).portal?.ports).toContain('tcp/8443');
    await kim.getByRole('button', { name: 'Open ports…' }).click();
    await kim.locator('.confirm').getByRole('button', { name: 'Open ports' }).click(PATIENTLY);
    await expect.poll(async () => (await firewall()).portal, PATIENTLY).toBeNull();
  });
});

describe('admin restriction and packet limits', () => {
  test('are tried, shown to whoever they leave in, and put back with what was wanted kept as a draft', async () => {
    await kim.goto(`${BY_V6.url}/settings/admin-access`);
    await kim.getByRole('switch', { name: 'Restrict Admin Access by IP' }).click(PATIENTLY);
    await kim.getByText(/^You are fd77::6\d: covered\.$/).waitFor(PATIENTLY);
    await kim.getByRole('button', { name: 'Save' }).click();
    await kim.getByText('Admin access is restricted, not yet kept.').waitFor(PATIENTLY);
    await kim.getByText(/^You still reach Tollgate: new connection from fd77::6\d/).waitFor(PATIENTLY);
    await dana.goto(`${BY_V4.url}/health`);
    await dana.getByText('Access denied').first().waitFor(PATIENTLY);
    await kim.getByRole('button', { name: 'Put back now' }).click();
    await kim.getByText(/^The old state is back since [\d:]{8}: put back by kim\./).waitFor(PATIENTLY);
    await dana.goto(`${BY_V4.url}/health`);
    await dana.getByRole('heading', { name: 'Health' }).waitFor(PATIENTLY);
    await kim.getByRole('button', { name: 'Open the draft' }).click();
    await kim.getByText('1 change is not saved').waitFor(PATIENTLY);
    expect(await axeProblems(kim)).toEqual([]);
    await kim.getByRole('button', { name: 'Discard' }).click();

    await kim.goto(`${BY_V6.url}/settings/ddos`);
    await kim.getByRole('switch', { name: 'Limit packets' }).click(PATIENTLY);
    await kim.getByRole('button', { name: 'Save' }).click();
    await kim.getByText('Packet limits are in force, not yet kept.').waitFor(PATIENTLY);
    expect(await has(/limit rate|ct count/)).toBe(true);
    await kim.getByRole('button', { name: 'Keep this' }).click();
    await expect.poll(async () => (await firewall()).pending, PATIENTLY).toBeNull();
    expect((await firewall()).packetProtection.enabled).toBe(true);
  });
});

describe('a SIP attack whose names are markup', () => {
  test('is banned over the manager interface, and is shown as text in the list and in its evidence', async () => {
    // Asterisk's event has the first 24 characters.
    const user = '<img src=x onerror=p=1>';
    await scene.attack(ATTACKER.far4, user, '<img src=y onerror=p=2>');
    await expect
      .poll(
        async () => (await json<{ readonly banned: boolean }>(scene, ['bans', 'explain', ATTACKER.far4])).banned,
        PATIENTLY,
      )
      .toBe(true);
    await kim.goto(`${BY_V6.url}/blocked-ips/${ATTACKER.far4}`);
    const drawer = kim.getByRole('dialog', { name: ATTACKER.far4 });
    await drawer.getByText(`Unknown account as ${user}`).first().waitFor(PATIENTLY);
    await kim.getByRole('region', { name: 'Blocked IPs' }).getByText(user, { exact: true }).waitFor(PATIENTLY);
    await drawer.getByText(/in nftables since [\d:]{8} ✓/).waitFor(PATIENTLY);
    expect(await kim.evaluate('globalThis.p')).toBeUndefined();
    // What the program calls itself is in no security event of Asterisk, and so in no evidence.
    expect(await kim.getByText('src=y').count()).toBe(0);
    expect(await axeProblems(kim)).toEqual([]);
  });
});
