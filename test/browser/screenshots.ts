/**
 * `npm run screenshots [-- NAME…] [-- --all]`: pictures of every screen into docs/screenshots, light on a desk and dark on a phone
 * (`--all`: the other way round as well), from a real daemon with real calls. To be looked at, and not compared.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { DIALPLAN } from '../../src/demo/story.ts';
import { createApprovalsClient, PATIENT } from '../support/approvals-client.ts';
import { DESKTOP, logInAs, openWindow, PHONE, startBrowser } from '../support/browser.ts';
import { setup as buildPage } from '../support/build-page.ts';
import { fillWithBans } from '../support/page-bans.ts';
import { codeOf } from '../support/people.ts';
import { startScene } from '../support/scene.ts';

interface Picture {
  readonly name: string;
  readonly path: string;
  /** What has to be on the screen before it is taken, and may be done for it. */
  readonly ready: (page: Page) => Promise<unknown>;
}

/** Every screen has a line here. */
const PICTURES: readonly Picture[] = [
  { name: 'dashboard', path: '/', ready: (page) => page.getByText(/stopped in 60 minutes/).waitFor() },
  { name: 'calls', path: '/calls', ready: (page) => page.getByText('Hold').first().waitFor() },
  {
    name: 'calls-why',
    path: '/calls',
    ready: async (page) => {
      await page.getByText('Hold').first().click();
      await page.getByRole('heading', { name: 'Why this call?' }).waitFor();
    },
  },
  { name: 'calls-patterns', path: '/calls?tab=patterns', ready: (page) => page.getByText('Hold').first().waitFor() },
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
  { name: 'rules', path: '/rules', ready: (page) => page.getByText('International').first().waitFor() },
  {
    name: 'rules-form',
    path: '/rules/edit/ask',
    ready: (page) => page.getByText('No emergency number is touched.').waitFor(),
  },
  {
    name: 'rules-templates',
    path: '/rules?tab=templates',
    ready: (page) => page.getByRole('heading', { name: 'Starter packs against toll fraud' }).waitFor(),
  },
  { name: 'members', path: '/members', ready: (page) => page.getByText('1001').first().waitFor() },
  {
    name: 'members-extension',
    path: '/members/edit/extensions/1001',
    ready: (page) => page.getByRole('dialog').getByText('Advanced › IP Restrictions').waitFor(),
  },
  {
    name: 'schedule',
    path: '/schedules/edit/after-hours',
    ready: (page) => page.getByText('There is no gap between').waitFor(),
  },
  {
    name: 'health',
    path: '/health',
    ready: (page) => page.getByRole('heading', { name: /working|not work/ }).waitFor(),
  },
  {
    name: 'health-part',
    path: '/health/parts/store',
    ready: (page) => page.getByRole('dialog').getByText('What to do').waitFor(),
  },
  {
    name: 'doctor',
    path: '/health?tab=doctor',
    ready: (page) => page.getByText('Run again').waitFor(),
  },
  { name: 'users', path: '/users', ready: (page) => page.getByText('(you)').waitFor() },
  { name: 'user', path: '/users/of/dana', ready: (page) => page.getByText('Last seen').last().waitFor() },
  { name: 'api-keys', path: '/users?tab=keys', ready: (page) => page.getByText('No API keys').waitFor() },
  { name: 'alerts', path: '/alerts?state=all', ready: (page) => page.getByText('Acknowledge').first().waitFor() },
  {
    name: 'alert-channels',
    path: '/alerts?tab=channels',
    ready: (page) => page.getByText('Given up').first().waitFor(),
  },
  ...['admin-access', 'auto-ban', 'ddos', 'portal', 'countries', 'numbers', 'rates', 'branding'].map((section) => ({
    name: `settings-${section}`,
    path: `/settings/${section}`,
    ready: (page: Page) => page.locator('.settings-section .stack').first().waitFor(),
  })),
  {
    name: 'allowed-ips',
    path: '/allowed-ips',
    ready: (page) => page.getByText('You are').waitFor(),
  },
  {
    name: 'allowed-ips-new',
    path: '/allowed-ips/new?value=203.0.113.0/24',
    ready: (page) => page.getByText('256 addresses').waitFor(),
  },
  {
    name: 'blocked-ips',
    path: '/blocked-ips',
    ready: (page) => page.getByText('192.0.2.140').first().waitFor(),
  },
  {
    name: 'blocked-ips-why',
    path: '/blocked-ips/192.0.2.140',
    ready: (page) => page.getByRole('dialog').getByText('Evidence').waitFor(),
  },
  {
    name: 'blocked-ips-history',
    path: '/blocked-ips?tab=history',
    ready: (page) => page.getByText('198.51.100.64/26').waitFor(),
  },
  { name: 'audit-log', path: '/audit-log', ready: (page) => page.getByText('user dana').first().waitFor() },
  { name: 'account', path: '/account', ready: (page) => page.getByText('(this one)').waitFor() },
  { name: 'first-run', path: '/first-run', ready: (page) => page.getByText('You are').first().waitFor() },
];

const ALL_LOOKS = [
  { name: 'desk-light', size: DESKTOP, scheme: 'light', isUsual: true },
  { name: 'desk-dark', size: DESKTOP, scheme: 'dark', isUsual: false },
  { name: 'phone-light', size: PHONE, scheme: 'light', isUsual: false },
  { name: 'phone-dark', size: PHONE, scheme: 'dark', isUsual: true },
] as const;

const POLICY = `timezone: America/New_York
schedules:
  after-hours:
    name: After hours
    windows:
      - { days: [mon, tue, wed, thu, fri], from: "18:00", to: "08:00" }
      - { days: [sat], from: "00:00", to: "24:00" }
      - { days: [sun], from: "00:00", to: "08:00", nextDay: true }
rules:
  - { id: ask, name: International, limits: [], action: approve, approval: { timeout: 300s } }`;

const folder = join(import.meta.dirname, '../../docs/screenshots');
const wanted = process.argv.slice(2).filter((word) => word !== '--all');
const looks = ALL_LOOKS.filter(({ isUsual }) => isUsual || process.argv.includes('--all'));
const pictures = PICTURES.filter(({ name }) => wanted.length === 0 || wanted.includes(name));

async function main(): Promise<void> {
  await mkdir(folder, { recursive: true });
  await buildPage();
  const [scene, browser] = await Promise.all([
    startScene({ phones: ['1001', '2044'], dialplan: DIALPLAN, connected: '', tollgateEnv: PATIENT }),
    startBrowser(),
  ]);
  try {
    await scene.apply(POLICY);
    await fillWithBans({ stateDir: scene.tollgate.stateDir });
    const { password } = await scene.ask<{ readonly password: string }>('users', 'add', 'dana', '--role', 'owner');
    const { secret } = await scene.ask<{ readonly secret: string }>('users', 'totp', 'dana');
    await scene.ask('users', 'totp', 'dana', '--code', codeOf(secret, -1));
    const [, port] = /"http":"127\.0\.0\.1:(\d+)"/.exec(await scene.tollgate.log()) ?? [];
    const url = `http://127.0.0.1:${port}`;
    const place = (from: string, destination: string) =>
      void scene.stage.placeCall({ from, destination, timeoutMs: 280_000 }).catch(() => undefined);
    const people = createApprovalsClient(scene.tollgate.stateDir, 'kim');
    place('1001', '15550100001');
    await people.decide('approve', await people.approvalOf('15550100001'), { reason: 'known customer' });
    place('1001', '15550100147');
    place('2044', '15550100018');
    await people.approvalOf('15550100147');
    await people.approvalOf('15550100018');

    // A code is good once, so there is one log-in for all windows.
    const first = await openWindow(browser);
    await logInAs(first.page, { name: 'dana', password, secret }, { url: `${url}/health` });
    const cookies = await first.context.cookies();
    await first.context.close();
    for (const look of looks) {
      const { page, context } = await openWindow(browser, look);
      await context.addCookies(cookies);
      for (const { name, path, ready } of pictures) {
        await page.goto(url + path);
        await ready(page);
        // What comes after the first paint: fonts, and parts that are loaded by themselves.
        await page.evaluate('document.fonts.ready');
        await page.waitForTimeout(500);
        await page.screenshot({ path: join(folder, `${name}-${look.name}.png`) });
        console.log(`${name}-${look.name}`);
      }
      await context.close();
      const { page: outside, context: nobody } = await openWindow(browser, look);
      if (wanted.length === 0 || wanted.includes('log-in')) {
        await outside.goto(url);
        await outside.getByRole('button', { name: 'Log in' }).waitFor();
        await outside.screenshot({ path: join(folder, `log-in-${look.name}.png`) });
        console.log(`log-in-${look.name}`);
      }
      await nobody.close();
    }
  } finally {
    await browser.close();
    await scene.stop();
  }
}

await main();
