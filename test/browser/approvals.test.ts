/** Approvals in real browsers: real calls, held by a real Asterisk, judged and decided by people at a screen. */
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { PlacedCall } from '../../src/demo/sipp-trace.ts';
import { DIALPLAN } from '../../src/demo/story.ts';
import { type ApprovalsClient, createApprovalsClient } from '../support/approvals-client.ts';
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
const ASK = 'rules: [{ id: ask, limits: [], action: approve, approval: { timeout: 90s } }]';

async function at(
  name: string,
  { size, by = url, script }: { readonly size?: typeof PHONE; readonly by?: string; readonly script?: string } = {},
): Promise<Page> {
  const opened = await openWindow(browser, size === undefined ? {} : { size });
  windows.push(opened);
  if (script !== undefined) await opened.context.addInitScript(script);
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
/** What was put into the assertive live region since the window was opened, one for each time. */
const CALLED_OUT = `
  window.calledOut = [];
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      const region = (target instanceof Element ? target : target.parentElement)?.closest('[data-region="assertive"]');
      if (region?.textContent) window.calledOut.push(region.textContent);
    }
  }).observe(document, { subtree: true, childList: true, characterData: true });
`;
/** How many tones were begun; and when a text stood on the page first. */
const RINGS = `
  window.tones = 0;
  const { start } = OscillatorNode.prototype;
  OscillatorNode.prototype.start = function (...args) { window.tones += 1; return start.apply(this, args); };
`;
const NASTY = '<img src=x onerror=alert(1)>';
const placesOf = (page: Page): Promise<Record<string, readonly number[]>> =>
  page.evaluate<
    Record<string, readonly number[]>
  >(`Object.fromEntries([...document.querySelectorAll('[id^="card-"]')].map(
    (card) => { const { x, y, height } = card.getBoundingClientRect(); return [card.id, [x, y, height].map(Math.round)]; },
  ))`);
const cardIn = (page: Page) => page.getByRole('article', { name: '1001 wants to call' });

beforeAll(async () => {
  [scene, browser] = await Promise.all([
    startScene({ phones: ['1001'], dialplan: DIALPLAN, connected: '' }),
    startBrowser(),
  ]);
  people = createApprovalsClient(scene.tollgate.stateDir);
  await scene.apply(ASK);
  for (const name of ['kim', 'dana', 'lee']) {
    const { password } = await scene.api<{ password: string }>('POST', '/api/v1/users', {
      name,
      roles: ['supervisor'],
    });
    passwords.set(name, password);
  }
  await scene.ask('users', 'set', 'lee', '--extension', '1001');
  const [, port] = /"http":"127\.0\.0\.1:(\d+)"/.exec(await scene.tollgate.log()) ?? [];
  url = `http://127.0.0.1:${port}`;
});
afterEach(async () => {
  // Of a test that failed half-way.
  for (const approval of await people.list('open')) await people.decide('refuse', approval);
  await scene.apply(ASK);
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
    const page = await at('kim', { size: PHONE, script: CALLED_OUT });
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
      // Where a thumb is.
      expect(button.y).toBeGreaterThan(PHONE.height / 2);
    }
    // All that it is judged by stands above them.
    const foot = await card.locator('.approval-foot').boundingBox();
    const facts = await card.locator('.approval-facts').boundingBox();
    expect(facts?.y ?? -1).toBeGreaterThan(0);
    expect((facts?.y ?? 0) + (facts?.height ?? 0)).toBeLessThanOrEqual(foot?.y ?? 0);
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
    const calledOut = await page.evaluate<readonly string[]>('window.calledOut');
    expect(calledOut).toEqual([expect.stringMatching(/^Call waiting for approval: 1001 to /)]);

    await page.getByRole('link', { name: 'Decided' }).click();
    await page.getByRole('list', { name: 'Decided approvals' }).getByText('known customer').waitFor(PATIENTLY);
  });

  test('that two decide at once counts for one, and the other is told who was first', async () => {
    const [kim, dana] = await Promise.all([at('kim'), at('dana')]);
    const destination = String(++lastNumber);
    const calling = place(destination);
    await Promise.all([cardIn(kim).waitFor(PATIENTLY), cardIn(dana).waitFor(PATIENTLY)]);
    for (const page of [kim, dana])
      await cardIn(page)
        .getByLabel('Reason')
        .fill(`${NASTY} by ${page === kim ? 'Kim' : 'Dana'}`);
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
    // And why; what somebody wrote is text wherever it is shown.
    await cardIn(second).getByText(`“${NASTY} by ${name}”`).waitFor(PATIENTLY);
    for (const path of ['/approvals?tab=decided', '/audit-log']) {
      await first.goto(url + path);
      await first.getByText(`${NASTY} by ${name}`).first().waitFor(PATIENTLY);
      expect(await first.locator('img[src="x"]').count()).toBe(0);
    }
    expect(await axeProblems(first)).toEqual([]);

    // Of the log a supervisor sees what he decided himself, and nothing of what anybody else did.
    await first.getByText('What did you decide?').waitFor(PATIENTLY);
    await expect.poll(() => first.getByRole('button', { name: 'Export' }).isDisabled()).toBe(true);
    await first.getByRole('region', { name: 'Audit log' }).getByRole('row').nth(1).getByRole('button').click();
    await first
      .getByRole('dialog', { name: 'Your decision' })
      .getByText(`${NASTY} by ${name}`)
      .first()
      .waitFor(PATIENTLY);
    await second.goto(`${url}/audit-log`);
    await second.getByText('What did you decide?').waitFor(PATIENTLY);
    await second
      .getByText(/^You have decided about no call yet|1001 to/)
      .first()
      .waitFor(PATIENTLY);
    expect(await second.getByText(`by ${name}`).count()).toBe(0);
    const asked = [
      'audit',
      'audit/verify',
      'audit/export',
      'audit/own?limit=1000',
      `audit/own?by=${name.toLowerCase()}`,
    ];
    const answers = await second.evaluate<readonly (readonly [number, string])[]>(
      `Promise.all(${JSON.stringify(asked)}.map(async (path) => {
        const answer = await fetch('/api/v1/' + path);
        return [answer.status, await answer.text()];
      }))`,
    );
    expect(answers.map(([status]) => status)).toEqual([403, 403, 403, 200, 400]);
    expect(answers.map(([, text]) => text).join()).not.toContain(`by ${name}`);
  });

  test('whose caller hangs up says so in every browser at once, and nothing below it moves', async () => {
    const pages = await Promise.all([at('kim'), at('dana', { size: PHONE })]);
    const calling = place(String(++lastNumber), { cancelAfterMs: 8000 });
    const other = String(++lastNumber);
    for (const page of pages) await cardIn(page).first().waitFor(PATIENTLY);
    const staying = place(other);
    const before: Record<string, readonly number[]>[] = [];
    for (const page of pages) {
      await page.getByRole('button', { name: 'Review' }).waitFor(PATIENTLY);
      // The pointer is on its way to the next one.
      await page.getByRole('button', { name: 'Review' }).hover();
      await page.evaluate(`new MutationObserver(() => {
        if (window.saidAt === undefined && document.querySelector('.approval-outcome') !== null) window.saidAt = Date.now();
      }).observe(document.body, { subtree: true, childList: true })`);
      before.push(await placesOf(page));
    }
    const { startedAtMs, decidedAfterMs = 0 } = await calling;
    const saidAfterMs: number[] = [];
    for (const [index, page] of pages.entries()) {
      await page.locator('.approval-outcome').getByText('The caller hung up after').waitFor(PATIENTLY);
      const saidAt = await page.evaluate<number>('window.saidAt');
      saidAfterMs.push(Math.round(saidAt - startedAtMs - decidedAfterMs));
      expect(await placesOf(page)).toEqual(before[index]);
      expect(await page.getByRole('button', { name: 'Approve' }).count()).toBe(0);
      await page.getByRole('button', { name: 'Review' }).click({ trial: true });
    }
    console.log(`a caller hung up, and two browsers said so after ${saidAfterMs.join(' and ')} ms`);
    // On a machine of one's own within a second; this one has others on it.
    for (const ms of saidAfterMs) expect(ms).toBeLessThan(5000);
    const [page] = pages;
    await page.getByRole('button', { name: 'Next: 1001' }).click();
    await page.locator('.approval-outcome').waitFor({ state: 'detached', ...PATIENTLY });
    await people.decide('refuse', await people.approvalOf(other));
    await staying;
    await page.getByRole('button', { name: 'Dismiss' }).click(PATIENTLY);
    await page.getByText('No call is waiting.').waitFor(PATIENTLY);
  });

  test('that was approved, and is refused by another rule, says by which and why', async () => {
    await scene.apply(`trunks: { carrier-b: {} }
rules:
  - { id: ask, name: Over carrier B, appliesTo: { trunks: [carrier-b] }, limits: [], action: approve, approval: { timeout: 90s } }
  - { id: staff, name: Staff 1/h, limits: ["1/1h"] }`);
    const page = await at('kim');
    const held = place(`8${++lastNumber}`);
    await cardIn(page).waitFor(PATIENTLY);
    // It takes what was left while the other one waits.
    expect((await place(String(++lastNumber))).status).toBe(200);
    await press(cardIn(page), 'Approve');
    await cardIn(page).getByText('Approved by you at').waitFor(PATIENTLY);
    await cardIn(page)
      .getByText(
        /^Refused after all: Rule staff refuses: extension 1001 has used 1 of 1 call.* An approval covers only the rule that asked\.$/,
      )
      .waitFor(PATIENTLY);
    expect((await held).status).not.toBe(200);
  });

  test('rings in one tab of a browser, and is for somebody else to decide where it is his own', async () => {
    const tab = await at('kim', { script: RINGS });
    const other = await tab.context().newPage();
    await other.goto(`${url}/approvals`);
    await tab.getByRole('button', { name: 'Sound off' }).click();
    await tab.getByRole('switch', { name: 'Ring when a call waits' }).check();
    for (const page of [tab, other]) {
      await page.getByRole('button', { name: /^Sound/ }).waitFor(PATIENTLY);
      await page.getByRole('heading', { name: 'Approvals' }).click();
    }
    await other.getByRole('button', { name: 'Sound on' }).waitFor(PATIENTLY);
    const lee = await at('lee');
    const destination = String(++lastNumber);
    const calling = place(destination);
    for (const page of [tab, other]) await cardIn(page).waitFor(PATIENTLY);
    const tones = (): Promise<number[]> =>
      Promise.all([tab, other].map((page) => page.evaluate<number>('window.tones')));
    // Twice, so that the other one had its time.
    await expect.poll(async () => Math.max(...(await tones())), PATIENTLY).toBeGreaterThanOrEqual(4);
    expect((await tones()).filter((each) => each > 0)).toHaveLength(1);

    await cardIn(lee).getByText('This is your own call. Someone else has to decide.').waitFor(PATIENTLY);
    expect(await cardIn(lee).getByRole('button', { name: 'Approve' }).count()).toBe(0);
    await press(cardIn(other), 'Refuse');
    await cardIn(lee).getByText('Refused by kim at').waitFor(PATIENTLY);
    expect((await calling).status).not.toBe(200);
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
    // It may have come back by itself already.
    await page
      .getByRole('button', { name: 'Retry now' })
      .click({ timeout: 2000 })
      .catch(() => undefined);
    await card.getByRole('timer').waitFor(PATIENTLY);
    await press(card, 'Refuse');
    await card.getByText('Refused by you at').waitFor(PATIENTLY);
    expect((await calling).status).not.toBe(200);
    expect(await axeProblems(page)).toEqual([]);
  });
});
