/**
 * `npm run screenshots [-- NAME…] [-- --all]`: pictures of every screen into docs/screenshots, light on a desk and dark on a phone
 * (`--all`: the other way round as well), from a real daemon with real calls. To be looked at, and not compared.
 * What is taken stands in `pictures/`. What cannot be taken is named, and the others are taken all the same.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { DIALPLAN } from '../../src/demo/story.ts';
import { messageOf } from '../../src/errors.ts';
import { createApprovalsClient } from '../support/approvals-client.ts';
import { DESKTOP, logInAs, openWindow, PHONE, startBrowser } from '../support/browser.ts';
import { setup as buildPage } from '../support/build-page.ts';
import { fillWithBans } from '../support/page-bans.ts';
import { fillWithData } from '../support/page-data.ts';
import { codeOf } from '../support/people.ts';
import { startScene } from '../support/scene.ts';
import { ADDRESSES_PICTURES } from './pictures/addresses.ts';
import { CALLS_PICTURES } from './pictures/calls.ts';
import { DESK_PICTURES } from './pictures/desk.ts';
import { PEOPLE_PICTURES } from './pictures/people.ts';
import type { PictureSet } from './pictures/picture.ts';
import { RULES_PICTURES } from './pictures/rules.ts';

/** Approvals come last: their pictures decide about the calls that are held. */
const PICTURES = [...DESK_PICTURES, ...CALLS_PICTURES, ...RULES_PICTURES, ...ADDRESSES_PICTURES, ...PEOPLE_PICTURES];

const ALL_LOOKS = [
  { name: 'desk-light', size: DESKTOP, scheme: 'light', isUsual: true },
  { name: 'desk-dark', size: DESKTOP, scheme: 'dark', isUsual: false },
  { name: 'phone-light', size: PHONE, scheme: 'light', isUsual: false },
  { name: 'phone-dark', size: PHONE, scheme: 'dark', isUsual: true },
] as const;

/** The longest there is, since all pictures of one look want the same calls. */
const HOLDS_FOR_SECONDS = 600;
/** Beside the rules of `fillWithData`: one that holds calls, and names. */
const MORE = `
  - { id: ask, name: International, appliesTo: { destinations: [international], extensions: ["1002", "2044"] }, firstCallTo: { what: country, within: 90d }, action: approve, approval: { timeout: ${HOLDS_FOR_SECONDS}s } }
`;

const folder = join(import.meta.dirname, '../../docs/screenshots');
const wanted = process.argv.slice(2).filter((word) => word !== '--all');
const looks = ALL_LOOKS.filter(({ isUsual }) => isUsual || process.argv.includes('--all'));
const pictures = PICTURES.filter(({ name }) => wanted.length === 0 || wanted.includes(name));

/** Not `process.exitCode`: a command line in this process would take it for its own. */
let hasFailed = false;

async function main(): Promise<void> {
  await mkdir(folder, { recursive: true });
  await buildPage();
  const [scene, browser] = await Promise.all([
    startScene({ phones: ['1002', '2044'], dialplan: DIALPLAN, connected: '', tollgateEnv: { TOLLGATE_NODE: 'pbx1' } }),
    startBrowser(),
  ]);
  try {
    const { tollgate } = scene;
    const filled = {
      agiPort: tollgate.agiPort,
      apply: scene.apply,
      run: async (args: readonly string[], { input }: { readonly input: string }) => {
        const { exitCode, output } = await tollgate.run(args, input);
        return { exitCode, error: output };
      },
    };
    await fillWithData(filled, { more: MORE });
    await fillWithBans({ stateDir: tollgate.stateDir });
    const { password } = await scene.ask<{ readonly password: string }>('users', 'add', 'dana', '--role', 'owner');
    const { secret } = await scene.ask<{ readonly secret: string }>('users', 'totp', 'dana');
    await scene.ask('users', 'totp', 'dana', '--code', codeOf(secret, -1));
    const [, port] = /"http":"127\.0\.0\.1:(\d+)"/.exec(await tollgate.log()) ?? [];
    const url = `http://127.0.0.1:${port}`;
    const place = (from: string, destination: string) =>
      void scene.stage.placeCall({ from, destination, timeoutMs: HOLDS_FOR_SECONDS * 1000 }).catch(() => undefined);
    const people = createApprovalsClient(tollgate.stateDir, 'kim');
    place('1002', '01133142685300');
    await people.decide('approve', await people.approvalOf('+33142685300'), { reason: 'known customer' });

    // A code is good once, so there is one log-in for all windows.
    const first = await openWindow(browser);
    await logInAs(first.page, { name: 'dana', password, secret }, { url: `${url}/health` });
    const cookies = await first.context.cookies();
    await first.context.close();
    for (const look of looks) {
      const { page, context } = await openWindow(browser, look);
      await context.addCookies(cookies);
      place('2044', '011442079460018');
      await people.approvalOf('+442079460018');
      place('1002', '0115352345678');
      await people.approvalOf('+5352345678');
      const others: BrowserContext[] = [];
      const another = async () => {
        const window = await openWindow(browser, look);
        others.push(window.context);
        await window.context.addCookies(cookies);
        return window.page;
      };
      const set: PictureSet = { scene, browser, url, people, place, another };
      for (const { name, path, ready, elsewhere, after, isGrey, only } of pictures) {
        if (only !== undefined && !look.name.startsWith(only)) continue;
        let other: Awaited<ReturnType<NonNullable<typeof elsewhere>>> | undefined;
        try {
          await page.goto(url + path);
          await ready(page, set);
          other = await elsewhere?.(look);
          const shown = other?.page ?? page;
          // What comes after the first paint: fonts, and parts that are loaded by themselves.
          await shown.evaluate('document.fonts.ready');
          await shown.waitForTimeout(500);
          if (isGrey === true) await page.evaluate("document.documentElement.style.filter = 'grayscale(1)'");
          await shown.screenshot({ path: join(folder, `${name}-${look.name}.png`) });
          console.log(`${name}-${look.name}`);
        } catch (error) {
          hasFailed = true;
          console.error(`${name}-${look.name}: not taken: ${messageOf(error)}`);
        } finally {
          await after?.(page, set);
          await other?.close();
          for (const other of others.splice(0)) await other.close();
        }
      }
      await context.close();
      for (const each of await people.list('open')) await people.decide('refuse', each);
      const { page: outside, context: nobody } = await openWindow(browser, look);
      if (wanted.length === 0 || wanted.includes('log-in')) {
        await outside.goto(url);
        await outside.getByRole('button', { name: 'Log in' }).waitFor();
        await outside.screenshot({ path: join(folder, `log-in-${look.name}.png`) });
        console.log(`log-in-${look.name}`);
      }
      await nobody.close();
    }
  } finally {
    await browser.close();
    await scene.stop();
  }
}

await main();
if (hasFailed) process.exitCode = 1;
