/** A real browser and the built page, for tests that look at what a person sees. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { ensureChromium } from './chromium.ts';
import { codeOf, type TestUser } from './people.ts';

const ROOT = join(import.meta.dirname, '../..');

export const DESKTOP = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

/** @param options.through first words of a command line that runs it elsewhere, such as in a network of its own */
export async function startBrowser(options: { readonly through?: readonly string[] } = {}): Promise<Browser> {
  const { program, env } = await ensureChromium({ env: process.env });
  const folder = options.through === undefined ? undefined : await mkdtemp(join(tmpdir(), 'tollgate-browser-'));
  try {
    // The sandbox needs rights that containers do not give, and all it opens are pages of this repository.
    return await chromium.launch({
      executablePath: folder === undefined ? program : await starter(folder, [...(options.through ?? []), program]),
      env: { ...process.env, ...env },
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
    });
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** One program that starts another with words before its own: a browser is started by its path alone. */
async function starter(folder: string, words: readonly string[]): Promise<string> {
  const path = join(folder, 'browser');
  const quoted = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  await writeFile(path, `#!/bin/sh\nexec ${quoted} "$@"\n`, { mode: 0o755 });
  return path;
}

/** A window of its own, with nobody logged in. */
export async function openWindow(
  browser: Browser,
  options: { readonly size?: typeof DESKTOP; readonly scheme?: 'light' | 'dark' } = {},
): Promise<{ readonly page: Page; readonly context: BrowserContext; readonly problems: readonly string[] }> {
  const { size = DESKTOP, scheme = 'light' } = options;
  const isPhone = size.width < 768;
  const context = await browser.newContext({
    viewport: size,
    colorScheme: scheme,
    hasTouch: isPhone,
    isMobile: isPhone,
    locale: 'en-US',
    timezoneId: 'America/New_York',
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => {
    // A refusal that the page shows in words is written to the console by the browser as well.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      problems.push(message.text());
  });
  return { page, context, problems };
}

/** Logs in by the form, as a person does, and waits for the frame. */
export async function logInAs(
  page: Page,
  user: Pick<TestUser, 'name' | 'password' | 'secret'>,
  options: { readonly url: string; readonly steps?: number },
): Promise<void> {
  await page.goto(options.url);
  await page.getByLabel('Name').fill(user.name);
  await page.getByRole('textbox', { name: 'Password' }).fill(user.password);
  if (user.secret !== undefined)
    await page.getByLabel('Code of your app').fill(codeOf(user.secret, options.steps ?? 0));
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('navigation', { name: 'Menu' }).waitFor();
}

interface Violation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

const AXE = readFileSync(join(ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8');

/** What axe finds on the page as it is, one line each; WCAG 2.2 AA and good practice. */
export async function axeProblems(page: Page): Promise<readonly string[]> {
  // Evaluated by the debugger, which the page's policy does not bind.
  await page.evaluate(AXE);
  const violations = await page.evaluate<readonly Violation[]>('axe.run().then(({ violations }) => violations)');
  return violations.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(' | ')}`,
  );
}
