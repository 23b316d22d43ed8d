/** Approvals, users, one's own account, what each role sees, and where the focus goes. */
import type { BrowserContext, Cookie, Page } from 'playwright-core';
import type { Role } from '../../../src/people/roles.ts';
import { numberStops, walkByTab } from '../../support/focus-walk.ts';
import type { Picture, PictureSet } from './picture.ts';

/** A country is called for the first time once, and only then somebody is asked. */
const NUMBERS = ['493012345678', '390612345678', '34911234567', '31201234567', '41441234567', '43112345678'];
NUMBERS.push('4533123456', '46812345678', '4722123456', '48221234567', '35312345678', '358912345678');
let calls = 0;
let lastHeld = { id: '' };

/** A call of Reception that is held, opened in full. @returns its card */
async function heldCall(page: Page, { scene, people }: PictureSet, more: { readonly cancelAfterMs?: number } = {}) {
  const number = NUMBERS[calls++ % NUMBERS.length] ?? '';
  const asked = { from: '1002', destination: `011${number}`, timeoutMs: 280_000, ...more };
  void scene.stage.placeCall(asked).catch(() => undefined);
  const approval = await people.approvalOf(`+${number}`);
  lastHeld = approval;
  const card = page.locator(`#card-${approval.id}`);
  await card.waitFor();
  // One that has just moved takes no press.
  await page.waitForTimeout(600);
  for (let tries = 0; tries < 10 && (await card.getByRole('button', { name: 'Approve' }).count()) === 0; tries += 1) {
    await card.getByRole('button', { name: 'Review' }).click();
    await page.waitForTimeout(500);
  }
  await page.waitForTimeout(600);
  return { card, approval };
}

const passwords = new Map<Role, string>();
const ownersCookies = new WeakMap<BrowserContext, readonly Cookie[]>();

/** What somebody with this role alone sees there. */
const seenBy = (name: string, role: Role, path: string, ready: (page: Page) => Promise<unknown>): Picture => ({
  name,
  path: '/account',
  ready: async (page, { scene, url }) => {
    const context = page.context();
    ownersCookies.set(context, await context.cookies());
    let password = passwords.get(role);
    if (password === undefined) {
      ({ password } = await scene.ask<{ password: string }>('users', 'add', `one-${role}`, '--role', role));
      passwords.set(role, password);
    }
    await context.clearCookies();
    const body = { user: `one-${role}`, password };
    await context.request.post(`${url}/api/v1/session`, { data: body });
    await page.goto(url + path);
    await ready(page);
  },
  after: async (page) => {
    await page.context().clearCookies();
    await page.context().addCookies([...(ownersCookies.get(page.context()) ?? [])]);
  },
});

const walked = (name: string, path: string): Picture => ({
  name,
  path,
  only: 'desk',
  ready: async (page) => {
    await page.locator('main h1').waitFor();
    await page.waitForTimeout(1000);
    const stops = await walkByTab(page, 60);
    await page.evaluate('scrollTo(0, 0)');
    await numberStops(page, stops);
  },
});

export const PEOPLE_PICTURES: readonly Picture[] = [
  { name: 'users', path: '/users', ready: (page) => page.getByText('(you)').waitFor() },
  { name: 'user', path: '/users/of/dana', ready: (page) => page.getByText('Last seen').last().waitFor() },
  { name: 'user-new', path: '/users/new', ready: (page) => page.getByRole('checkbox', { name: 'Supervisor' }).check() },
  { name: 'api-keys', path: '/users?tab=keys', ready: (page) => page.getByText('No API keys').waitFor() },
  { name: 'account', path: '/account', ready: (page) => page.getByText('(this one)').waitFor() },
  seenBy('check-23-operator', 'operator', '/audit-log', (page) => page.getByRole('button', { name: 'Export' }).hover()),
  seenBy('check-23-supervisor', 'supervisor', '/audit-log', (page) => page.getByText('What did you decide?').waitFor()),
  seenBy('check-23-viewer', 'viewer', '/blocked-ips', (page) => page.getByText('192.0.2.77').first().waitFor()),
  seenBy('check-23-billing', 'billing', '/calls', (page) => page.locator('main h1').waitFor()),
  walked('check-24-focus-walk-rules', '/rules'),
  walked('check-24-focus-walk-blocked-ips', '/blocked-ips'),
  {
    name: 'approvals',
    path: '/approvals',
    ready: (page) => page.getByRole('button', { name: 'Approve' }).waitFor(),
  },
  {
    name: 'approvals-decided',
    path: '/approvals?tab=decided',
    ready: (page) => page.getByText('known customer').first().waitFor(),
  },
  {
    name: 'check-04-judged-with-a-thumb',
    path: '/approvals',
    only: 'phone',
    ready: (page, set) => heldCall(page, set),
    after: (_page, { people }) => people.decide('refuse', lastHeld),
  },
  {
    name: 'check-05-somebody-was-first',
    path: '/approvals',
    ready: async (page, set) => {
      const { card, approval } = await heldCall(page, set);
      // Kim decides while the press is on its way.
      await page.route('**/approve', async (route) => {
        await set.people.decide('refuse', approval, { reason: 'not a customer' });
        await route.continue();
      });
      await card.getByRole('button', { name: 'Approve' }).click();
      await card.getByText('Your Approve was not used.').waitFor();
    },
    after: (page) => page.unroute('**/approve'),
  },
  {
    name: 'check-06-the-caller-hung-up',
    path: '/approvals',
    ready: async (page, set) => {
      const { card } = await heldCall(page, set, { cancelAfterMs: 9000 });
      await card.getByText('The caller hung up after').waitFor();
    },
  },
  {
    name: 'check-07-refused-after-all',
    path: '/approvals',
    ready: async (page, set) => {
      const { card } = await heldCall(page, set);
      const rule = { id: 'reception-closed', appliesTo: { extensions: ['1002'] }, limits: [], action: 'block' };
      await set.scene.api('POST', '/api/v1/rules', rule);
      await card.getByRole('button', { name: 'Approve' }).click();
      await card.getByText('Refused after all:').waitFor();
    },
    after: (_page, { scene }) => scene.api('DELETE', '/api/v1/rules/reception-closed').catch(() => undefined),
  },
];
