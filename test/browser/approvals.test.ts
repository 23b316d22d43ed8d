/** Approvals in real browsers: real calls, held by a real Asterisk, judged and decided by people at a screen. */
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { PlacedCall } from '../../src/demo/sipp-trace.ts';
import { DIALPLAN } from '../../src/demo/story.ts';
import { type ApprovalsClient, createApprovalsClient, PATIENT } from '../support/approvals-client.ts';
import { axeProblems, logInAs, openWindow, PHONE, startBrowser } from '../support/browser.ts';
import { startScene, type TestScene } from '../support/scene.ts';
import { startTcpLink, type TcpLink } from '../support/tcp-link.ts';

const PATIENTLY = { timeout: 30_000 };
let scene: TestScene;
let people: ApprovalsClient;
let browser: Browser;
let url: string;
const passwords = new Map<string, string>();
const links: TcpLink[] = [];
const windows: Awaited<ReturnType<typeof openWindow>>[] = [];
let lastNumber = 15550800000;

async function at(
  name: string,
  { size, by = url }: { readonly size?: typeof PHONE; readonly by?: string } = {},
): Promise<Page> {
  const opened = await openWindow(browser, size === undefined ? {} : { size });
  windows.push(opened);
  await logInAs(opened.page, { name, password: passwords.get(name) ?? '' }, { url: `${by}/approvals` });
  await opened.page.getByRole('heading', { name: 'Approvals' }).waitFor();
  return opened.page;
}
const place = (destination: string, more: { readonly cancelAfterMs?: number } = {}): Promise<PlacedCall> =>
  scene.stage.placeCall({ from: '1001', destination, timeoutMs: 90_000, ...more });
/** A card that has just moved takes no press: a person presses again. */
const press = (card: Locator, name: 'Approve' | 'Refuse'): Promise<void> =>
  expect
    .poll(async () => {
      const button = card.getByRole('button', { name });
      await button.click({ timeout: 1000 }).catch(() => undefined);
      return button.count();
    }, PATIENTLY)
    .toBe(0);
const cardIn = (page: Page) => page.getByRole('article', { name: '1001 wants to call' });

beforeAll(async () => {
  [scene, browser] = await Promise.all([
    startScene({ phones: ['1001'], dialplan: DIALPLAN, connected: '', tollgateEnv: PATIENT }),
    startBrowser(),
  ]);
  people = createApprovalsClient(scene.tollgate.stateDir);
  await scene.apply('rules: [{ id: ask, limits: [], action: approve, approval: { timeout: 90s } }]');
  for (const name of ['kim', 'dana']) {
    const { password } = await scene.ask<{ password: string }>('users', 'add', name, '--role', 'supervisor');
    passwords.set(name, password);
  }
  const [, port] = /"http":"127\.0\.0\.1:(\d+)"/.exec(await scene.tollgate.log()) ?? [];
  url = `http://127.0.0.1:${port}`;
});
afterEach(async () => {
  // Of a test that failed half-way.
  for (const approval of await people.list('open')) await people.decide('refuse', approval);
  for (const { context, problems } of windows.splice(0)) {
    expect(problems).toEqual([]);
    await context.close();
  }
});
afterAll(async () => {
  await browser.close();
  for (const link of links) await link.stop();
  await scene.stop();
});

describe('a held call', () => {
  test('is judged and decided on a phone with a thumb and without scrolling, and goes out', async () => {
    const page = await at('kim', { size: PHONE });
    const destination = String(++lastNumber);
    const calling = place(destination);
    const card = cardIn(page);
    await card.waitFor(PATIENTLY);
    await expect.poll(() => page.title()).toBe('(1) Approvals · Tollgate');
    await expect
      .poll(() => page.locator('[data-region="assertive"]').textContent(), PATIENTLY)
      .toMatch(/^Call waiting for approval: 1001 to .+, \d+ seconds\.$/);
    for (const name of ['Refuse', 'Approve']) {
      const button = await card.getByRole('button', { name }).boundingBox();
      const bar = await page.locator('.bottom-bar').boundingBox();
      if (button === null || bar === null) throw new Error(`${name} is not shown`);
      expect(button.height).toBeGreaterThanOrEqual(64);
      expect(button.y + button.height).toBeLessThanOrEqual(bar.y);
    }
    expect(await page.evaluate<number>('scrollY')).toBe(0);
    expect(await axeProblems(page)).toEqual([]);

    await card.getByText('Add reason').click();
    await card.getByLabel('Reason').fill('known customer');
    await press(card, 'Approve');
    await card.getByText('Approved by you at').waitFor(PATIENTLY);
    await card.getByText('“known customer”').waitFor();
    expect((await calling).status).toBe(200);
    expect(await people.approvalOf(destination, 'approved')).toMatchObject({
      decidedBy: 'web kim',
      reason: 'known customer',
    });
    await card.getByText('The call goes out.').waitFor(PATIENTLY);

    await page.getByRole('link', { name: 'Decided' }).click();
    await page.getByRole('list', { name: 'Decided approvals' }).getByText('known customer').waitFor(PATIENTLY);
  });

  test('that two decide at once counts for one, and the other is told who was first', async () => {
    const [kim, dana] = await Promise.all([at('kim'), at('dana')]);
    const destination = String(++lastNumber);
    const calling = place(destination);
    await Promise.all([cardIn(kim).waitFor(PATIENTLY), cardIn(dana).waitFor(PATIENTLY)]);
    await Promise.all([press(cardIn(kim), 'Approve'), press(cardIn(dana), 'Refuse')]);
    const { status } = await calling;
    const isApproved = status === 200;
    const [first, second, name] = isApproved ? [kim, dana, 'Kim'] : [dana, kim, 'Dana'];
    await cardIn(first)
      .getByText(isApproved ? 'Approved by you at' : 'Refused by you at')
      .waitFor(PATIENTLY);
    // Whoever pressed before he could know is told that it was not used; whoever was told before he pressed, by whom.
    await cardIn(second)
      .getByText(new RegExp(`${name} (approved|refused) this call|(Approved|Refused) by ${name.toLowerCase()}`))
      .waitFor(PATIENTLY);
  });

  test('whose caller hangs up says so wherever it is shown, and offers nothing to decide', async () => {
    const page = await at('kim');
    const calling = place(String(++lastNumber), { cancelAfterMs: 4000 });
    await cardIn(page).waitFor(PATIENTLY);
    await cardIn(page).getByText('The caller hung up after').waitFor(PATIENTLY);
    expect(await cardIn(page).getByRole('button', { name: 'Approve' }).count()).toBe(0);
    await calling;
    await page.getByRole('button', { name: 'Dismiss' }).click();
    await page.getByText('No call is waiting.').waitFor(PATIENTLY);
  });

  test('on a page that hears nothing any more has no time left or gone: it says since when it is not live', async () => {
    const link = await startTcpLink(Number(new URL(url).port));
    links.push(link);
    const page = await at('kim', { by: `http://127.0.0.1:${link.port}` });
    const destination = String(++lastNumber);
    const calling = place(destination);
    const card = cardIn(page);
    await card.getByRole('timer').waitFor(PATIENTLY);
    link.cut();
    await page.getByText(/^Not live since \d\d:\d\d:\d\d$/).waitFor(PATIENTLY);
    await page.locator('.banner').getByText('What you see may be old').waitFor();
    expect(await card.getByRole('timer').count()).toBe(0);
    await card.getByText('time unknown').waitFor();
    expect(await axeProblems(page)).toEqual([]);

    link.mend();
    await page.getByRole('button', { name: 'Retry now' }).click();
    await card.getByRole('timer').waitFor(PATIENTLY);
    await press(card, 'Refuse');
    await card.getByText('Refused by you at').waitFor(PATIENTLY);
    expect((await calling).status).not.toBe(200);
    expect(await axeProblems(page)).toEqual([]);
  });
});
