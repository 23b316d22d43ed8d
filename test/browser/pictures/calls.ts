import { cdrCorpus } from '../../support/cdr-corpus.ts';
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
  {
    name: 'check-03-grey',
    path: '/calls',
    isGrey: true,
    // Five verdicts, as decisions of the day have them.
    ready: async (page) => {
      for (const word of ['Hold', 'Block', 'Alert', 'Wait'])
        await page.getByText(word, { exact: true }).first().waitFor();
    },
  },
  {
    name: 'check-13-why',
    path: '/calls?tab=refused',
    ready: async (page) => {
      await page.getByText('Block', { exact: true }).first().click();
      await page.getByRole('table').getByText('decided', { exact: true }).waitFor();
    },
  },
  {
    name: 'check-14-same-sentence',
    path: '/calls?tab=refused',
    only: 'desk',
    ready: async (page) => {
      await page.getByText('Block', { exact: true }).first().click();
      await page.getByRole('button', { name: 'Check the same call now' }).click();
      await page.getByText('The same call now:').waitFor();
    },
  },
  { name: 'calls-cost', path: '/calls?tab=cost', ready: (page) => page.getByText('What calls came to').waitFor() },
  {
    name: 'rules-replay',
    path: '/rules?tab=replay',
    ready: async (page) => {
      const lines = [...cdrCorpus({ seed: 42, records: 6000, recordsPerDay: 1000 }).lines, ''];
      const buffer = Buffer.from(lines.join('\n'));
      await page.getByLabel('Call records').last().setInputFiles({ name: 'Master.csv', mimeType: 'text/csv', buffer });
      await page.getByRole('radio', { name: /shadow rules are enforced/ }).check();
      await page.getByRole('button', { name: 'Replay', exact: true }).click();
      await page.getByText('What would have happened').waitFor({ timeout: 60_000 });
    },
    after: async (page) => {
      await page.getByRole('button', { name: 'Forget the file' }).click();
      await page.getByText('or drop it here').waitFor();
    },
  },
  { name: 'calls-patterns', path: '/calls?tab=patterns', ready: (page) => page.getByText('Hold').first().waitFor() },
];
