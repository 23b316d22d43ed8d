/** Dashboard and Calls in a real browser, on a real daemon that has decided real questions of a dialplan. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CallsPage } from '../../src/gate/journal.ts';
import type { Role } from '../../src/people/roles.ts';
import { placeAgiCall } from '../support/agi-call.ts';
import { axeProblems, logInAs, openWindow, PHONE, startBrowser } from '../support/browser.ts';
import { cdrCorpus } from '../support/cdr-corpus.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { fillWithData, fillWithEnds, growJournal, NASTY } from '../support/page-data.ts';
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
  for (const role of ['operator', 'supervisor', 'viewer', 'billing'] as const)
    users.set(role, await addUser(tollgate, role, role));
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
      .toMatch(/^\d\d:\d\d, not over: Block \d+, Hold 0, Wait \d+, Alert \d+$/);
    await page.keyboard.press('t');
    await page
      .getByRole('region', { name: 'Calls stopped, as a table' })
      .getByRole('columnheader', { name: 'Alert' })
      .waitFor();
    expect(await axeProblems(page)).toEqual([]);

    await page.getByRole('link', { name: /^Refused 1 h/ }).click();
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

describe('why a call was refused', () => {
  let id: string;
  beforeAll(async () => {
    await tollgate.run(['rules', 'add', 'hourly', '--extension', '5001', '--limit', '3/1h']);
    const place = () => placeAgiCall(tollgate.agiPort, { extension: '5001', destination: '12125550100' });
    for (let call = 0; call < 3; call++) await place();
    id = (await place())['TOLLGATE_DECISION'] ?? '';
  });

  test('is the same sentence on the page, on the command line and in the log', async () => {
    const sentence = 'Rule hourly refuses: extension 5001 has used 3 of 3 calls per 1 hour';
    const page = await at(`/calls/${id}`, 'viewer');
    await page.getByText(`${sentence}.`, { exact: true }).waitFor(PATIENTLY);
    const { out } = await tollgate.run(['explain', '12125550100', '--extension', '5001']);
    expect(out).toContain(`${sentence}.`);
    expect((await tollgate.run(['calls', 'show', id])).out).toContain(`${sentence}.`);
    const logged = tollgate.log.find((line) => line['decision'] === id);
    expect(logged).toMatchObject({ reason: sentence });
  });

  test('can be answered with more calls until a time, by who decides about calls, and taken back', async () => {
    const viewer = await at(`/calls/${id}`, 'viewer');
    await viewer.getByRole('button', { name: 'Raise this limit for…' }).waitFor(PATIENTLY);
    expect(await viewer.getByRole('button', { name: 'Raise this limit for…' }).isDisabled()).toBe(true);

    const page = await at('/calls?tab=refused&rule=hourly', 'supervisor');
    await page.getByRole('button', { name: 'Actions for 5001 to 12125550100' }).click(PATIENTLY);
    await page.getByRole('menuitem', { name: /^30 minutes/ }).waitFor(PATIENTLY);
    await page.keyboard.press('Escape');
    await page.goto(`${url}/calls/${id}`);
    await page.getByRole('button', { name: 'Raise this limit for…' }).click(PATIENTLY);
    await page.getByText('hourly, 3/1h for extension 5001').waitFor(PATIENTLY);
    expect(await axeProblems(page)).toEqual([]);
    await page.getByRole('menuitem', { name: /^1 hour 3 more until/ }).click();
    await page.getByText('3 more calls for extension 5001 beyond “hourly”.').first().waitFor(PATIENTLY);
    const call = { extension: '5001', destination: '12125550100' };
    expect(await placeAgiCall(tollgate.agiPort, call)).toMatchObject({ TOLLGATE_VERDICT: 'allow' });
    await page.getByRole('link', { name: 'Approvals' }).first().click();
    await page.getByRole('link', { name: 'Decided' }).click(PATIENTLY);
    await page.getByText('extension 5001').first().waitFor(PATIENTLY);
    await page.getByRole('button', { name: 'End now' }).click();
    await expect
      .poll(async () => (await placeAgiCall(tollgate.agiPort, call))['TOLLGATE_VERDICT'], PATIENTLY)
      .toBe('block');
  });
});

describe('what calls cost', () => {
  test('is told by day and by whom, against ceilings, and to Billing as well', async () => {
    await fillWithEnds(tollgate);
    const page = await at('/calls?tab=cost&by=extension', 'billing');
    const sums = page.getByRole('region', { name: 'Cost of calls' });
    await sums.getByRole('row', { name: /^2044 Ana/ }).waitFor(PATIENTLY);
    await page.getByText(/^\d+ calls, .* of talk, \$/).waitFor();
    await sums.getByRole('row', { name: /^2001 Sales 1 .* of \$5\.00/ }).waitFor(PATIENTLY);
    await page.getByLabel('By', { exact: true }).selectOption('day');
    await sums.getByRole('columnheader', { name: 'Day' }).waitFor(PATIENTLY);
    await page.getByText('31 shown').first().waitFor(PATIENTLY);
    expect(await page.getByRole('link', { name: 'Export' }).getAttribute('href')).toContain('spend/history/csv?by=day');
    expect(await axeProblems(page)).toEqual([]);
  });
});

describe('a replay', () => {
  test('of a file of call records says what a proposed policy would have refused beside that of today', async () => {
    const viewer = await at('/rules?tab=replay', 'viewer');
    await viewer.getByText('Owners and Operators can replay.').waitFor(PATIENTLY);
    expect(await viewer.getByRole('button', { name: 'Choose a CDR file' }).isDisabled()).toBe(true);

    const page = await at('/rules?tab=replay', 'operator');
    const records = [...cdrCorpus({ seed: 42, records: 600, recordsPerDay: 600 }).lines, ''].join('\n');
    const file = { name: 'Master.csv', mimeType: 'text/csv', buffer: Buffer.from(records) };
    await page.getByLabel('Call records').last().setInputFiles(file, PATIENTLY);
    await page.getByText('Master.csv', { exact: true }).waitFor(PATIENTLY);
    await page.getByRole('radio', { name: /shadow rules are enforced/ }).check();
    await page.getByRole('button', { name: 'Replay', exact: true }).click();
    await page.getByRole('heading', { name: 'What would have happened' }).waitFor({ timeout: 90_000 });
    await page.getByText(/^Of [\d,]+ outbound calls in 600 records/).waitFor();
    const totals = page.getByRole('table').first();
    for (const name of ['Today’s policy', 'Proposed']) await totals.getByRole('columnheader', { name }).waitFor();
    expect(await axeProblems(page)).toEqual([]);
    await page.getByRole('button', { name: 'Forget the file' }).click();
    await page.getByText('or drop it here', { exact: false }).waitFor(PATIENTLY);
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
    await page.getByRole('columnheader', { name: 'Cost so far' }).waitFor(PATIENTLY);
    await page.getByRole('cell', { name: '0.00' }).first().waitFor(PATIENTLY);
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
