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
];
