import type { Page } from 'playwright-core';
import type { Picture } from './picture.ts';

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
  { name: 'audit-log', path: '/audit-log', ready: (page) => page.getByText('user dana').first().waitFor() },
  { name: 'first-run', path: '/first-run', ready: (page) => page.getByText('You are').first().waitFor() },
];
