import { logInAs, openWindow } from '../../support/browser.ts';
import { BY_V4, BY_V6, startFirewalledPage } from '../../support/firewalled-page.ts';
import { fillWithBans } from '../../support/page-bans.ts';
import { addUser } from '../../support/people.ts';
import type { Picture } from './picture.ts';

export const ADDRESSES_PICTURES: readonly Picture[] = [
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
    name: 'check-16-allow-entry',
    path: '/allowed-ips',
    ready: (page) => page.getByText('You are').waitFor(),
    // Where phones are registered, and the one who looks comes from the same network.
    elsewhere: async (look) => {
      const scene = await startFirewalledPage();
      await scene.run(['allow', 'add', '10.77.0.128/25', '--name', 'Annex', '--no-exempt']);
      const { page } = await openWindow(scene.browser, look);
      const url = `${BY_V4.url}/allowed-ips/new?value=10.77.0.0/24`;
      await logInAs(page, await addUser(scene, 'dana', 'owner'), { url });
      await page.getByRole('textbox', { name: 'Name' }).fill('Office');
      await page.getByText('Contains your address ✓').waitFor();
      await page.getByText('Annex').first().waitFor();
      return { page, close: scene.stop };
    },
  },
  {
    name: 'check-18-default-deny',
    path: '/settings/portal',
    ready: (page) => page.locator('.settings-section').waitFor(),
    elsewhere: async (look) => {
      const scene = await startFirewalledPage();
      await scene.run(['allow', 'add', 'fd77::/64', '--name', 'Office']);
      const { page } = await openWindow(scene.browser, look);
      await logInAs(page, await addUser(scene, 'dana', 'owner'), { url: `${BY_V6.url}/settings/portal` });
      await page.getByRole('button', { name: 'Close these ports…' }).click();
      await page.getByRole('dialog').getByText('3 registered phones').waitFor();
      await page.getByRole('dialog').getByRole('button', { name: 'Close ports', exact: true }).click();
      await page.getByText('You still reach Tollgate').waitFor({ timeout: 60_000 });
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      return { page, close: scene.stop };
    },
  },
  {
    name: 'check-19-blocked-ips',
    path: '/blocked-ips',
    ready: async (page) => {
      for (const address of ['192.0.2.140', '198.51.100.64/26'])
        await page.getByRole('checkbox', { name: `Select ${address}` }).check();
    },
  },
  {
    name: 'check-20-evidence',
    path: '/blocked-ips/192.0.2.140',
    ready: (page) => page.getByRole('dialog').getByText('Evidence').scrollIntoViewIfNeeded(),
  },
  {
    name: 'check-21-bulk-unblock',
    path: '/blocked-ips?search=100.64.0.0%2F16',
    only: 'desk',
    ready: async (page, { scene }) => {
      await fillWithBans({ stateDir: scene.tollgate.stateDir }, { many: 412, isMore: true });
      // The daemon follows its store.
      await page.waitForTimeout(2000);
      await page.reload();
      await page.getByText('100 shown').waitFor();
      await page.getByRole('checkbox', { name: 'Select all that are shown' }).check();
      await page.getByRole('button', { name: 'Select all 412 that match' }).click();
      await page.getByRole('button', { name: 'Unblock 412…' }).click();
      let pieces = 0;
      // The last piece does not come, so that how far it is can be seen.
      await page.route('**/api/v1/bans/lift', (route) => {
        pieces += 1;
        return pieces < 5 ? route.continue() : undefined;
      });
      await page.getByRole('dialog').getByRole('button', { name: 'Unblock 412' }).click();
      await page.getByText('400 of 412').waitFor();
    },
    after: async (page, { scene }) => {
      await page.unrouteAll({ behavior: 'ignoreErrors' });
      const left = await scene.ask<readonly { readonly address: string }[]>(
        ...['bans', 'list', '--search', '100.64.0.0/16', '--limit', '1000'],
      );
      if (left.length > 0) await scene.ask('bans', 'lift', ...left.map(({ address }) => address));
    },
  },
  {
    name: 'blocked-ips-leave-alone',
    path: '/blocked-ips/192.0.2.140',
    ready: async (page) => {
      await page.getByRole('dialog').getByRole('button', { name: 'Unblock' }).click();
      await page.getByRole('radio', { name: 'Unblock and leave alone for' }).check();
    },
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
    ready: (page) => page.getByText('SIP registration').first().waitFor(),
  },
];
