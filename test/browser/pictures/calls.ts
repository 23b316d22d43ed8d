import { placeAgiCall } from '../../support/agi-call.ts';
import { cdrCorpus } from '../../support/cdr-corpus.ts';
import type { Picture, PictureSet } from './picture.ts';

/** A call of each verdict that is written down, all of them newer than everything else. */
async function placeOneOfEach({ scene, people, place }: PictureSet): Promise<void> {
  const port = scene.tollgate.agiPort;
  const ask = (extension: string, destination: string, trunk = 'carrier-a') =>
    placeAgiCall(port, { extension, destination, trunk, source: '198.51.100.12' });
  for (let at = 0; at < 8; at += 1) await ask(String(3001 + at), `1305555${2000 + at}`);
  await Promise.all(Array.from({ length: 14 }, (_, at) => ask(String(3101 + at), `1646555${3000 + at}`, 'carrier-b')));
  for (let at = 0; at < 6; at += 1) await ask('2012', `1212555${4000 + at}`);
  const held = `3221234567${heldNumbers++}`;
  place('1002', `011${held}`);
  await people.decide('refuse', await people.approvalOf(`+${held}`));
}

let heldNumbers = 0;

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
    only: 'desk',
    isGrey: true,
    // Five verdicts, as decisions of the day have them.
    ready: async (page, set) => {
      await placeOneOfEach(set);
      await page.reload();
      for (const word of ['Hold', 'Block', 'Alert', 'Wait'])
        await page.getByText(word, { exact: true }).first().waitFor();
    },
  },
  {
    name: 'check-13-why',
    path: '/calls?tab=refused',
    only: 'desk',
    ready: async (page) => {
      // The sixth call of that extension in a minute, above: of a rule, and not of a ban.
      await page.getByRole('row', { name: /2012/ }).first().getByText('Block', { exact: true }).click();
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
