/**
 * `tollgate setup` and `tollgate doctor` beside a real Asterisk: the users that setup makes let the daemon in after a reload,
 * and the doctor tells each right that is missing.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensurePrograms } from '../../src/demo/programs.ts';
import type { Stage } from '../../src/demo/stage.ts';
import { createTollgateProcess, type TollgateProcess } from '../../src/demo/tollgate-process.ts';
import type { MachineReport } from '../../src/doctor/doctor.ts';
import type { Status } from '../../src/status.ts';
import { programArgs } from '../support/program.ts';
import { startTestStage } from '../support/stage.ts';

let stage: Stage;
let tollgate: TollgateProcess;
/** Folder of Asterisk's configuration, and of Tollgate's. */
let etc: string;
let config: string;

const dialplan = `
[from-phones]
exten => _9.,1,Gosub(tollgate,gate,1(\${EXTEN:1},carrier-a))
 same => n,Dial(PJSIP/\${EXTEN:1}@carrier-a)
exten => _8.,1,Dial(PJSIP/\${EXTEN:1}@carrier-b)
`;
const edit = async (name: string, change: (text: string) => string): Promise<void> => {
  const path = join(etc, name);
  await writeFile(path, change(await readFile(path, 'utf8')));
};
const reload = async (): Promise<void> => {
  for (const command of ['manager reload', 'module reload http', 'module reload res_ari.so'])
    await stage.asterisk.cli(command);
};
const setup = (...more: string[]) =>
  tollgate.run(['setup', '--asterisk-etc', etc, '--config', config, '--platform', 'plain', ...more]);
const examine = async (): Promise<Readonly<Record<string, string>>> => {
  const { output } = await tollgate.run([
    'doctor',
    '--only',
    'connections,dialplan',
    '--asterisk-etc',
    etc,
    '--config',
    config,
    '--json',
  ]);
  const { findings } = JSON.parse(output) as MachineReport;
  return Object.fromEntries(findings.map(({ check, level }) => [check, level]));
};

beforeAll(async () => {
  const { searchPath } = await ensurePrograms({ env: process.env });
  const program = [process.execPath, ...programArgs] as const;
  tollgate = await createTollgateProcess({ program, env: { ...process.env, PATH: searchPath } });
  const globals = { TOLLGATE_AGI: `agi://127.0.0.1:${tollgate.agiPort}`, TOLLGATE_EMERGENCY: '911' };
  stage = await startTestStage({ dialplan, globals });
  etc = join(dirname(dirname(stage.asterisk.logFile)), 'etc');
  config = join(dirname(tollgate.stateDir), 'tollgate.yaml');
  await writeFile(config, `agi:\n  listen: 127.0.0.1:${tollgate.agiPort}\n`, { mode: 0o600 });
  // An Asterisk that knows nothing of Tollgate, and has its web server off.
  await edit('manager.conf', (text) => text.replace('[tollgate]', '[somebody]'));
  await edit('ari.conf', (text) => text.replace('[tollgate]', '[somebody]'));
  await edit('http.conf', (text) => text.replace(/^enabled.*$/m, 'enabled = no'));
  await reload();
}, 120_000);
afterAll(async () => {
  await stage?.stop();
  await tollgate?.stop();
});

test('with --dry-run, or where nobody says yes, nothing is written and no secret is shown', async () => {
  const files = ['manager.conf', 'ari.conf', 'http.conf'];
  const before = await Promise.all(files.map((name) => readFile(join(etc, name), 'utf8')));
  const dry = await setup('--dry-run');
  expect(dry).toMatchObject({ exitCode: 0, output: expect.stringContaining('Nothing was changed: --dry-run.') });
  expect(dry.output).toContain('+#include tollgate-manager.conf');
  expect(dry.output).toContain('+secret = (a secret)');
  expect(dry.output).not.toContain(stage.asterisk.ami.password);
  expect(await setup()).toMatchObject({ exitCode: 1, output: expect.stringContaining('To write it: --yes.') });
  expect(await Promise.all(files.map((name) => readFile(join(etc, name), 'utf8')))).toEqual(before);
});

test('after setup and a reload the daemon is connected to both interfaces, and setup once more changes nothing', async () => {
  const first = await setup('--yes');
  expect(first.output).toContain("asterisk -rx 'manager reload'");
  await reload();
  await tollgate.start();
  const part = async (name: string): Promise<string | undefined> => {
    const { output } = await tollgate.run(['status', '--json']);
    return (JSON.parse(output) as Status).parts.find((each) => each.name === name)?.state;
  };
  await expect.poll(() => part('AMI pbx'), { timeout: 30_000, interval: 500 }).toBe('up');
  await expect.poll(() => part('ARI pbx'), { timeout: 30_000, interval: 500 }).toBe('up');
  const again = await setup('--yes');
  expect(again.output).toContain('Nothing is to be written.');
  expect(again.output).toContain('logged in as tollgate, with the rights it needs and no more');
});

test('the doctor finds every connection in order, and the trunk that is dialled unasked', async () => {
  const found = await examine();
  expect(found).toMatchObject({
    'ami pbx': 'ok',
    'ari pbx': 'ok',
    fastagi: 'ok',
    daemon: 'ok',
    web: 'ok',
    included: 'ok',
  });
  expect(found).toMatchObject({ asks: 'ok', address: 'ok', past: 'warn', emergency: 'warn', firewall: 'warn' });
});

test('the doctor tells each right that is missing or too many, and changes nothing', async () => {
  await edit('tollgate-manager.conf', (text) =>
    text.replace(/^read = .*$/m, 'read = system').replace(/^write = .*$/m, 'write = command'),
  );
  await edit('tollgate-ari.conf', (text) => text.replace('read_only = no', 'read_only = yes'));
  const files = ['tollgate-manager.conf', 'tollgate-ari.conf'];
  const before = await Promise.all(files.map((name) => readFile(join(etc, name), 'utf8')));
  await reload();
  expect(await examine()).toMatchObject({
    ...{ 'ami pbx read': 'bad', 'ami pbx write': 'bad', 'ami pbx more': 'warn', 'ari pbx': 'bad' },
  });
  expect(await Promise.all(files.map((name) => readFile(join(etc, name), 'utf8')))).toEqual(before);
  await edit('tollgate-manager.conf', (text) => text.replace(/^secret = .*$/m, 'secret = another-that-nobody-knows'));
  await reload();
  expect(await examine()).toMatchObject({ 'ami pbx': 'bad' });
});
