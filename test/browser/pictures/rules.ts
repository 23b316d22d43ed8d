import type { Page } from 'playwright-core';
import { placeAgiCall } from '../../support/agi-call.ts';
import { createSipPhone } from '../../support/sip-phone.ts';
import type { Picture, PictureSet } from './picture.ts';

/** Thirty calls a minute for the call centre: for each of its extensions, unless something else is chosen. */
async function callCentre(page: Page): Promise<void> {
  await page.getByLabel('Rule Name').fill('Call centre, 30 a minute');
  await page.getByRole('combobox', { name: 'Apply To' }).selectOption('Extension Groups');
  await page.getByRole('combobox', { name: 'Extension Groups' }).click();
  await page.getByRole('option', { name: 'Call centre' }).click();
  await page.keyboard.press('Escape');
  await page.getByLabel('Calls', { exact: true }).fill('30');
  await page.getByText('each extension, 30/1m for each of').waitFor();
  await page.getByText('Would have hit, last 7 days').waitFor();
}

const ALL_PARTS = JSON.stringify({
  name: 'First calls of Staff',
  appliesTo: { groups: ['staff'], destinations: ['international'] },
  limits: ['7/7d'],
  counting: 'rolling',
  minutes: { soft: '120/1d', hard: '240/1d' },
  giveBackOn: ['busy', 'failed'],
  firstCallTo: { what: 'country', within: '90d' },
  lockout: { after: 5, within: '24h' },
});
const addRule = (set: PictureSet, id: string, fields: string) =>
  set.scene.tollgate.run(['rules', 'add', id, '--file', '-'], fields);
const removeRule = (set: PictureSet, id: string) => set.scene.tollgate.run(['rules', 'remove', id]);

const WEEK = ['mon-fri 18:00-08:00', 'sat 00:00-24:00', 'sun 00:00-08:00+1'].flatMap((window) => ['--window', window]);

export const RULES_PICTURES: readonly Picture[] = [
  { name: 'rules', path: '/rules', ready: (page) => page.getByText('International').first().waitFor() },
  {
    name: 'rules-form',
    path: '/rules/edit/ask',
    ready: (page) => page.getByText('No emergency number is touched.').waitFor(),
  },
  {
    name: 'rules-form-more',
    path: '/rules',
    ready: async (page, set) => {
      await addRule(set, 'all-parts', ALL_PARTS);
      await page.goto(`${set.url}/rules/edit/all-parts`);
      await page.getByText('At 240 minutes within 1 day').waitFor();
      await page.getByLabel('Minutes of talk, tell at').scrollIntoViewIfNeeded();
      await page
        .getByText('Lock after refusals')
        .first()
        .evaluate('(part) => part.scrollIntoView({ block: "center" })');
    },
    after: (_page, set) => removeRule(set, 'all-parts'),
  },
  { name: 'check-08-each-or-all', path: '/rules/new', ready: callCentre },
  {
    name: 'check-09-worst-case-and-hits',
    path: '/rules/edit/staff',
    ready: (page) => page.getByText('Would have hit, last 7 days').waitFor(),
  },
  {
    name: 'check-10-add-and-remove',
    path: '/rules/new',
    ready: async (page) => {
      for (const [at, number, unit] of [
        [1, '100', 'h'],
        [2, '600', 'd'],
      ] as const) {
        await page.getByRole('button', { name: 'Add a call limit' }).press('Enter');
        await page.keyboard.type(number);
        await page.getByLabel('Period', { exact: true }).nth(at).selectOption(unit);
      }
      await page.getByRole('button', { name: 'Remove limit 2' }).press('Enter');
      await page.locator('input[aria-label="Calls"]:focus').waitFor();
    },
  },
  {
    name: 'check-11-emergency-number',
    path: '/rules',
    ready: async (page, set) => {
      await set.scene.ask('destinations', 'set', 'expensive', '--prefixes', '91,+53');
      await page.goto(`${set.url}/rules/new`);
      await page.getByLabel('Rule Name').fill('Expensive numbers');
      await page.getByRole('combobox', { name: 'Apply To' }).selectOption('Destinations');
      await page.getByRole('combobox', { name: 'Destinations' }).fill('expensive');
      await page.keyboard.press('Enter');
      await page.keyboard.press('Escape');
      await page.getByText('This rule would limit 911.').waitFor();
    },
    after: (_page, set) => set.scene.ask('destinations', 'remove', 'expensive'),
  },
  {
    name: 'check-15-import',
    path: '/rules/import',
    ready: async (page) => {
      const csv = 'Name,Restrictions\nOffice,5/1/second\nSales,200/10/fortnight\nSupport,ten a minute\n';
      await page
        .getByLabel('CSV file')
        .last()
        .setInputFiles({ name: 'limits.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) });
      await page.getByText('Nothing is imported until all lines are right.').waitFor();
    },
  },
  {
    name: 'rules-templates',
    path: '/rules?tab=templates',
    ready: (page) => page.getByRole('heading', { name: 'Starter packs against toll fraud' }).waitFor(),
  },
  {
    name: 'rules-pack',
    path: '/rules?tab=templates',
    ready: async (page) => {
      await page.getByRole('button', { name: 'Look at it: An office of up to some fifty people' }).click();
      await page.getByRole('dialog').getByText('Time zone').waitFor();
    },
  },
  {
    name: 'members',
    path: '/members',
    ready: async (page, set) => {
      const { phones, sipPort } = set.scene.stage.asterisk;
      const password = phones['1002'] ?? '';
      const phone = await createSipPhone({ user: '1002', password, address: '127.0.0.2', sipPort });
      await phone.register();
      await page.reload();
      await page.getByText('127.0.0.2').first().waitFor();
      phone.close();
    },
  },
  {
    name: 'members-extension',
    path: '/members/edit/extensions/1002',
    ready: (page) => page.getByRole('dialog').getByText('Advanced › IP Restrictions').waitFor(),
  },
  {
    name: 'members-lock',
    path: '/members',
    ready: async (page, set) => {
      await addRule(
        set,
        'one-strike',
        '{"appliesTo":{"extensions":["2011"],"destinations":["premium"]},"lockout":{"after":1,"within":"1h"}}',
      );
      const call = { extension: '2011', destination: '19005550123', trunk: 'carrier-a', source: '198.51.100.8' };
      await placeAgiCall(set.scene.tollgate.agiPort, call);
      await page.goto(`${set.url}/members/edit/extensions/2011`);
      await page.getByRole('dialog').getByText('Locked out of').waitFor();
    },
    after: async (_page, set) => {
      await set.scene.tollgate.run(['locks', 'clear', '--all']);
      await removeRule(set, 'one-strike');
    },
  },
  {
    name: 'members-groups',
    path: '/members?tab=groups',
    ready: (page) => page.getByText('Call centre').first().waitFor(),
  },
  {
    name: 'members-group',
    path: '/members/edit/groups/call-centre?tab=groups',
    ready: (page) => page.getByRole('dialog').getByText('Used by').waitFor(),
  },
  {
    name: 'members-trunks',
    path: '/members?tab=trunks',
    ready: (page) => page.getByText('Carrier A').first().waitFor(),
  },
  {
    name: 'members-destinations',
    path: '/members?tab=destinations',
    ready: (page) => page.getByText('Emergency numbers').waitFor(),
  },
  { name: 'schedules', path: '/schedules', ready: (page) => page.getByText('After hours').first().waitFor() },
  {
    name: 'check-12-week',
    path: '/schedules',
    ready: async (page, set) => {
      await set.scene.ask('schedules', 'set', 'nights-and-weekend', '--name', 'Nights and weekend', ...WEEK);
      await page.goto(`${set.url}/schedules/edit/nights-and-weekend`);
      await page.getByText('There is no gap between').waitFor();
    },
    after: (_page, set) => set.scene.ask('schedules', 'remove', 'nights-and-weekend'),
  },
];
