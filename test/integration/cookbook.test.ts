/** docs/cookbook.md, carried out: each of its commands, in its order, on a new install. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RuleFinding } from '../../src/policy/rules-doctor.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/cookbook.md'), 'utf8');
const commands = [...page.matchAll(/^```\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) =>
  block.split('\n').filter((line) => line !== ''),
);
const words = (command: string): string[] =>
  [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');

let daemon: TestDaemon;
beforeEach(async () => {
  daemon = await startTestDaemon();
});
afterEach(() => daemon.stop());

test('the cookbook can be carried out from top to bottom, and its rules do what it says of them', async () => {
  expect(commands.length).toBeGreaterThan(20);
  const said = new Map<string, string>();
  for (const command of commands) {
    const [program, ...args] = words(command);
    const { exitCode, out, error } = await daemon.run(args);
    // To look may find something; only what is refused outright is a mistake of the page.
    const isLook = /^(?:explain|check|rules doctor)\b/.test(args.join(' '));
    expect({ command, program, error, exitCode: isLook && exitCode === 1 ? 0 : exitCode }).toEqual({
      ...{ command, program: 'tollgate', error: '', exitCode: 0 },
    });
    said.set(command, out);
  }
  const outcome = async (
    number: string,
    extension: string,
  ): Promise<{ readonly verdict: string; readonly rule: string | null }> =>
    JSON.parse((await daemon.run(['check', number, '--extension', extension, '--trunk', 'carrier-a', '--json'])).out);
  // What the page says to set before the first.
  const policy = (await daemon.run(['policy', 'show'])).out.replaceAll(
    /^(?:homeCountry|dialling):.*\n(?: .*\n)*/gm,
    '',
  );
  await daemon.apply(`homeCountry: US\ndialling: { international: ["011"] }\n${policy}`);
  expect(await outcome('011442079460000', '1002')).toMatchObject({ verdict: 'block', rule: 'nobody-abroad' });
  expect((await outcome('15551234567', '1001')).verdict).not.toBe('block');
  const errors = (JSON.parse(said.get('tollgate rules doctor --json') ?? '[]') as readonly RuleFinding[]).filter(
    ({ severity }) => severity === 'error',
  );
  expect(errors).toEqual([]);
});
