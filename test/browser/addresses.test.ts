/** Blocked IPs, Allowed IPs and the audit log in a real browser, on a real daemon with 415 blocked addresses. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { BansPage } from '../../src/api/bans-routes.ts';
import type { Role } from '../../src/people/roles.ts';
import { axeProblems, logInAs, openWindow, PHONE, startBrowser } from '../support/browser.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { fillWithBans } from '../support/page-bans.ts';
import { fillWithData, NASTY } from '../support/page-data.ts';
import { addUser, json, logIn } from '../support/people.ts';

const PATIENTLY = { timeout: 30_000 };
const MANY = 412;
let tollgate: TestDaemon;
let browser: Browser;
let url: string;
const windows: Awaited<ReturnType<typeof openWindow>>[] = [];
type Cookies = Awaited<ReturnType<Awaited<ReturnType<typeof openWindow>>['context']['cookies']>>;
const logIns = new Map<Role, Cookies>();

/** One log-in a role: a code of the second factor is good once. */
async function at(role: Role, path: string, options: { readonly size?: typeof PHONE } = {}): Promise<Page> {
  const opened = await openWindow(browser, options);
  windows.push(opened);
  const { page, context } = opened;
  const known = logIns.get(role);
  if (known === undefined) {
    await logInAs(page, await addUser(tollgate, `one-${role}`, role), { url: url + path });
    logIns.set(role, await context.cookies());
  } else {
    await context.addCookies(known);
    await page.goto(url + path);
  }
  return page;
}
const blocked = async (search: string): Promise<number> =>
  (await json<BansPage['bans']>(tollgate, ['bans', 'list', '--search', search, '--limit', '1000'])).length;
const isBlocked = async (address: string): Promise<boolean> =>
  (await json<{ readonly banned: boolean }>(tollgate, ['bans', 'explain', address])).banned;

beforeAll(async () => {
  [tollgate, browser] = await Promise.all([startTestDaemon(), startBrowser()]);
  url = `http://127.0.0.1:${tollgate.webPort}`;
  await fillWithData(tollgate);
  await fillWithBans(tollgate, { many: MANY });
});
afterEach(async () => {
  for (const { context, problems } of windows.splice(0)) {
    expect(problems).toEqual([]);
    await context.close();
  }
});
afterAll(async () => {
  await browser.close();
  await tollgate.stop();
});

describe('Blocked IPs', () => {
  test('has the nine columns of the manuals in their order, and opens the evidence of a row as text', async () => {
    const page = await at('owner', '/blocked-ips?search=192.0.2.140');
    const table = page.getByRole('region', { name: 'Blocked IPs' });
    await table.getByText('SIP registration', { exact: true }).waitFor(PATIENTLY);
    const headers = await table.getByRole('columnheader').allTextContents();
    expect(headers).toEqual([
      'Defense Type',
      'Block Type',
      'Block Range',
      'Time of Attack',
      'Protocol',
      'Attacked Port',
      'Source IP Address',
      'Expiration Date',
      'Operations',
      'Reason',
      'Country',
      'Drops since',
      'Seen by',
      'User names tried',
    ]);
    const names = table.getByRole('cell').filter({ hasText: '100, 101, 102, admin' });
    expect(await names.textContent()).toContain(NASTY);
    expect(await axeProblems(page)).toEqual([]);
    await table.getByRole('button', { name: 'SIP registration' }).click();
    const drawer = page.getByRole('dialog', { name: '192.0.2.140' });
    await drawer.getByText('10 failed SIP registrations within 5 minutes.').first().waitFor(PATIENTLY);
    await drawer.getByText(`Wrong password as ${NASTY} (failed SIP registrations)`).waitFor();
    await drawer.getByText(/^10 events in .+ as 100, 101, 102, admin/).waitFor();
    expect(new URL(page.url()).pathname).toBe('/blocked-ips/192.0.2.140');
    expect(await axeProblems(page)).toEqual([]);
  });

  test('unblocks 412 that match, says how far it is and what failed, tries that again, and puts all back with their ends', async () => {
    const range = '100.64.0.0/16';
    const before = await json<{ readonly until: string }>(tollgate, ['bans', 'explain', '100.64.1.7']);
    const page = await at('owner', `/blocked-ips?search=${encodeURIComponent(range)}`);
    await page.getByRole('checkbox', { name: 'Select all that are shown' }).check(PATIENTLY);
    await page.getByRole('button', { name: `Select all ${MANY} that match` }).click();
    await page.getByRole('button', { name: `Unblock ${MANY}…` }).click();
    const dialog = page.getByRole('dialog', { name: `Unblock ${MANY} addresses?` });
    await dialog.getByText(`SIP registration: ${MANY}`).waitFor(PATIENTLY);
    expect(await axeProblems(page)).toEqual([]);
    // One of the pieces does not get through, and the one after it waits until the progress was seen.
    let seen = (): void => undefined;
    const isSeen = new Promise<void>((resolve) => {
      seen = resolve;
    });
    let pieces = 0;
    await page.route('**/api/v1/bans/lift', async (route) => {
      pieces += 1;
      if (pieces === 2) return route.abort();
      if (pieces === 5) await isSeen;
      return route.continue();
    });
    await dialog.getByRole('button', { name: `Unblock ${MANY}` }).click();
    await dialog.getByText(`400 of ${MANY}`).waitFor(PATIENTLY);
    seen();
    await dialog.getByText('100 were not unblocked').waitFor(PATIENTLY);
    expect(await dialog.getByRole('listitem').count()).toBe(100);
    expect(await axeProblems(page)).toEqual([]);
    expect(await blocked(range)).toBe(100);
    await dialog.getByRole('button', { name: 'Retry 100' }).click();
    const messages = page.getByRole('region', { name: 'Messages' });
    await messages.getByText(`${MANY} addresses are unblocked.`).waitFor(PATIENTLY);
    expect(await blocked(range)).toBe(0);
    await messages.getByRole('button', { name: 'Undo' }).last().click();
    await messages.getByText('Undone.').waitFor(PATIENTLY);
    expect(await blocked(range)).toBe(MANY);
    expect(await json(tollgate, ['bans', 'explain', '100.64.1.7'])).toMatchObject({ until: before.until });
  });

  test('selects a range by Shift and click and by keys alone, unblocks it and leaves it alone for a time', async () => {
    const page = await at('owner', '/blocked-ips?search=100.64.2.0%2F24');
    const rows = page.getByRole('checkbox', { name: /^Select 100\.64\.2\./ });
    const selected = (count: number) => page.getByRole('region', { name: `${count} selected` }).waitFor(PATIENTLY);
    await rows.nth(5).click(PATIENTLY);
    await selected(1);
    await rows.nth(2).click({ modifiers: ['Shift'] });
    await selected(4);
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByRole('region', { name: '4 selected' }).waitFor({ state: 'detached', ...PATIENTLY });
    await rows.nth(3).focus();
    await page.keyboard.press('Space');
    await selected(1);
    await rows.nth(1).focus();
    await page.keyboard.press('Shift+Space');
    await selected(3);
    await page.keyboard.press('?');
    await page.getByText('Select all from the row selected last to this one').waitFor(PATIENTLY);
    await page.keyboard.press('Escape');
    // Out again, one by one.
    await rows.nth(2).focus();
    await page.keyboard.press('Space');
    await selected(2);
    const [second = '', third = ''] = await Promise.all(
      [1, 3].map(async (at) => (await rows.nth(at).getAttribute('aria-label'))?.replace('Select ', '') ?? ''),
    );

    await page.getByRole('button', { name: 'Unblock 2…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Unblock 2 addresses?' });
    await dialog.getByRole('radio', { name: 'Unblock and leave alone for' }).check(PATIENTLY);
    await dialog.getByRole('combobox', { name: 'Leave alone for' }).selectOption('4 h');
    expect(await axeProblems(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Unblock 2' }).click();
    await page.getByText('2 addresses are unblocked, and left alone for 4 h.').first().waitFor(PATIENTLY);
    const left = page.getByRole('region', { name: 'Left alone for a time' });
    await left.getByText(second, { exact: true }).waitFor(PATIENTLY);
    const { leftAlone } = await json<{ readonly leftAlone: { readonly until: string; readonly by: string } }>(
      tollgate,
      ['bans', 'explain', second],
    );
    expect(leftAlone.by).toBe('web one-owner');
    expect(Date.parse(leftAlone.until)).toBeGreaterThan(Date.now() + 3 * 3_600_000);
    expect(await axeProblems(page)).toEqual([]);
    await left.getByRole('button', { name: `End now: ${third}` }).click();
    await page.getByText(`${third} can be blocked automatically again.`).first().waitFor(PATIENTLY);
    await left.getByText(third, { exact: true }).waitFor({ state: 'detached', ...PATIENTLY });
    expect(await json(tollgate, ['bans', 'left-alone'])).toMatchObject([{ address: second }]);
  });

  test('blocks by hand with a reason, refuses to block whoever does it, and is used on a phone', async () => {
    const page = await at('owner', '/blocked-ips', { size: PHONE });
    await page.getByRole('button', { name: 'Block an address' }).click(PATIENTLY);
    const form = page.getByRole('dialog', { name: 'Block an address' });
    await form.getByRole('textbox', { name: 'Address or range' }).fill('127.0.0.1');
    await form.getByRole('button', { name: 'Block', exact: true }).click();
    await form.getByText('The reason is missing.').waitFor();
    await form.getByRole('textbox', { name: 'Reason' }).fill(`dials premium ${NASTY}`);
    await form.getByRole('button', { name: 'Block', exact: true }).click();
    await form.getByText('CONFLICT').waitFor(PATIENTLY);
    await form.getByRole('textbox', { name: 'Address or range' }).fill('203.0.114.77');
    expect(await axeProblems(page)).toEqual([]);
    await form.getByRole('button', { name: 'Block', exact: true }).click();
    await form.waitFor({ state: 'detached', ...PATIENTLY });
    const row = page.getByRole('listitem').filter({ hasText: '203.0.114.77' });
    await row.getByText(NASTY).waitFor(PATIENTLY);
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(PHONE.width);
    expect(await axeProblems(page)).toEqual([]);
    await row.getByRole('button', { name: 'Unblock' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Unblock', exact: true }).click();
    await page.getByRole('region', { name: 'Messages' }).getByText('203.0.114.77 is unblocked.').waitFor(PATIENTLY);
    expect(await isBlocked('203.0.114.77')).toBe(false);

    await page.getByRole('link', { name: 'History' }).click();
    await page
      .getByText(/^Unblocked · one-owner/)
      .first()
      .waitFor(PATIENTLY);
    await page.getByRole('link', { name: 'Counters' }).click();
    await page.getByText('There is no packet filter here').waitFor(PATIENTLY);
  });
});

describe('Allowed IPs', () => {
  test('says before saving what an entry holds, frees and exempts, and takes it back', async () => {
    const page = await at('owner', '/allowed-ips');
    await page.getByText('You are 127.0.0.1: not on this list.').waitFor(PATIENTLY);
    expect(await axeProblems(page)).toEqual([]);
    await page.keyboard.press('n');
    const form = page.getByRole('dialog', { name: 'Add to Allowed IPs' });
    await form.getByRole('textbox', { name: 'Name' }).fill(`Annex ${NASTY}`);
    const value = form.getByRole('textbox', { name: 'IP Address' });
    await value.fill('192.0.2.9/24');
    await form.getByRole('button', { name: 'Did you mean 192.0.2.0/24?' }).click(PATIENTLY);
    await form.getByText('192.0.2.0/24: 256 addresses, 192.0.2.0 to 192.0.2.255').waitFor(PATIENTLY);
    await form.getByText('2 of these are blocked now and will be freed.').waitFor();
    await form.getByText('Calls from phones at these addresses are not limited.').waitFor();
    await value.fill('203.0.113.128/25');
    await form.getByText('Already inside “Main Office”.').waitFor(PATIENTLY);
    await form.getByRole('button', { name: 'Use mine: 127.0.0.1' }).click();
    await form.getByText('Contains your address ✓').waitFor(PATIENTLY);
    expect(await axeProblems(page)).toEqual([]);
    await form.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByText(`You are 127.0.0.1: allowed by “Annex ${NASTY}”.`).waitFor(PATIENTLY);
    await page.getByRole('region', { name: 'Messages' }).getByRole('button', { name: 'Undo' }).click();
    await page.getByText('You are 127.0.0.1: not on this list.').waitFor(PATIENTLY);

    const row = page.getByRole('row', { name: /Main Office/ });
    await row.getByRole('button', { name: 'Delete' }).click();
    await page.getByText('256 addresses can be blocked again').waitFor();
    await page.getByRole('button', { name: 'Delete 1' }).click();
    await row.waitFor({ state: 'detached', ...PATIENTLY });
    await page.keyboard.press('Control+z');
    await row.waitFor(PATIENTLY);
  });

  test('is changed on a phone, and whoever was slower is told so', async () => {
    const page = await at('owner', '/allowed-ips', { size: PHONE });
    await page.getByRole('listitem').filter({ hasText: 'Main Office' }).getByRole('button').click(PATIENTLY);
    const form = page.getByRole('dialog', { name: 'Edit Main Office' });
    await form.getByRole('textbox', { name: 'Owner' }).fill('Dana');
    await tollgate.run(['allow', 'set', 'Main Office', '--owner', 'Sam']);
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByText('Somebody changed this while you were working on it.').waitFor(PATIENTLY);
    expect(await axeProblems(page)).toEqual([]);
    await form.getByRole('button', { name: 'Overwrite' }).click();
    await form.waitFor({ state: 'detached', ...PATIENTLY });
    expect(await json(tollgate, ['allow', 'show', 'Main Office'])).toMatchObject({ owner: 'Dana' });
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(PHONE.width);
  });
});

describe('the audit log', () => {
  test('tells who changed what from what to what, is verified, and is exported as it is filtered', async () => {
    for (const owner of ['Sam', 'Kim']) await tollgate.run(['allow', 'set', 'Main Office', '--owner', owner]);
    const page = await at('owner', '/audit-log?action=allowlist');
    const table = page.getByRole('region', { name: 'Audit log' });
    await table.getByText('owner Sam → Kim').first().waitFor(PATIENTLY);
    await page.getByRole('button', { name: 'Verify chain' }).click();
    await page.getByText(/^Chain verified \d\d:\d\d ✓/).waitFor(PATIENTLY);
    expect(await axeProblems(page)).toEqual([]);
    await table.getByRole('row').nth(1).getByRole('button').click();
    const drawer = page.getByRole('dialog', { name: /^Entry \d+$/ });
    await drawer.getByText('tester, by command line: changed allowed Main Office').waitFor(PATIENTLY);
    await drawer.getByText('Kim', { exact: true }).waitFor();
    expect(await axeProblems(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Export' }).click();
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('menuitem', { name: /^CSV/ }).click(),
    ]);
    const lines = (await (await file.createReadStream()).toArray()).join('').split('\r\n');
    expect(lines[0]).toMatch(/^seq,at,writtenAt/);
    expect(lines.slice(1, -1).every((line) => line.includes(',allowlist.'))).toBe(true);
  });
});

describe('a role without the right', () => {
  test('sees why a button is off and who can; the daemon refuses the same', async () => {
    const page = await at('operator', '/blocked-ips/192.0.2.140', { size: PHONE });
    const drawer = page.getByRole('dialog', { name: '192.0.2.140' });
    await drawer.getByTitle('Only an Owner blocks permanently. You can block for up to a year.').waitFor(PATIENTLY);
    expect(await drawer.getByRole('button', { name: 'Block Permanently…' }).isDisabled()).toBe(true);
    expect(await drawer.getByRole('button', { name: 'Unblock' }).isEnabled()).toBe(true);
    await page.goto(`${url}/allowed-ips/new`);
    expect(await page.getByRole('switch', { name: 'Exempt from call limits' }).isDisabled(PATIENTLY)).toBe(true);
    await page.goto(`${url}/audit-log`);
    expect(await page.getByRole('button', { name: 'Export' }).isDisabled(PATIENTLY)).toBe(true);

    const { send } = await logIn(tollgate.webPort, await addUser(tollgate, 'op', 'operator'));
    const refused = [
      await send('POST', 'bans', { address: '203.0.114.9', permanent: true }),
      await send('POST', 'allowlist', { name: 'Mine', value: '203.0.114.9' }),
      await send('GET', 'audit/export'),
    ];
    expect(refused.map(({ status }) => status)).toEqual([403, 403, 403]);
    const kept = await send('POST', 'allowlist', { name: 'Mine', value: '203.0.114.9', exemptFromCallLimits: false });
    expect(kept.status).toBe(201);
  });

  test('sees nothing of them as a Supervisor', async () => {
    const page = await at('supervisor', '/blocked-ips');
    await page.getByText('Your role, supervisor, does not show this screen.').waitFor(PATIENTLY);
    expect(await page.getByText('192.0.2.140').count()).toBe(0);
  });
});
