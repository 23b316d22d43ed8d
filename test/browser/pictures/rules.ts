import type { Picture } from './picture.ts';

export const RULES_PICTURES: readonly Picture[] = [
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
];
