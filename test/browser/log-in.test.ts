/** Log-in, what each role sees of the frame, and what the page costs and asks for: in a real browser, on a real daemon. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { axeProblems, logInAs, openWindow, PHONE, startBrowser } from '../support/browser.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { addUser, codeOf, type TestUser } from '../support/people.ts';

const PATIENTLY = { timeout: 30_000 };
let tollgate: TestDaemon;
let browser: Browser;
let url: string;
let dana: TestUser;
/** Made by the first start. */
let owner = { name: '', password: '' };
const windows: Awaited<ReturnType<typeof openWindow>>[] = [];

/** A second try of a test has users of its own. */
let users = 0;
const fresh = (name: string): string => `${name}${++users}`;

const open = async (options: Parameters<typeof openWindow>[1] = {}) => {
  const opened = await openWindow(browser, options);
  windows.push(opened);
  return opened.page;
};

beforeAll(async () => {
  const announce = (made: typeof owner): void => {
    owner = made;
  };
  // So that a browser can come from an address that is not this machine's, as behind a proxy.
  const env = { TOLLGATE_HTTP__TRUSTED_PROXIES: '127.0.0.1' };
  [tollgate, browser] = await Promise.all([startTestDaemon({ announce, env }), startBrowser()]);
  url = `http://127.0.0.1:${tollgate.webPort}`;
  dana = await addUser(tollgate, 'dana', 'owner');
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

describe('log-in', () => {
  test('takes name, password and code, tells of nothing what was wrong, and leads to where somebody wanted to go', async () => {
    const page = await open();
    await page.goto(`${url}/health/parts/store`);
    await page.getByLabel('Name').fill('dana');
    await page.getByRole('textbox', { name: 'Password' }).fill('not her password');
    await page.getByLabel('Code of your app').fill('000000');
    expect(await axeProblems(page)).toEqual([]);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('alert').getByText('The name, password or code is wrong.').waitFor(PATIENTLY);

    await page.getByRole('textbox', { name: 'Password' }).fill(dana.password);
    await page.getByLabel('Code of your app').fill(codeOf(dana.secret ?? ''));
    await page.getByRole('button', { name: 'Log in' }).click();
    const drawer = page.getByRole('dialog', { name: 'Store' });
    await drawer.getByText('Nothing. It works.').waitFor(PATIENTLY);
    expect(await axeProblems(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.getByRole('heading', { name: 'Health', exact: true }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/health');
    await page.getByText('Live', { exact: true }).waitFor(PATIENTLY);
  });

  test('takes a backup code, and a log-in that is ended elsewhere asks again over the page and goes on there', async () => {
    const page = await open();
    await page.goto(`${url}/health`);
    await page.getByRole('button', { name: 'Use a backup code' }).click();
    await page.getByLabel('Name').fill('dana');
    await page.getByRole('textbox', { name: 'Password' }).fill(dana.password);
    await page.getByLabel('Backup code').fill(dana.backupCodes[0] ?? '');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('region', { name: 'Parts' }).waitFor(PATIENTLY);

    await tollgate.run(['users', 'logout', 'dana']);
    const again = page.getByRole('dialog', { name: 'Log in' });
    await again.waitFor(PATIENTLY);
    expect(await axeProblems(page)).toEqual([]);
    await again.getByRole('button', { name: 'Use a backup code' }).click();
    await again.getByRole('textbox', { name: 'Password' }).fill(dana.password);
    await again.getByLabel('Backup code').fill(dana.backupCodes[1] ?? '');
    await again.getByRole('button', { name: 'Log in' }).click();
    await again.waitFor({ state: 'detached', ...PATIENTLY });
    await page.getByRole('region', { name: 'Parts' }).waitFor();
  });

  test('says how many tries are left before the address is blocked, and for how long', async () => {
    const user = await addUser(tollgate, fresh('tries'), 'viewer');
    const page = await open();
    await page.context().setExtraHTTPHeaders({ 'x-forwarded-for': '203.0.113.77' });
    await page.goto(`${url}/health`);
    for (const left of ['4 tries', '3 tries', '2 tries', '1 try']) {
      await page.getByLabel('Name').fill(user.name);
      await page.getByRole('textbox', { name: 'Password' }).fill(`not his password, ${left}`);
      await page.getByRole('button', { name: 'Log in' }).click();
      await page.getByRole('alert').getByText(`${left} left before 203.0.113.77 is blocked for`).waitFor(PATIENTLY);
    }
    expect(await axeProblems(page)).toEqual([]);
    await page.getByRole('textbox', { name: 'Password' }).fill(user.password);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('region', { name: 'Parts' }).waitFor(PATIENTLY);
  });

  test('that is ended while somebody types is asked for over the page, and what was typed stays', async () => {
    const user = await addUser(tollgate, fresh('typing'), 'operator');
    const page = await open();
    await logInAs(page, user, { url: `${url}/allowed-ips/new` });
    const field = page.getByRole('dialog').getByRole('textbox', { name: 'Name', exact: true });
    await field.fill('Office of somebody who types');
    await tollgate.run(['users', 'logout', user.name]);
    const again = page.getByRole('dialog', { name: 'Log in' });
    await again.getByRole('textbox', { name: 'Password' }).fill(user.password, PATIENTLY);
    await again.getByRole('button', { name: 'Log in' }).click();
    await again.waitFor({ state: 'detached', ...PATIENTLY });
    expect(await field.inputValue()).toBe('Office of somebody who types');
    expect(new URL(page.url()).pathname).toBe('/allowed-ips/new');
  });

  test('warns two minutes before it ends for want of use, and stays when somebody says so', async () => {
    const idle = ['sessions.idle', '5m'] as const;
    expect((await tollgate.run(['settings', 'set', ...idle])).exitCode).toBe(0);
    const user = await addUser(tollgate, fresh('idle'), 'viewer');
    const page = await open();
    await page.clock.install();
    await logInAs(page, user, { url: `${url}/health` });
    await page.getByRole('region', { name: 'Parts' }).waitFor(PATIENTLY);
    const banner = page.locator('.banner');
    expect(await page.getByText('Nothing was done here for a while.').count()).toBe(0);
    // The clock of the browser alone; the daemon's goes on as it did.
    await page.clock.fastForward('03:10');
    await banner
      .getByText(/^Nothing was done here for a while\. Your log-in ends in 1:[0-5]\d\.$/)
      .first()
      .waitFor(PATIENTLY);
    expect(await axeProblems(page)).toEqual([]);
    await banner.getByRole('button').first().click();
    await page
      .getByText('Nothing was done here for a while.')
      .first()
      .waitFor({ state: 'detached', ...PATIENTLY });
    await tollgate.run(['settings', 'reset', 'sessions.idle']);
  });
});

describe('the first owner', () => {
  test('sees nothing but his account until he has a second factor, and then what is left to set up', async () => {
    const page = await open();
    await page.goto(`${url}/approvals`);
    await page.getByLabel('Name').fill(owner.name);
    await page.getByRole('textbox', { name: 'Password' }).fill(owner.password);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('heading', { name: 'Set up Tollgate' }).waitFor(PATIENTLY);
    expect(await page.getByRole('navigation').count()).toBe(0);

    await page.getByRole('button', { name: 'Make one' }).click();
    const password = (await page.locator('.copyable code').textContent()) ?? '';
    expect(password).toMatch(/^\w{24}$/);
    await page.getByRole('textbox', { name: 'Password you have' }).fill(owner.password);
    await page.getByRole('textbox', { name: 'New password again' }).fill(password);
    await page.getByRole('button', { name: 'Change password' }).click();

    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('img', { name: /^otpauth:/ }).waitFor(PATIENTLY);
    expect(await axeProblems(page)).toEqual([]);
    const secret = (await page.locator('.copyable code').textContent()) ?? '';
    await page.getByLabel('Code that the app shows now').fill(codeOf(secret));
    await page.getByRole('button', { name: 'Prove it' }).click();
    await page.getByRole('button', { name: 'I have stored them' }).waitFor(PATIENTLY);
    expect(await page.locator('.backup-codes li').count()).toBe(10);
    await page.getByRole('button', { name: 'I have stored them' }).click();

    await page.getByRole('heading', { name: 'Your address' }).waitFor(PATIENTLY);
    await page.getByRole('button', { name: 'Add to Allowed IPs' }).click();
    await page.getByText('It is allowed by “My address”').waitFor(PATIENTLY);
    for (const step of ['Asterisk', 'Dialplan', 'Test call', 'Who to call']) {
      await page.getByRole('button', { name: 'Next' }).click();
      await page.getByRole('heading', { name: step, exact: true }).waitFor(PATIENTLY);
      expect(await axeProblems(page)).toEqual([]);
    }
  });

  test('can change what is his own, and end his other log-ins', async () => {
    const user = await addUser(tollgate, fresh('own'), 'viewer');
    const [one, other] = [await open(), await open({ size: PHONE })];
    await logInAs(one, user, { url: `${url}/account` });
    await logInAs(other, user, { url: `${url}/account` });
    await other.getByRole('button', { name: 'End all others' }).click();
    await other.getByText('Ends 1 other log-in now.').waitFor(PATIENTLY);
    expect(await axeProblems(other)).toEqual([]);
    await other.getByRole('dialog').getByRole('button', { name: 'End all others' }).click();
    await one.getByRole('dialog', { name: 'Log in' }).waitFor(PATIENTLY);
  });
});

describe('the frame', () => {
  test.each([
    [
      'supervisor',
      // biome-ignore format: one menu, one line
      ['Dashboard', 'Approvals', 'Calls', 'Rules', 'Groups and trunks', 'Schedules', 'Alerts', 'Audit log'],
    ],
    [
      'viewer',
      // biome-ignore format: one menu, one line
      ['Dashboard', 'Approvals', 'Calls', 'Rules', 'Groups and trunks', 'Schedules', 'Allowed IPs', 'Blocked IPs', 'Alerts', 'Settings', 'Audit log', 'Health'],
    ],
    ['billing', ['Dashboard', 'Calls']],
  ] as const)('shows a %s his own menu, and no screen by its address that is not in it', async (role, menu) => {
    const user = await addUser(tollgate, fresh(role), role);
    const page = await open();
    await logInAs(page, user, { url: `${url}/rules` });
    const links = page.getByRole('navigation', { name: 'Menu' }).getByRole('link');
    expect(await links.allTextContents()).toEqual(menu);
  });

  test('is used by keyboard: jump to a screen by another name of it, list of keys, rows', async () => {
    const user = await addUser(tollgate, fresh('keys'), 'operator');
    const page = await open();
    await logInAs(page, user, { url: `${url}/audit-log` });
    await page.getByRole('region', { name: 'Audit log' }).getByRole('row').nth(2).waitFor(PATIENTLY);
    await page.keyboard.press('?');
    const keys = page.getByRole('dialog', { name: 'Keys' });
    await keys.getByText('Next row').waitFor();
    expect(await axeProblems(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await keys.waitFor({ state: 'detached' });
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: /^Entry \d+$/ }).waitFor(PATIENTLY);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached', ...PATIENTLY });

    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').fill('held');
    await page.getByRole('option', { name: 'Approvals' }).waitFor();
    expect(await axeProblems(page)).toEqual([]);
    await page.keyboard.press('Enter');
    await page.getByText('No call is waiting.').waitFor(PATIENTLY);
    await page.keyboard.press('g');
    await page.keyboard.press('h');
    await page.getByRole('heading', { name: 'Health', exact: true }).waitFor(PATIENTLY);
    // The link that was clicked has the same text: it is the heading that has to have the focus.
    const focused = () =>
      page.evaluate<string>('`${document.activeElement.tagName} ${document.activeElement.textContent}`');
    await expect.poll(focused, PATIENTLY).toBe('H1 Health');
    await page.getByRole('link', { name: 'Approvals' }).click();
    await expect.poll(focused, PATIENTLY).toBe('H1 Approvals');
  });

  test('asks nothing of anybody but the daemon, runs no script that is not its own, and reads on a phone and in the dark', async () => {
    const user = await addUser(tollgate, fresh('outside'), 'viewer');
    const page = await open({ size: PHONE, scheme: 'dark' });
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).origin));
    const [answer] = await Promise.all([page.waitForResponse(`${url}/health`), page.goto(`${url}/health`)]);
    const policy = answer.headers()['content-security-policy'] ?? '';
    expect(policy).toContain("script-src 'self';");
    expect(policy).not.toContain('unsafe');
    await logInAs(page, user, { url: `${url}/health` });
    await page.getByText('Everything is working.').waitFor(PATIENTLY);
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(PHONE.width);
    expect(await axeProblems(page)).toEqual([]);
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('dialog', { name: 'More' }).getByRole('link', { name: 'Audit log' }).waitFor();
    expect(await axeProblems(page)).toEqual([]);
    expect(new Set(asked)).toEqual(new Set([url]));
  });
});

describe('the built page', () => {
  const built = join(import.meta.dirname, '../../dist/page');
  interface Chunk {
    readonly file: string;
    readonly imports?: readonly string[];
    readonly css?: readonly string[];
  }

  test('is on the screen, approvals included, for at most 200 kB of script and 30 kB of styles; fonts are below 90 kB', () => {
    const manifest = JSON.parse(readFileSync(join(built, '.vite/manifest.json'), 'utf8')) as Record<string, Chunk>;
    const needed = new Set<string>();
    const need = (name: string): void => {
      if (needed.has(name)) return;
      needed.add(name);
      for (const each of manifest[name]?.imports ?? []) need(each);
    };
    need('index.html');
    need('screens/approvals/approvals-screen.tsx');
    const files = [...needed].flatMap((name) => {
      const { file = '', css = [] } = manifest[name] ?? {};
      return [file, ...css];
    });
    const kilobytes = (wanted: readonly string[]): number =>
      wanted.reduce((sum, file) => sum + statSync(join(built, file)).size, 0) / 1024;
    const packed = (ending: string) =>
      [...new Set(files)].filter((file) => file.endsWith(ending)).map((file) => `${file}.gz`);
    expect(kilobytes(packed('.js'))).toBeLessThan(200);
    expect(kilobytes(packed('.css'))).toBeLessThan(30);
    const fonts = Object.values(manifest).filter(({ file }) => file.endsWith('.woff2'));
    expect(fonts.length).toBe(3);
    expect(kilobytes(fonts.map(({ file }) => file))).toBeLessThan(90);
  });

  test('has files that browsers keep for ever, sent packed, and one document that they never keep', async () => {
    const document = await fetch(`${url}/approvals`);
    expect(document.headers.get('cache-control')).toBe('no-store');
    const [, script] = /src="(\/assets\/[^"]+\.js)"/.exec(await document.text()) ?? [];
    const asset = await fetch(`${url}${script}`, { headers: { 'accept-encoding': 'gzip' } });
    expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(asset.headers.get('content-encoding')).toBe('gzip');
    for (const path of [
      '/nowhere',
      '/assets/',
      '/assets/none.js',
      '/assets/..%2findex.html',
      '/assets/../../package.json',
    ])
      expect((await fetch(`${url}${path}`)).status).toBe(404);
  });
});
