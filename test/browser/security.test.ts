/**
 * What strangers can write into the system, shown in a real browser on every screen: as text, and as nothing else. And what a
 * role may not have: neither in the menu, nor by its address, nor behind a button.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ENTRIES, entriesFor } from '../../src/page/frame/menu.ts';
import { permissionsOf, type Role } from '../../src/people/roles.ts';
import { logInAs, openWindow, startBrowser } from '../support/browser.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { type Stop, walkByTab } from '../support/focus-walk.ts';
import { fillWithData, NASTY } from '../support/page-data.ts';
import { addUser, logIn, request, type TestUser } from '../support/people.ts';

const PATIENTLY = { timeout: 30_000 };
const ATTACKER = '198.51.100.99';
const NASTY_AGENT = `friendly-scanner ${NASTY}`;
/** Rows are alike; what is behind so many stops is another row. */
const MOST_STOPS = 40;
let walkers = 0;
let tollgate: TestDaemon;
let browser: Browser;
let url: string;
let dana: TestUser;
const windows: Awaited<ReturnType<typeof openWindow>>[] = [];
const users = new Map<Role, TestUser>();

/** Told by the browser when it kept the page from something. */
const LISTEN = `window.violations = [];
  addEventListener('securitypolicyviolation', (event) => window.violations.push(event.violatedDirective + ' ' + event.blockedURI));`;

async function open(user: Pick<TestUser, 'name' | 'password' | 'secret'>, path: string): Promise<Page> {
  const opened = await openWindow(browser);
  windows.push(opened);
  await opened.page.addInitScript(LISTEN);
  opened.page.on('dialog', (dialog) => {
    throw new Error(`a script of a stranger ran: ${dialog.message()}`);
  });
  await logInAs(opened.page, user, { url: url + path });
  return opened.page;
}

/** Goes there as a link would, without loading the page anew. */
async function goTo(page: Page, path: string): Promise<void> {
  await page.evaluate(
    `history.pushState(null, '', ${JSON.stringify(path)}); dispatchEvent(new PopStateEvent('popstate'))`,
  );
  await page.locator('main h1, main .state').first().waitFor(PATIENTLY);
  await expect.poll(() => page.locator('main [aria-busy="true"], main .loading').count(), PATIENTLY).toBe(0);
}

/** What is read on it, and what stands in its fields. */
const textOf = (page: Page): Promise<string> =>
  page.evaluate<string>(
    "document.body.innerText + [...document.querySelectorAll('input')].map(({ value }) => value).join(' ')",
  );

beforeAll(async () => {
  const env = { TOLLGATE_HTTP__TRUSTED_PROXIES: '127.0.0.1' };
  [tollgate, browser] = await Promise.all([startTestDaemon({ env }), startBrowser()]);
  url = `http://127.0.0.1:${tollgate.webPort}`;
  await fillWithData(tollgate);
  dana = await addUser(tollgate, 'dana', 'owner');
  for (const role of ['operator', 'supervisor', 'viewer', 'billing'] as const)
    users.set(role, await addUser(tollgate, role, role));
  // What a browser calls itself, names that were guessed, and the name of the product.
  await logIn(tollgate.webPort, userOf('operator'), { 'user-agent': NASTY_AGENT });
  for (let tries = 0; tries < 5; tries++)
    await request(
      tollgate.webPort,
      'POST',
      'session',
      { user: NASTY.slice(0, 12 + tries), password: 'x' },
      {
        'x-forwarded-for': ATTACKER,
      },
    );
  await tollgate.run(['allow', 'add', '203.0.113.200', '--name', `Home ${NASTY}`]);
  await tollgate.run(['settings', 'set', 'branding.name', `Acme ${NASTY}`]);
});
afterEach(async () => {
  for (const { page, context, problems } of windows.splice(0)) {
    expect(problems).toEqual([]);
    expect(await page.evaluate('window.violations')).toEqual([]);
    await context.close();
  }
});
afterAll(async () => {
  await browser.close();
  await tollgate.stop();
});

function userOf(role: Role): TestUser {
  const user = users.get(role);
  if (user === undefined) throw new Error(`nobody is ${role}`);
  return user;
}

describe('what strangers wrote', () => {
  test('is text on every screen: nothing of it runs, loads, or becomes part of the page', async () => {
    const page = await open(dana, '/');
    await expect.poll(() => page.title()).toContain(NASTY);
    await page.locator('.top-bar, header').first().getByText(NASTY).waitFor(PATIENTLY);
    // Where it has to be seen, or nothing would be tested.
    const shows = ['/calls', '/members?tab=groups', '/blocked-ips', `/blocked-ips/${ATTACKER}`, '/allowed-ips'];
    shows.push('/users/operator', '/settings/branding', '/audit-log');
    const others = ['/calls?tab=refused', '/calls?tab=pattern', '/approvals?tab=decided', '/blocked-ips?tab=history'];
    for (const path of new Set([...shows, ...others, '/account', ...ENTRIES.map(({ path: each }) => each)])) {
      await goTo(page, path);
      if (shows.includes(path))
        await expect.poll(() => textOf(page), { ...PATIENTLY, message: path }).toContain('<img');
      expect(await page.locator('img[src="x"], [onerror]').count(), path).toBe(0);
    }
  });
});

describe('whoever logs in', () => {
  test.each(['/health?next=https://evil.example/&return=//evil.example', '/health#//evil.example'])(
    'at %s stays with the daemon',
    async (path) => {
      const page = await open(userOf('viewer'), path);
      await page.getByRole('heading', { name: 'Health', exact: true }).waitFor(PATIENTLY);
      expect(new URL(page.url()).origin).toBe(url);
    },
  );

  test('is led nowhere by an address that looks like one of somewhere else', async () => {
    for (const path of ['//evil.example/', '/\\evil.example', '/https://evil.example']) {
      const answer = await fetch(url + path, { redirect: 'manual' });
      expect([answer.status, answer.headers.get('location')], path).toEqual([404, null]);
    }
  });
});

describe('whoever has no mouse', () => {
  test('goes through every screen in the order of the page, sees where he is, and nothing lies over it', async () => {
    // A code is good once.
    const page = await open(await addUser(tollgate, `walker${++walkers}`, 'owner'), '/account');
    let stops = 0;
    for (const { path } of ENTRIES) {
      await goTo(page, path);
      // A screen that is entered takes the focus to its heading.
      const entered = 'document.activeElement?.tagName + location.pathname';
      await expect.poll(() => page.evaluate<string>(entered), PATIENTLY).toBe(`H1${path}`);
      let walk: readonly Stop[] = [];
      const wrong = async (): Promise<readonly string[]> => {
        walk = await walkByTab(page, MOST_STOPS);
        return walk.flatMap((stop, at) =>
          problemsOf(stop).map((problem) => `${path} ${at + 1}: ${stop.what}: ${problem}`),
        );
      };
      // What comes in during a walk moves what is walked over; once all of it is there, a walk has to find nothing.
      await expect.poll(wrong, PATIENTLY).toEqual([]);
      stops += walk.length;
    }
    expect(stops).toBeGreaterThan(100);
  });
});

const problemsOf = ({ isShown, isCovered, isBackwards }: Stop): readonly string[] => [
  ...(isShown ? [] : ['has no ring']),
  ...(isCovered ? ['is covered'] : []),
  ...(isBackwards ? ['stands before the one before'] : []),
];

/** What changes something, by the words on it; `Block 21` is a legend. */
const CHANGES = /^(\+ ?Add|Add |Unblock|Block (?!\d)|Delete|Remove|Save|Approve|Refuse|End|New |Import|Reset|Switch)/;

describe('a role', () => {
  test.each(['operator', 'supervisor', 'viewer', 'billing'] as const)(
    '%s: what it lacks is neither in the menu, nor behind the address, nor fetched',
    async (role) => {
      const page = await open(userOf(role), '/account');
      const refused: string[] = [];
      page.on('response', (answer) => {
        if (answer.status() === 403 && answer.url().includes('/api/')) refused.push(answer.url());
      });
      const session = { roles: [role], permissions: [...permissionsOf(role)] };
      const may = new Set(entriesFor(session).map(({ path }) => path));
      const links = page.getByRole('navigation', { name: 'Menu' }).getByRole('link');
      const inMenu = await Promise.all((await links.all()).map((link) => link.getAttribute('href')));
      expect(new Set(inMenu)).toEqual(may);
      for (const { path, needs } of ENTRIES) {
        await goTo(page, path);
        const main = page.locator('main');
        // Of the settings, whoever sees costs sees the rate sheet.
        const isPartly = path === '/settings' && session.permissions.includes('reports:read');
        if (!session.permissions.includes(needs) && !isPartly) {
          await main.getByText(`Your role, ${role}, does not show this screen.`).waitFor(PATIENTLY);
          expect(await main.getByRole('table').count(), path).toBe(0);
        }
        if (role !== 'viewer' && role !== 'billing') continue;
        const buttons = main.getByRole('button', { name: CHANGES, disabled: false });
        // The screen before may still stand there; what comes with the data comes a little later.
        await expect.poll(() => buttons.allTextContents(), { ...PATIENTLY, message: path }).toEqual([]);
        await page.waitForTimeout(300);
        expect(await buttons.allTextContents(), path).toEqual([]);
      }
      // The page asks for nothing that it would not be given.
      expect(refused).toEqual([]);
    },
  );
});
