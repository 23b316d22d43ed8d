import type { Picture } from './picture.ts';

export const CALLS_PICTURES: readonly Picture[] = [
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
];
