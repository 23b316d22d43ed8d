/** Rules, Schedules, Groups and trunks in a real browser, on a real daemon with real calls behind it. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { placeAgiCall } from '../support/agi-call.ts';
import { askAsAsterisk } from '../support/agi-client.ts';
import { writeEnvironment } from '../support/agi-environment.ts';
import { axeProblems, openWindow, PHONE, startBrowser } from '../support/browser.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { fillWithData, NASTY } from '../support/page-data.ts';
import { addUser, logIn as logInByApi, type TestUser } from '../support/people.ts';

const PATIENTLY = { timeout: 30_000 };
let tollgate: TestDaemon;
let browser: Browser;
let url: string;
let olga: TestUser;
/** Whoever logs in once keeps his cookie: a code of the second factor is good once. By the API, which takes no page. */
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
  const { cookie } = await logInByApi(tollgate.webPort, { ...user, totp: user.backupCodes[0] });
  const [name = '', ...value] = cookie.split('=');
  states.set(user.name, [{ name, value: value.join('='), url }]);
}

beforeAll(async () => {
  [tollgate, browser] = await Promise.all([startTestDaemon(), startBrowser()]);
  url = `http://127.0.0.1:${tollgate.webPort}`;
  await fillWithData(tollgate);
  await logIn(await addUser(tollgate, 'dana', 'owner'));
  await logIn(await addUser(tollgate, 'vic', 'viewer'));
  await logIn(await addUser(tollgate, 'billy', 'billing'));
  olga = await addUser(tollgate, 'olga', 'operator');
  await logIn(olga);
  await logIn(await addUser(tollgate, 'susan', 'supervisor'));
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

/** As it would stand in a file. */
async function addRule(id: string, fields: object): Promise<void> {
  const { exitCode, error } = await tollgate.run(['rules', 'add', id, '--file', '-'], {
    input: JSON.stringify(fields),
  });
  if (exitCode !== 0) throw new Error(error);
}

const EVERY_FIELD = {
  name: 'Every field',
  appliesTo: { groups: ['staff'], destinations: ['international', 'country:CU'] },
  countPer: 'number',
  limits: ['7/7d', '3/1d'],
  counting: 'rolling',
  not: 'after-hours',
  action: 'wait',
  hangupCause: 34,
  prompt: 'tollgate-limit',
  maxWait: '5s',
  maxQueue: 12,
  whileWaiting: 'music',
  approval: { timeout: '45s', otherwise: 'allow', approvers: 2, supervisors: ['PJSIP/2001'], ringSeconds: 20 },
  concurrent: 3,
  maxDuration: '60m',
  spend: { soft: '30/1d', hard: '60/1d' },
  minutes: { soft: '120/1d', hard: '240/1d' },
  giveBackOn: ['failed', 'busy'],
  holdAfter: { answered: '7d' },
  firstCallTo: { what: 'country', within: '90d' },
  lockout: { after: 4, within: '12h', destinations: ['premium', 'country:CU'] },
  mode: 'shadow',
  whenStoreFails: 'block',
} as const;

describe('the form of a rule', () => {
  test('opens a rule with every field, says all of it back, and saves what was not touched as it was', async () => {
    await addRule('every-field', EVERY_FIELD);
    const before = await ask<object>('rules', 'show', 'every-field');
    const page = await at('/rules/edit/every-field');
    const shown = [
      ['Minutes of talk, end at', '240/1d'],
      ['Spend, tell at', '30/1d'],
      ['Not reached for', '90d'],
      ['Pause after an answered call', '7d'],
      ['After so many refusals', '4'],
      ['Calls that wait, at most', '12'],
    ] as const;
    for (const [label, value] of shown)
      await expect.poll(() => page.getByLabel(label).inputValue(), PATIENTLY).toBe(value);
    expect(await page.getByRole('checkbox', { name: 'busy' }).isChecked()).toBe(true);
    await page.getByText('talk 120 minutes within 1 day').waitFor(PATIENTLY);
    await page.getByText('A call that is failed or busy does not count.').waitFor();
    await page.getByText('After 4 refused calls within 12 h calls to premium and country:CU are locked').waitFor();
    expect(await axeProblems(page)).toEqual([]);

    await page.getByLabel('Minutes of talk, end at').fill('a lot');
    await page.getByText('"a lot" is not a budget; write minutes/period').first().waitFor(PATIENTLY);
    await page.getByLabel('Minutes of talk, end at').fill('300/1d');
    await page.getByText('At 300 minutes within 1 day no call goes').waitFor(PATIENTLY);
    await page.getByRole('button', { name: 'Save in shadow' }).click();
    await told(page, 'Rule Every field is saved in shadow');
    const after = await ask<object>('rules', 'show', 'every-field');
    expect(after).toEqual({ ...before, minutes: { soft: '120/1d', hard: '300/1d' } });
  });

  test('plays the prompt that comes with Tollgate, offers it, and knows of no other', async () => {
    const page = await at('/rules/new');
    const asked = page.waitForResponse((answer) => answer.url().endsWith('/api/v1/prompts/tollgate-limit'), PATIENTLY);
    await page.getByRole('button', { name: 'Play' }).click(PATIENTLY);
    expect([(await asked).status(), (await asked).headers()['content-type']]).toEqual([200, 'audio/wav']);
    await page.getByRole('combobox', { name: 'Prompt' }).fill('my-own');
    await expect.poll(() => page.getByRole('button', { name: 'Play' }).isDisabled(), PATIENTLY).toBe(true);
    const { send } = await logInByApi(tollgate.webPort, olga);
    for (const name of ['..%2f..%2fpackage', '..%2Ftollgate.conf', 'tollgate-limit.wav', 'tollgate-ask-choices'])
      expect([name, (await send('GET', `prompts/${name}`)).status]).toEqual([name, 404]);
  });

  test('that touches an emergency number names it and cannot be saved', async () => {
    await ask('destinations', 'set', 'nines', '--prefixes', '91,+53');
    const page = await at('/rules/new');
    await page.getByLabel('Rule Name').fill('Nines');
    await page.getByRole('combobox', { name: 'Apply To' }).selectOption('Destinations');
    await page.getByRole('combobox', { name: 'Destinations' }).fill('nines');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Escape');
    await page.getByText('This rule would limit 911. Emergency numbers are never limited.').waitFor(PATIENTLY);
    for (const name of ['Save, enforce', 'Save in shadow'])
      await expect.poll(() => page.getByRole('button', { name }).isDisabled()).toBe(true);
    expect(await axeProblems(page)).toEqual([]);
    await expect(addRule('nines', { appliesTo: { destinations: ['nines'] } })).rejects.toThrow('would limit 911');
  });

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

describe('an operator', () => {
  test('imports what adds and changes rules, and takes the default rule out of force by no way', async () => {
    const page = await at('/rules', 'olga');
    const off = page.getByRole('switch', { name: 'Switch off: Default outbound call frequency' });
    await off.waitFor(PATIENTLY);
    expect([await off.isDisabled(), await off.getAttribute('title')]).toEqual([
      true,
      expect.stringContaining('Only an Owner can switch the default rule off'),
    ]);
    await page.getByRole('link', { name: 'Import' }).click();
    const csv = 'id,limits\nimported,9/1m\n';
    await page
      .getByLabel('CSV file')
      .last()
      .setInputFiles({ name: 'rules.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) });
    await page.getByRole('row', { name: /imported new 9\/1m/ }).waitFor(PATIENTLY);
    expect(await page.getByRole('checkbox', { name: 'Rules that are not in the file are deleted' }).isDisabled()).toBe(
      true,
    );
    await page.getByRole('button', { name: 'Import 1 rule' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Import 1 rule' }).click();
    await page.getByText('Imported: 1 added, 0 changed.').first().waitFor(PATIENTLY);

    const { send } = await logInByApi(tollgate.webPort, olga);
    const tries = [
      ['POST', 'rules/default/disable', undefined],
      ['POST', 'rules/default/shadow', undefined],
      ['PATCH', 'rules/default', { enabled: false }],
      ['PATCH', 'rules/default', { id: 'no-longer' }],
      ['POST', 'rules/import', { csv: 'id,mode\ndefault,shadow\n' }],
      ['POST', 'rules/import', { csv, replace: true }],
    ] as const;
    for (const [method, path, body] of tries)
      expect([path, (await send(method, path, body)).status]).toEqual([path, 403]);
    expect((await send('PATCH', 'rules/default', { limits: ['6/1s'] })).status).toBe(200);
    expect(await ask<object>('rules', 'show', 'default')).toMatchObject({ enabled: true, mode: 'enforce' });
  });
});

describe('a supervisor', () => {
  test('sees rules, members and schedules, and cannot change them', async () => {
    const page = await at('/rules', 'susan');
    await page.getByRole('row', { name: /^on: Call centre/ }).waitFor(PATIENTLY);
    for (const [path, button] of [
      ['/rules', 'Add rule'],
      ['/members', 'Add extension'],
      ['/schedules', 'Add schedule'],
    ] as const) {
      await page.goto(url + path);
      await page.getByRole('button', { name: button }).waitFor(PATIENTLY);
      expect([path, await page.getByRole('button', { name: button }).isDisabled()]).toEqual([path, true]);
    }
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

describe('a lock', () => {
  test('is shown in the list and on the extension, is read by a viewer, and is cleared by an operator', async () => {
    await addRule('one-strike', {
      name: 'One strike',
      appliesTo: { extensions: ['2011'], destinations: ['premium'] },
      lockout: { after: 1, within: '1h' },
    });
    const call = { extension: '2011', destination: '19005550123', trunk: 'carrier-a', source: '198.51.100.8' };
    await placeAgiCall(tollgate.agiPort, call);
    await expect.poll(() => ask<unknown[]>('locks', 'list'), PATIENTLY).toHaveLength(1);

    const viewer = await at('/members', 'vic');
    await viewer.getByRole('row', { name: /^2011 .*Locked/ }).waitFor(PATIENTLY);
    await viewer.goto(`${url}/members/edit/extensions/2011`);
    const clear = { name: 'Let call again: lock of rule one-strike' };
    await viewer.getByRole('dialog').getByText('Locked out of').waitFor(PATIENTLY);
    expect(await viewer.getByRole('button', clear).isDisabled()).toBe(true);
    expect(await viewer.getByRole('button', clear).getAttribute('title')).toBe(
      'An Owner or an Operator can clear a lock.',
    );

    const page = await at('/members/edit/extensions/2011', 'olga');
    await page.getByRole('button', clear).click(PATIENTLY);
    await told(page, '2011 may call there again.');
    await expect.poll(() => page.getByRole('button', clear).count(), PATIENTLY).toBe(0);
    expect(await ask<unknown[]>('locks', 'list')).toEqual([]);
  });
});

describe('groups and trunks', () => {
  test('show what is used of the limits of an extension and reset it, and refuse to delete a group that a rule uses', async () => {
    // What nobody used for a while is forgotten.
    const call = { extension: '2007', destination: '12125550147', trunk: 'carrier-a', source: '198.51.100.7' };
    await placeAgiCall(tollgate.agiPort, call);
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
    await page
      .getByRole('dialog')
      .getByText(/= \d+ of \d+ known/)
      .waitFor(PATIENTLY);
    await page.keyboard.press('Escape');
    await page
      .getByRole('row', { name: /^Call centre call-centre 2044 3001-3040 = \d+ of \d+ known/ })
      .waitFor(PATIENTLY);
    await page.getByText(`Contractors ${NASTY}`).first().waitFor(PATIENTLY);
    expect(await axeProblems(page)).toEqual([]);
  });

  test('say when a call last failed on a trunk', async () => {
    const call = { extension: '2012', destination: '12125550199', trunk: 'carrier-b', source: '198.51.100.8' };
    const { TOLLGATE_DECISION: decision = '' } = await placeAgiCall(tollgate.agiPort, call);
    const report = [decision, 'ended', 'CHANUNAVAIL'].map((text, at) => [`agi_arg_${at + 1}`, text] as const);
    const asked = [
      ['agi_network', 'yes'],
      ['agi_network_script', 'outcome'],
    ] as const;
    await askAsAsterisk({ host: '127.0.0.1', port: tollgate.agiPort }, writeEnvironment([...asked, ...report]));
    const page = await at('/members?tab=trunks', 'susan');
    await page.getByRole('row', { name: /^Carrier B carrier-b .*(ago|now) /, exact: false }).waitFor(PATIENTLY);
    await page.getByRole('row', { name: /^Carrier A carrier-a \d+ – – / }).waitFor(PATIENTLY);
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

describe('a starter pack', () => {
  test('asks for working hours and whose clock they are by, says them back, and is put into the policy with them', async () => {
    const page = await at('/rules?tab=templates');
    await page.getByRole('button', { name: 'Look at it: An office of up to some fifty people' }).click(PATIENTLY);
    const dialog = page.getByRole('dialog');
    expect(await dialog.getByLabel('From', { exact: true }).inputValue()).toBe('07:00');
    await dialog.getByLabel('From', { exact: true }).fill('09:30');
    await dialog.getByRole('combobox', { name: 'Time zone' }).fill('Denver');
    await dialog.getByRole('option', { name: 'America/Denver' }).click();
    await dialog.getByRole('button', { name: 'Show what it would add' }).click();
    await dialog.getByText('working hours to be mon-fri 09:30-19:00 by the clock of America/Denver').waitFor(PATIENTLY);
    expect(await axeProblems(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Put it into the policy' }).click();
    await page.getByRole('button', { name: 'Put it into the policy' }).last().click();
    await told(page, 'An office of up to some fifty people is in the policy.');
    expect(await ask<object>('schedules', 'show', 'office-hours')).toMatchObject({ timezone: 'America/Denver' });
  });
});
