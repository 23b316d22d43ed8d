import type { Page } from 'playwright-core';
import { startTcpLink, type TcpLink } from '../../support/tcp-link.ts';
import type { Picture } from './picture.ts';

let link: TcpLink | undefined;

export const DESK_PICTURES: readonly Picture[] = [
  { name: 'dashboard', path: '/', ready: (page) => page.getByText(/stopped in 60 minutes/).waitFor() },
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
    name: 'check-02-not-live',
    path: '/blocked-ips',
    ready: async (page, { url }) => {
      // Of all that a browser can be told, nothing ends a stream that it reads.
      link = await startTcpLink(Number(new URL(url).port));
      await page.goto(`http://127.0.0.1:${link.port}/blocked-ips`);
      await page.getByText('192.0.2.140').first().waitFor();
      link.cut();
      await page
        .locator('.banner')
        .getByText(/Not live since/)
        .waitFor({ timeout: 60_000 });
    },
    after: () => link?.stop() ?? Promise.resolve(),
  },
  {
    name: 'check-17-not-covered',
    path: '/settings/admin-access',
    ready: async (page) => {
      await page.getByRole('switch', { name: 'Restrict Admin Access by IP' }).click();
      await page.getByText('You are 127.0.0.1: covered.').waitFor();
      await page.getByRole('textbox', { name: 'IP Address/Range' }).fill('203.0.113.0/24');
      await page.getByRole('button', { name: 'Add IP Range' }).click();
      await page.getByRole('button', { name: 'Remove 127.0.0.1' }).click();
      await page.getByText('You are 127.0.0.1: not covered.').waitFor();
    },
    after: (page) => page.getByRole('button', { name: 'Discard' }).click(),
  },
  {
    name: 'check-22-test-call-seen',
    path: '/first-run',
    ready: async (page, { place }) => {
      const next = page.getByRole('button', { name: 'Next' });
      for (const step of ['Asterisk', 'Dialplan', 'Test call']) {
        await next.click();
        await page.getByRole('heading', { name: step, exact: true }).waitFor();
      }
      place('1002', '12125550147');
      await page.getByText('Call seen').waitFor({ timeout: 60_000 });
      await page.getByText(/^Decided in/).waitFor();
    },
    after: async (page) => {
      for (let step = 0; step < 3; step++) await page.getByRole('button', { name: 'Back' }).click();
    },
  },
  { name: 'audit-log', path: '/audit-log', ready: (page) => page.getByText('Verify chain').waitFor() },
  { name: 'first-run', path: '/first-run', ready: (page) => page.getByText('You are').first().waitFor() },
];
