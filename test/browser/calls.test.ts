/** Dashboard and Calls in a real browser, on a real daemon that has decided real questions of a dialplan. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CallsPage } from '../../src/gate/journal.ts';
import type { Role } from '../../src/people/roles.ts';
import { placeAgiCall } from '../support/agi-call.ts';
import { axeProblems, logInAs, openWindow, PHONE, startBrowser } from '../support/browser.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { fillWithData, growJournal, NASTY } from '../support/page-data.ts';
import { addUser, json, logIn, type TestUser } from '../support/people.ts';

const PATIENTLY = { timeout: 30_000 };
const MANY = 100_000;
let tollgate: TestDaemon;
let browser: Browser;
let url: string;
const users = new Map<Role, TestUser>();
const windows: Awaited<ReturnType<typeof openWindow>>[] = [];

async function at(path: string, role: Role, size?: typeof PHONE): Promise<Page> {
  const opened = await openWindow(browser, size === undefined ? {} : { size });
  windows.push(opened);
  await logInAs(opened.page, userOf(role), { url: `${url}${path}` });
  return opened.page;
}
function userOf(role: Role): TestUser {
  const user = users.get(role);
  if (user === undefined) throw new Error(`there is no ${role}`);
  return user;
}
const refused = async (rule: string): Promise<CallsPage['calls'][number]> => {
  const found = await json<CallsPage['calls']>(tollgate, ['calls', 'list', '--verdict', 'block', '--rule', rule]);
  const [call] = found;
  if (call === undefined) throw new Error(`${rule} refused nothing`);
  return call;
};

beforeAll(async () => {
  [tollgate, browser] = await Promise.all([startTestDaemon(), startBrowser()]);
  url = `http://127.0.0.1:${tollgate.webPort}`;
  for (const role of ['operator', 'viewer', 'billing'] as const) users.set(role, await addUser(tollgate, role, role));
  await fillWithData(tollgate);
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

describe('the Dashboard', () => {
  test('says in its first line whether anything is wrong, and leads from each figure to the list of it', async () => {
    const page = await at('/', 'operator');
    await page.getByText('Everything is working.').waitFor(PATIENTLY);
    await page.getByText('No call waits for approval.').waitFor();
    await page.getByRole('link', { name: /^Calls going out \d+ of 120/ }).waitFor(PATIENTLY);
    await page.getByText(/^\d+ stopped in 60 minutes, most at/).waitFor(PATIENTLY);
    expect(await axeProblems(page)).toEqual([]);

    const chart = page.getByRole('img', { name: /^Calls stopped/ });
    await chart.focus();
    await page.keyboard.press('ArrowLeft');
    await expect
      .poll(() => page.locator('[data-region="polite"]').textContent(), PATIENTLY)
      .toMatch(/^\d\d:\d\d: Block \d+, Hold 0, Wait \d+, Alert \d+$/);
    await page.keyboard.press('t');
    await page
      .getByRole('region', { name: 'Calls stopped, as a table' })
      .getByRole('columnheader', { name: 'Alert' })
      .waitFor();
    expect(await axeProblems(page)).toEqual([]);

    await page.getByRole('link', { name: /^Stopped 1 h/ }).click();
    await page.getByRole('link', { name: 'Refused' }).and(page.locator('[aria-current]')).waitFor(PATIENTLY);
    await page.getByRole('table').getByText('Staff 5/min').first().waitFor(PATIENTLY);
  });

  test('shows on a phone the same in one column, and to Billing what calls cost and nothing else', async () => {
    const page = await at('/', 'viewer', PHONE);
    await page.getByText('Everything is working.').waitFor(PATIENTLY);
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(PHONE.width);
    expect(await axeProblems(page)).toEqual([]);

    const billing = await at('/', 'billing');
    await billing.getByRole('link', { name: /^Spend/ }).click();
    await billing.getByRole('table').getByText('the whole system').first().waitFor(PATIENTLY);
    expect(await billing.getByRole('navigation', { name: 'Menu' }).getByRole('link').allTextContents()).toEqual([
      'Dashboard',
      'Calls',
    ]);
    expect(await billing.getByRole('link', { name: 'All', exact: true }).count()).toBe(0);
    expect(await axeProblems(billing)).toEqual([]);
    const { send } = await logIn(tollgate.webPort, userOf('billing'));
    for (const path of ['calls', 'calls/csv', 'dashboard']) expect((await send('GET', path)).status).toBe(403);
  });
});

describe('a refused call', () => {
  test('says who, which rule, the counts and when again, as the command line does, and can be let go', async () => {
    const { id, reason } = await refused('staff');
    const page = await at('/calls?tab=refused&rule=staff', 'operator');
    await page
      .getByRole('row', { name: /Staff 5\/min/ })
      .first()
      .click();
    await page.getByRole('heading', { name: 'Why this call?' }).waitFor(PATIENTLY);
    await page.goto(`${url}/calls/${id}`);
    await page.getByRole('heading', { name: /Refused 1001 → 1212555014\d/ }).waitFor(PATIENTLY);
    await page.getByText(`${reason}.`).waitFor();
    await page.getByText(/^The same call (is|was) allowed from/).waitFor();
    const row = page.getByRole('row', { name: /^Staff 5\/min/ });
    for (const text of ['extension 1001', '5 of 5 → not taken', 'decided']) await row.getByText(text).waitFor();
    const { y = 9999, height = 0 } = (await row.boundingBox()) ?? {};
    expect(y + height).toBeLessThan(900);
    expect(await axeProblems(page)).toEqual([]);

    await page.getByRole('button', { name: 'Reset counts of extension 1001' }).click();
    const question = page.getByRole('dialog');
    await question.getByText('All counts of “Staff 5/min” for extension 1001 begin at 0').waitFor();
    await question.getByRole('button', { name: 'Reset counts of extension 1001' }).click();
    await page.getByRole('listitem').getByText('Counts of extension 1001 begin anew.').waitFor(PATIENTLY);
    await page.getByRole('button', { name: 'Check the same call now' }).click();
    await page.getByText('The same call now:').getByText('Allow').waitFor(PATIENTLY);
    const rule = await page.getByRole('link', { name: 'Make a rule from this' }).getAttribute('href');
    expect(rule).toContain('extension=1001');
  });

  test('is explained on a phone, and shows text of callers as text', async () => {
    const page = await at(`/calls?text=${encodeURIComponent('<img')}`, 'viewer', PHONE);
    await page.getByRole('list', { name: 'Calls' }).getByText(NASTY).click();
    await page.getByRole('heading', { name: `Refused ${NASTY}` }).waitFor(PATIENTLY);
    expect(await page.locator('img[src="x"]').count()).toBe(0);
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(PHONE.width);
    expect(await page.getByRole('button', { name: 'Make a rule from this' }).isDisabled()).toBe(true);
    expect(await axeProblems(page)).toEqual([]);
  });
});

describe('the list of calls', () => {
  test('takes in calls as they are made, but not under what somebody looks at', async () => {
    const page = await at('/calls', 'viewer');
    const table = page.getByRole('table');
    await table.getByRole('row').nth(2).waitFor(PATIENTLY);
    await page.getByText('Live', { exact: true }).waitFor(PATIENTLY);
    const place = (destination: string): Promise<unknown> =>
      placeAgiCall(tollgate.agiPort, { extension: '4001', destination, trunk: 'carrier-a', source: '198.51.100.20' });
    // Decisions are told from a moment after somebody began to watch.
    let last = 12125551000;
    await expect
      .poll(
        async () => {
          await place(String(++last));
          return await table.getByText(/^1212555\d{4}$/).count();
        },
        { ...PATIENTLY, interval: 500 },
      )
      .toBeGreaterThan(0);
    await page.getByRole('button', { name: 'Pause' }).click();
    const kept = String(++last);
    await place(kept);
    await page.getByRole('button', { name: /^\d+ new calls? ↑$/ }).waitFor(PATIENTLY);
    expect(await table.getByText(kept).count()).toBe(0);
    await page.getByRole('button', { name: /new calls?/ }).click();
    await table.getByText(kept).waitFor(PATIENTLY);
  });

  test('of a hundred thousand is read in pieces, finds what is old, and keeps no more in the document than is seen', async () => {
    expect(await growJournal(tollgate, MANY)).toBeGreaterThan(MANY);
    const page = await at('/calls?extension=2001', 'viewer');
    const table = page.getByRole('table');
    await table.getByRole('row').nth(50).waitFor(PATIENTLY);
    for (const shown of ['200 shown', '300 shown']) {
      await page.getByRole('button', { name: 'Load more' }).click();
      await page.getByText(shown).waitFor(PATIENTLY);
    }
    expect(await table.getByRole('row').count()).toBeLessThan(120);
    expect(await axeProblems(page)).toEqual([]);
    // The very oldest of all.
    await page.getByRole('button', { name: 'Remove filter extension' }).click();
    await page.getByRole('searchbox', { name: /^Search extension/ }).fill('000000000000000');
    await page.getByText('Nothing among the calls looked at so far.').waitFor(PATIENTLY);
    await page.getByRole('button', { name: 'Load more' }).click();
    await page.getByText('1 shown').waitFor(PATIENTLY);
  });
});

describe('calls under way', () => {
  test('are ended by who may, who is told of each that goes on, and only seen by others', async () => {
    const viewer = await at('/calls?tab=under-way', 'viewer');
    await viewer.getByText('Owners and Operators end them').waitFor(PATIENTLY);
    expect(await viewer.getByRole('button', { name: /^End/ }).count()).toBe(0);
    const page = await at('/calls?tab=under-way', 'operator');
    await page
      .getByRole('checkbox', { name: /^Select 2007/ })
      .first()
      .check();
    await page.getByRole('button', { name: 'End 1 call' }).click();
    const question = page.getByRole('dialog');
    await question.getByText('1 call is ended at once.').waitFor();
    await question.getByRole('button', { name: 'End 1 call' }).click();
    // No Asterisk is there to end it.
    await page
      .getByRole('listitem')
      .getByText(/^The call of 2007 goes on: /)
      .waitFor(PATIENTLY);
    expect(await axeProblems(page)).toEqual([]);
  });
});
