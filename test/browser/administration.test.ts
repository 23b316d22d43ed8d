/** Users, API keys, settings, alerts and the doctor in a real browser, at a desk and on a phone, on a real daemon. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { axeProblems, logInAs, openWindow, PHONE, startBrowser } from '../support/browser.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { answering, type HttpReceiver, startHttpReceiver } from '../support/http-receiver.ts';
import { NASTY } from '../support/page-data.ts';
import { addUser, request, type TestUser } from '../support/people.ts';
import { startTcpLink } from '../support/tcp-link.ts';

const PATIENTLY = { timeout: 30_000 };
let tollgate: TestDaemon;
let browser: Browser;
let receiver: HttpReceiver;
let stateDir: string;
let url: string;
let owner: Page;
let viewer: TestUser;
/** A second try of a test has names of its own. */
let names = 0;
const fresh = (name: string): string => `${name}${++names}`;
const windows: Awaited<ReturnType<typeof openWindow>>[] = [];
let ownerWindow: Awaited<ReturnType<typeof openWindow>>;

async function at(user: TestUser, path: string, size?: typeof PHONE): Promise<Page> {
  const opened = await openWindow(browser, size === undefined ? {} : { size });
  windows.push(opened);
  await logInAs(opened.page, user, { url: `${url}${path}` });
  return opened.page;
}
/** In the question that a button asked. */
const confirm = (name: string): Promise<void> =>
  owner.locator('.confirm').getByRole('button', { name }).click(PATIENTLY);
const heading = (page: Page, name: string): Promise<void> =>
  page.getByRole('heading', { name, exact: true }).waitFor(PATIENTLY);

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'tollgate-daemon-'));
  receiver = await startHttpReceiver();
  const config = `alerts:
  allowNetworks: [127.0.0.0/8]
  channels:
    desk: { kind: webhook, url: "${receiver.url}/desk", secret: "a secret of 32 characters at least" }
    hook: { kind: webhook, url: "${receiver.url}/hook", secret: "a secret of 32 characters at least" }
  routes:
    - { kinds: [component], to: [desk], escalate: [{ after: 2m, to: [hook] }] }
`;
  await writeFile(join(stateDir, 'tollgate.yaml'), config);
  [tollgate, browser] = await Promise.all([startTestDaemon({ stateDir }), startBrowser()]);
  url = `http://127.0.0.1:${tollgate.webPort}`;
  const dana = await addUser(tollgate, 'dana', 'owner');
  viewer = await addUser(tollgate, 'vera', 'viewer');
  // One log-in for all tests: a code of a second factor counts once.
  ownerWindow = await openWindow(browser);
  owner = ownerWindow.page;
  await logInAs(owner, dana, { url: `${url}/users` });
});
afterEach(async () => {
  for (const { context, problems } of windows.splice(0)) {
    expect(problems).toEqual([]);
    await context.close();
  }
  expect(ownerWindow.problems).toEqual([]);
});
afterAll(async () => {
  await browser.close();
  await tollgate.stop();
  await receiver.stop();
  await rm(stateDir, { recursive: true, force: true });
});

describe('users', () => {
  test('are added with a password that is shown once, get another role, and lose one log-in or all', async () => {
    const name = fresh('sam');
    await owner.goto(`${url}/users`);
    await owner.getByRole('button', { name: 'Add user' }).click();
    const adding = owner.getByRole('dialog', { name: 'Add user' });
    await adding.getByRole('textbox', { name: 'Name' }).fill(name);
    await adding.getByRole('checkbox', { name: 'Viewer' }).uncheck();
    await adding.getByText('Choose at least one role.').waitFor();
    await adding.getByRole('checkbox', { name: 'Operator' }).check();
    await adding.getByRole('checkbox', { name: 'Supervisor' }).check();
    expect(await axeProblems(owner)).toEqual([]);
    await adding.getByRole('button', { name: 'Add user' }).click();
    const once = owner.getByRole('dialog', { name: `Password of ${name}` });
    const password = (await once.locator('.copyable code').textContent(PATIENTLY)) ?? '';
    await once.getByRole('button', { name: 'I have it' }).click();
    const drawer = owner.getByRole('dialog', { name, exact: true });
    await drawer.getByText('Nobody is logged in by this name.').waitFor(PATIENTLY);
    expect(await drawer.getByText(password).count()).toBe(0);

    const sam = await at({ name, password, backupCodes: [] }, '/account', PHONE);
    await owner.reload();
    await drawer.getByRole('button', { name: 'End 127.0.0.1' }).click();
    await sam.getByRole('dialog', { name: 'Log in' }).waitFor(PATIENTLY);

    await drawer.getByRole('checkbox', { name: 'Billing' }).check();
    await drawer.getByRole('checkbox', { name: 'Operator' }).uncheck();
    await drawer.getByRole('checkbox', { name: 'Supervisor' }).uncheck();
    await drawer.getByRole('button', { name: 'Make Billing' }).click();
    await owner.getByText(`What ${name} may do changes at once.`).waitFor();
    await confirm('Make Billing');
    await owner.getByText(`${name} is Billing now.`).first().waitFor(PATIENTLY);
    expect(await axeProblems(owner)).toEqual([]);
    await drawer.getByRole('button', { name: 'Remove user' }).click();
    await confirm('Remove user');
    await owner.getByText(`${name} is removed.`).first().waitFor(PATIENTLY);
    await drawer.waitFor({ state: 'detached', ...PATIENTLY });
  });

  test('of whom one is the last owner keep him, and other roles see neither users nor keys', async () => {
    await owner.goto(`${url}/users/of/dana`);
    const drawer = owner.getByRole('dialog', { name: 'dana' });
    await drawer.getByRole('checkbox', { name: 'Viewer' }).check(PATIENTLY);
    await drawer.getByRole('checkbox', { name: 'Owner' }).uncheck();
    await drawer.getByText('This is the last owner who may log in.').waitFor(PATIENTLY);
    expect(await drawer.getByRole('button', { name: 'Remove user' }).count()).toBe(0);

    const page = await at(viewer, '/users?tab=keys', PHONE);
    await page.getByText('Your role, viewer, does not show this screen.').waitFor(PATIENTLY);
    expect(await page.getByRole('button', { name: 'Add API key' }).count()).toBe(0);
  });

  test('have beside them API keys, which are shown once, do what they may, and are refused when they are removed', async () => {
    const name = fresh('dialler');
    await owner.goto(`${url}/users?tab=keys`);
    await owner.getByRole('button', { name: 'Add API key' }).first().click();
    const adding = owner.getByRole('dialog', { name: 'Add API key' });
    await adding.getByRole('textbox', { name: 'Name' }).fill(name);
    await adding.getByRole('textbox', { name: 'Addresses' }).fill('127.0.0.0/8\nnonsense');
    await adding.getByRole('checkbox', { name: 'See calls' }).check();
    await adding.getByRole('button', { name: 'Add API key' }).click();
    await adding.getByText('"nonsense"').waitFor(PATIENTLY);
    await adding.getByRole('textbox', { name: 'Addresses' }).fill('127.0.0.0/8');
    expect(await axeProblems(owner)).toEqual([]);
    await adding.getByRole('button', { name: 'Add API key' }).click();
    const once = owner.getByRole('dialog', { name, exact: true });
    await once.getByText('Shown now and never again').waitFor(PATIENTLY);
    const key = (await once.locator('.copyable code').textContent()) ?? '';
    const ask = (path: string) => request(tollgate.webPort, 'GET', path, undefined, { authorization: `Bearer ${key}` });
    expect([(await ask('calls')).status, (await ask('bans')).status]).toEqual([200, 403]);
    await once.getByRole('button', { name: 'I have stored it' }).click();

    await owner.getByRole('region', { name: 'API keys' }).getByRole('button', { name }).click(PATIENTLY);
    const drawer = owner.getByRole('dialog', { name, exact: true });
    expect(await axeProblems(owner)).toEqual([]);
    await drawer.getByRole('button', { name: 'Remove key' }).click(PATIENTLY);
    await confirm('Remove key');
    await owner.getByText(`Key ${name} is removed.`).first().waitFor(PATIENTLY);
    expect((await ask('calls')).status).toBe(401);
  });
});

describe('settings', () => {
  test('of automatic bans say what they mean, name what is wrong, are in force when saved, and are taken back', async () => {
    await owner.goto(`${url}/settings/auto-ban`);
    const web = owner.getByRole('group', { name: 'Web Login' });
    await web.getByText('5 wrong tries from one address within 5 minutes: blocked for 24 hours.').waitFor(PATIENTLY);
    await web.getByLabel('Max Attempts').fill('40');
    await owner.getByText('1 change is not saved').waitFor();
    await owner.getByRole('button', { name: 'Save' }).click();
    await web.getByText('is more than 10').waitFor(PATIENTLY);
    await web.getByLabel('Max Attempts').fill('7');
    await owner.keyboard.press('Control+s');
    await owner.getByText('Saved.').or(owner.getByText('Saved, and in force.')).first().waitFor(PATIENTLY);
    const kept = async (): Promise<string> =>
      (await tollgate.run(['settings', 'show', 'autoBan.services.web.attempts'])).out;
    expect(await kept()).toContain('7');
    expect(await axeProblems(owner)).toEqual([]);
    await owner.getByRole('button', { name: 'Undo' }).first().click();
    await expect.poll(kept, PATIENTLY).toContain('5');
  });

  test('that restrict who may come cannot be saved by whom they would cut off', async () => {
    await owner.goto(`${url}/settings/admin-access`);
    // The switch brings the own address with it.
    await owner.getByRole('switch', { name: 'Restrict Admin Access by IP' }).click(PATIENTLY);
    await owner.getByText('You are 127.0.0.1: covered.').waitFor(PATIENTLY);
    await owner.getByRole('textbox', { name: 'IP Address/Range' }).fill('203.0.113.0/24');
    await owner.getByRole('button', { name: 'Add IP Range' }).click();
    await owner.getByRole('button', { name: 'Remove 127.0.0.1' }).click();
    await owner.getByText('You are 127.0.0.1: not covered.').waitFor(PATIENTLY);
    expect(await axeProblems(owner)).toEqual([]);
    await owner.getByRole('button', { name: 'Save' }).click();
    expect((await tollgate.run(['settings', 'show', 'adminAccess.allowFrom'])).out).not.toContain('203.0.113');
    await owner.getByRole('button', { name: 'Add 127.0.0.1' }).click();
    await owner.getByText('You are 127.0.0.1: covered.').waitFor(PATIENTLY);
    await owner.getByRole('button', { name: 'Discard' }).click();
  });

  test('take a rate sheet when all of its lines are right, after saying what it would change', async () => {
    await owner.goto(`${url}/settings/rates`);
    const choose = (text: string) =>
      owner
        .locator('input[type=file]')
        .setInputFiles({ name: 'carrier.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
    await owner.getByRole('button', { name: 'Choose CSV file…' }).waitFor(PATIENTLY);
    await choose('prefix,price\n1,0.01\n44,much\n');
    await owner.getByText('Nothing is imported').waitFor(PATIENTLY);
    await owner.getByText(/carrier\.csv:3/).waitFor();
    await choose('prefix,price\n1,0.01\n44,0.02\n');
    await owner.getByRole('heading', { name: 'carrier.csv: what would change' }).waitFor(PATIENTLY);
    expect(await axeProblems(owner)).toEqual([]);
    await owner.getByRole('button', { name: 'Import' }).click();
    await confirm('Import');
    await owner.getByText('The rate sheet is in force.').first().waitFor(PATIENTLY);
    await owner.getByRole('textbox', { name: 'Number' }).fill('442079460018');
    await owner.getByRole('button', { name: 'Look up' }).click();
    await owner.getByRole('status').getByText('$0.02 a minute').waitFor(PATIENTLY);
  });

  test('show a name that would run as text, and can be read and not changed on a phone by who may only look', async () => {
    expect((await tollgate.run(['settings', 'set', 'branding.name', NASTY])).exitCode).toBe(0);
    const page = await at(viewer, '/settings/branding', PHONE);
    const name = page.getByRole('textbox', { name: 'Name' });
    await name.waitFor(PATIENTLY);
    expect([await name.inputValue(), await name.isDisabled()]).toEqual([NASTY, true]);
    await page.getByText('Only an Owner can change this. You can read it.').waitFor();
    for (const section of ['Fail2Ban', 'Firewall portal', 'Numbers', 'TLS and proxies']) {
      await page.getByRole('combobox', { name: 'Section' }).selectOption({ label: section });
      await heading(page, section);
      await page.locator('.settings-section .loading').waitFor({ state: 'detached' });
      expect(await axeProblems(page)).toEqual([]);
      expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(PHONE.width);
    }
    await tollgate.run(['settings', 'reset', 'branding']);
  });
});

describe('alerts', () => {
  test('are acknowledged by one person on a phone, say who is told when, and channels tell what the other side said', async () => {
    const kim = await addUser(tollgate, fresh('kim'), 'supervisor');
    await tollgate.run(['settings', 'reset', 'branding']);
    const page = await at(kim, '/alerts', PHONE);
    const button = page.getByRole('button', { name: /^Acknowledge: / }).first();
    await button.waitFor(PATIENTLY);
    await page
      .getByRole('button', { name: /^Snooze 1 h: / })
      .first()
      .click();
    await page
      .getByText(/^Snoozed until \d\d:\d\d:\d\d/)
      .first()
      .waitFor(PATIENTLY);
    await page.getByRole('button', { name: 'Undo' }).first().click();
    await page
      .getByRole('button', { name: /^Snooze 1 h: / })
      .first()
      .waitFor(PATIENTLY);
    expect(await axeProblems(page)).toEqual([]);
    expect((await button.boundingBox())?.height).toBeGreaterThanOrEqual(48);
    await button.click();
    await page.getByText('Acknowledged. Nobody else is called for it.').first().waitFor(PATIENTLY);
    await page.getByText(`Acknowledged by ${kim.name}`).first().waitFor(PATIENTLY);

    receiver.answer = answering(404, 'channel_not_found');
    await owner.goto(`${url}/alerts?tab=channels`);
    await owner.getByRole('button', { name: 'Test desk' }).click(PATIENTLY);
    await owner.getByText(/desk said: .*channel_not_found/).waitFor(PATIENTLY);
    receiver.answer = answering(200);
    await owner.getByRole('button', { name: 'Test hook' }).click();
    await owner.getByText('hook took it.').waitFor(PATIENTLY);
    expect(await axeProblems(owner)).toEqual([]);

    await owner.getByRole('link', { name: 'What to tell' }).click();
    const row = owner.getByRole('row', { name: /^Component down/ });
    await expect
      .poll(() => row.getByRole('cell').allTextContents(), PATIENTLY)
      .toEqual(['critical', 'at once', 'after 2 m']);
    expect(await axeProblems(owner)).toEqual([]);
    await owner.getByRole('link', { name: 'On call' }).click();
    await owner.getByRole('heading', { name: 'Component down' }).waitFor(PATIENTLY);
    await owner.getByText('desk at once; hook after 2 m').waitFor();
    expect(await axeProblems(owner)).toEqual([]);
  });
});

describe('the doctor', () => {
  test('says what it found and the command that mends it, and of the machine to owners alone', async () => {
    await owner.goto(`${url}/health?tab=doctor`);
    await owner.getByRole('heading', { name: /\d+ to fix, \d+ to look at/ }).waitFor(PATIENTLY);
    await owner.getByRole('heading', { name: 'Accounts' }).waitFor();
    expect(await axeProblems(owner)).toEqual([]);
    const page = await at(viewer, '/health?tab=doctor', PHONE);
    await page.getByText('an Owner alone sees it').waitFor(PATIENTLY);
    await heading(page, 'Rules');
    expect(await page.getByRole('heading', { name: 'Accounts' }).count()).toBe(0);
    expect(await axeProblems(page)).toEqual([]);
  });
});

describe('every screen', () => {
  test('says since when it hears nothing, dims what may be old, and lets no time go on', async () => {
    await tollgate.run(['bans', 'add', '192.0.2.9', '--for', '2h', '--reason', 'scan']);
    const lee = await addUser(tollgate, fresh('lee'), 'owner');
    const link = await startTcpLink(tollgate.webPort);
    const { page, context } = await openWindow(browser);
    try {
      await page.clock.install();
      await logInAs(page, lee, { url: `http://127.0.0.1:${link.port}/` });
      const entries = page.getByRole('navigation', { name: 'Menu' }).getByRole('link');
      await page.getByText('Live', { exact: true }).waitFor(PATIENTLY);
      const names = (await entries.allTextContents()).map((name) => name.trim());
      expect(names).toHaveLength(13);
      const goTo = async (name: string): Promise<void> => {
        const entry = entries.filter({ hasText: name }).first();
        await entry.click();
        await entry.and(page.locator('[aria-current]')).waitFor(PATIENTLY);
        await page
          .locator('main .loading')
          .first()
          .waitFor({ state: 'detached', ...PATIENTLY });
      };
      for (const name of names) await goTo(name);
      link.cut();
      await page.clock.fastForward(20_000);
      const times = (): Promise<string> =>
        page.evaluate<string>(
          `[...document.querySelectorAll('main time, main .number, main [role=timer]')].filter((each) => !each.closest('.banner')).map((each) => each.textContent).join(' | ')`,
        );
      const seen = new Map<string, string>();
      for (const round of ['first', 'second'])
        for (const name of names) {
          await goTo(name);
          await page
            .locator('.banner')
            .getByText(/Not live since \d\d:\d\d:\d\d/)
            .waitFor(PATIENTLY);
          if (round === 'first') {
            seen.set(name, await times());
            const dimmed = await page.evaluate<readonly string[]>(
              `[...document.querySelectorAll('main .number:not(.muted, .muted *)')].map((each) => getComputedStyle(each).color)`,
            );
            for (const ink of dimmed) expect([name, ink]).toEqual([name, expect.stringMatching(/\/ 0\.7\)$/)]);
          } else expect([name, await times()]).toEqual([name, seen.get(name)]);
        }
      expect(await axeProblems(page)).toEqual([]);
    } finally {
      await context.close();
      await link.stop();
    }
  });
});
