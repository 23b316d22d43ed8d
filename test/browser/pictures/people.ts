import type { Picture } from './picture.ts';

export const PEOPLE_PICTURES: readonly Picture[] = [
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
  { name: 'users', path: '/users', ready: (page) => page.getByText('(you)').waitFor() },
  { name: 'user', path: '/users/of/dana', ready: (page) => page.getByText('Last seen').last().waitFor() },
  { name: 'api-keys', path: '/users?tab=keys', ready: (page) => page.getByText('No API keys').waitFor() },
  { name: 'account', path: '/account', ready: (page) => page.getByText('(this one)').waitFor() },
];
