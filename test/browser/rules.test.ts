/** Rules, Schedules, Groups and trunks in a real browser, on a real daemon with real calls behind it. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { axeProblems, logInAs, openWindow, PHONE, startBrowser } from '../support/browser.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { fillWithData, NASTY } from '../support/page-data.ts';
import { addUser, type TestUser } from '../support/people.ts';

const PATIENTLY = { timeout: 30_000 };
let tollgate: TestDaemon;
let browser: Browser;
let url: string;
/** Whoever logs in once keeps his cookie: a code of the second factor is good once. */
const states = new Map<string, { readonly name: string; readonly value: string; readonly url: string }[]>();
const windows: Awaited<ReturnType<typeof openWindow>>[] = [];

async function at(path: string, who = 'dana', size?: typeof PHONE): Promise<Page> {
  const opened = await openWindow(browser, size === undefined ? {} : { size });
  windows.push(opened);
  await opened.context.addCookies(states.get(who) ?? []);
  await opened.page.goto(url + path);
  return opened.page;
}

async function logIn(user: TestUser): Promise<void> {
  const { page, context } = await openWindow(browser);
  await logInAs(page, user, { url: `${url}/account` });
  states.set(
    user.name,
    (await context.cookies()).map(({ name, value }) => ({ name, value, url })),
  );
  await context.close();
}

beforeAll(async () => {
  [tollgate, browser] = await Promise.all([startTestDaemon(), startBrowser()]);
  url = `http://127.0.0.1:${tollgate.webPort}`;
  await fillWithData(tollgate);
  await logIn(await addUser(tollgate, 'dana', 'owner'));
  await logIn(await addUser(tollgate, 'vic', 'viewer'));
  await logIn(await addUser(tollgate, 'billy', 'billing'));
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

/** What the page says was done. */
const told = (page: Page, text: string | RegExp) =>
  page.getByRole('region', { name: 'Messages' }).getByText(text).first().waitFor(PATIENTLY);
const ask = async <T>(...args: readonly string[]): Promise<T> => {
  const { out, error, exitCode } = await tollgate.run([...args, '--json']);
  if (exitCode !== 0) throw new Error(error);
  return JSON.parse(out) as T;
};

describe('the form of a rule', () => {
  test('says the rule back, per member against all together with numbers, before it is saved, and the save is in force', async () => {
    const page = await at('/rules');
    await page.getByRole('link', { name: 'Add rule' }).click();
    await page.getByLabel('Rule Name').fill('Evening calls');
    await page.getByRole('combobox', { name: 'Apply To' }).selectOption('Extension Groups');
    await page.getByRole('combobox', { name: 'Extension Groups' }).click();
    await page.getByRole('option', { name: 'Call centre' }).click();
    await page.keyboard.press('Escape');
    await page.getByLabel('Calls', { exact: true }).fill('30');
    await page.getByText('each extension, 30/1m for each of 41').waitFor(PATIENTLY);
    await page.getByRole('radio', { name: 'the group, 30/1m for all together' }).check();
    await page.getByText('Each group as a whole in Call centre may start 30 calls per').waitFor(PATIENTLY);
    await page.getByRole('row', { name: /^each group 59/ }).waitFor(PATIENTLY);
    await page.getByText('Would have hit, last 7 days').waitFor();
    await page.getByText('No emergency number is touched.').waitFor();
    expect(await axeProblems(page)).toEqual([]);

    await page.getByRole('button', { name: 'Save, enforce' }).click();
    await told(page, 'Rule Evening calls is in force');
    await page.getByRole('row', { name: /Evening calls/ }).waitFor(PATIENTLY);
    expect(await ask<object>('rules', 'show', 'evening-calls')).toMatchObject({ countPer: 'group', limits: ['30/1m'] });
  });

  test('takes limits by keyboard: a removed one gives the focus to the one before, a pasted list fills rows', async () => {
    const page = await at('/rules/new');
    const calls = page.getByLabel('Calls', { exact: true });
    await calls.first().waitFor(PATIENTLY);
    for (const number of ['10', '20']) {
      await page.getByRole('button', { name: 'Add a call limit' }).press('Enter');
      await page.keyboard.type(number);
    }
    expect(await calls.count()).toBe(3);
    await page.getByRole('button', { name: 'Remove limit 2' }).press('Enter');
    await expect.poll(() => calls.count()).toBe(2);
    const focused = '[...document.querySelectorAll(\'input[aria-label="Calls"]\')].indexOf(document.activeElement)';
    await expect.poll(() => page.evaluate<number>(focused)).toBe(0);
    await page.evaluate(`(() => {
      const clipboardData = new DataTransfer();
      clipboardData.setData('text', '200/10/second&3000/1/minute');
      const pasted = new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true });
      document.activeElement.dispatchEvent(pasted);
    })()`);
    await expect.poll(() => calls.count()).toBe(3);
    expect(await calls.nth(1).inputValue()).toBe('3000');
  });

  test('that somebody else changed meanwhile says what differs, and overwrites only when told to', async () => {
    const page = await at('/rules/edit/staff');
    await page.getByLabel('Rule Name').fill('Staff, mine');
    await ask('rules', 'set', 'staff', '--limit', '7/1m');
    await page.getByText('may start 5 calls').waitFor(PATIENTLY);
    await page.getByRole('button', { name: 'Save in shadow' }).click();
    await page.getByText('Somebody changed this while you were working on it.').waitFor(PATIENTLY);
    await page.getByText(/^limits: .*5\/1m.* → .*7\/1m/).waitFor();
    expect(await ask<object>('rules', 'show', 'staff')).toMatchObject({ limits: ['7/1m'], mode: 'enforce' });
  });
});

describe('the list of rules', () => {
  test('fits a phone, switches a rule off at once and takes it back, and promotes from the shadow report', async () => {
    const page = await at('/rules', 'dana', PHONE);
    await page.getByRole('list', { name: 'Rules' }).waitFor(PATIENTLY);
    expect(await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
    expect(await axeProblems(page)).toEqual([]);
    await page.getByRole('switch', { name: 'Switch off: Call centre' }).click({ force: true });
    await told(page, 'Rule Call centre is off');
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('switch', { name: 'Switch off: Call centre' }).waitFor(PATIENTLY);

    await page.goto(`${url}/rules/shadow/after-hours`);
    await page.getByRole('button', { name: 'Enforce now' }).click();
    await told(page, 'Rule After hours is enforced');
    expect(await ask<object>('rules', 'show', 'after-hours')).toMatchObject({ mode: 'enforce' });
  });

  test('is read by a viewer without a way to change it, and by billing not at all', async () => {
    const page = await at('/rules', 'vic');
    await page.getByRole('row', { name: /^on: Call centre/ }).waitFor(PATIENTLY);
    expect(await page.getByRole('button', { name: 'Add rule' }).isDisabled()).toBe(true);
    expect(await page.getByRole('switch', { name: /Staff budget/ }).isDisabled()).toBe(true);
    const billing = await at('/rules', 'billy');
    await billing.getByText('does not show this screen').waitFor(PATIENTLY);
    expect(await billing.getByText('Call centre').count()).toBe(0);
  });
});

describe('a CSV file of rules', () => {
  test('with two bad lines names both with line, column and what stood there, and imports nothing', async () => {
    const page = await at('/rules/import');
    const choose = (text: string) =>
      page
        .getByLabel('CSV file')
        .last()
        .setInputFiles({ name: 'rules.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
    await choose('Name,Restrictions\nOne,5/1/second\nTwo,200/10/fortnight\nThree,x\n');
    await page.getByText('Nothing is imported until all lines are right. 2 lines need a change.').waitFor(PATIENTLY);
    await page.getByRole('row', { name: /^3 Restrictions 200\/10\/fortnight/ }).waitFor();
    expect(await page.getByRole('button', { name: /^Import/ }).count()).toBe(0);

    await choose(`Name,Restrictions\nOne,5/1/second\n${NASTY},3/1/minute\n`);
    await page.getByRole('row', { name: /One new 5\/1s/ }).waitFor(PATIENTLY);
    await page.getByText(NASTY).first().waitFor();
    expect(await axeProblems(page)).toEqual([]);
    await page.getByRole('button', { name: 'Import 2 rules' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Import 2 rules' }).click();
    await page.getByText('Imported: 2 added, 0 changed.').first().waitFor(PATIENTLY);
    expect(await ask<object>('rules', 'show', 'one')).toMatchObject({ limits: ['5/1s'] });
  });
});

describe('a schedule', () => {
  test('is built by keyboard alone, reads as one sentence, and is saved as it was painted', async () => {
    const page = await at('/schedules/new');
    await page.getByLabel('Name').fill('Nights');
    const monday = page.getByRole('gridcell', { name: /^Monday 09:00 to 09:30/ });
    await monday.focus();
    await page.keyboard.press('Home');
    for (let step = 0; step < 3; step++) await page.keyboard.press('Shift+ArrowRight');
    for (let step = 0; step < 4; step++) await page.keyboard.press('Shift+ArrowDown');
    await page.keyboard.press('Space');
    await page
      .getByRole('gridcell', { name: 'Friday 01:30 to 02:00, open, part of 00:00 to 02:00' })
      .waitFor(PATIENTLY);
    await page.getByText('“Monday to Friday 00:00 to 02:00').waitFor(PATIENTLY);
    expect(await axeProblems(page)).toEqual([]);
    await page.getByRole('button', { name: 'Save' }).click();
    await told(page, 'Schedule Nights is in force');
    expect(await ask<object>('schedules', 'show', 'nights')).toMatchObject({
      windows: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '00:00', to: '02:00' }],
    });
  });

  test('on a phone is a list of windows and one day, without a grid', async () => {
    const page = await at('/schedules/edit/after-hours', 'dana', PHONE);
    await page.getByRole('button', { name: '+ Add window' }).waitFor(PATIENTLY);
    expect(await page.getByRole('grid').count()).toBe(0);
    expect(await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
    expect(await axeProblems(page)).toEqual([]);
  });
});

describe('groups and trunks', () => {
  test('show what is used of the limits of an extension and reset it, and refuse to delete a group that a rule uses', async () => {
    const page = await at('/members/edit/extensions/2007');
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /^Reset counts of/ })
      .first()
      .click(PATIENTLY);
    await told(page, /^Counts of 2007 in rule .+ are full again\.$/);
    await page.goto(`${url}/members/edit/groups/call-centre?tab=groups`);
    expect(await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).isDisabled()).toBe(true);
    await page.getByRole('dialog').getByRole('link', { name: 'Call centre' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByText(`Contractors ${NASTY}`).first().waitFor(PATIENTLY);
    expect(await axeProblems(page)).toEqual([]);
  });

  test('take a new group on a phone', async () => {
    const page = await at('/members?tab=groups', 'dana', PHONE);
    await page.getByRole('link', { name: 'Add group' }).click();
    await page.getByLabel('Id').fill('night-shift');
    await page.getByRole('combobox', { name: 'Members' }).fill('2101-2109');
    await page.keyboard.press('Tab');
    expect(await axeProblems(page)).toEqual([]);
    await page.getByRole('button', { name: 'Save' }).click();
    await told(page, 'night-shift is saved and in force');
    expect(await ask<object>('groups', 'show', 'night-shift')).toMatchObject({ members: ['2101-2109'] });
  });
});
