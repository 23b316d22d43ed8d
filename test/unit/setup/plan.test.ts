/** What `setup` would write, and writing it: on real files in a folder of its own. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openMachine } from '../../../src/doctor/machine.ts';
import { withInclude, withValue } from '../../../src/setup/asterisk-edit.ts';
import { findAsterisk, type Platform } from '../../../src/setup/find-asterisk.ts';
import { makePlan, type SetupPlan } from '../../../src/setup/plan.ts';
import { writePlan } from '../../../src/setup/write-plan.ts';

const DIALPLAN = join(import.meta.dirname, '../../../dialplan');
let base: string;
let etc: string;
let secrets = 0;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'tollgate-setup-'));
  etc = join(base, 'asterisk');
  await mkdir(etc);
});
afterEach(() => rm(base, { recursive: true, force: true }));

const machine = openMachine({ root: '/', searchPath: '/nonexistent', now: Date.now });
const configPath = (): string => join(base, 'tollgate/tollgate.yaml');
const put = async (files: Readonly<Record<string, string>>): Promise<void> => {
  for (const [name, text] of Object.entries({ 'extensions.conf': '', ...files }))
    await writeFile(join(etc, name), text);
};
const read = (name: string): Promise<string> => readFile(join(etc, name), 'utf8');
const plan = async (platform: Platform = 'plain'): Promise<SetupPlan> => {
  const asterisk = await findAsterisk(machine, etc, platform);
  if (asterisk === undefined) throw new Error('no Asterisk was found');
  const newSecret = (): string => {
    secrets += 1;
    return `made-by-setup-number-${secrets}`;
  };
  return makePlan({ machine, asterisk, configPath: configPath(), dialplanFolder: DIALPLAN, newSecret });
};
const names = ({ changes }: SetupPlan): readonly string[] =>
  changes.map(({ path }) => path.slice(base.length + 1)).sort();
const MANAGER = '[general]\nenabled = yes\nbindaddr = 127.0.0.1\n[cron]\nsecret = somebody-elses\n';
const HTTP = '[general]\nenabled = yes\nbindaddr = 127.0.0.1\nbindport = 8188\n';
const ARI = '[general]\nenabled = yes\n';

describe('setup of a plain Asterisk', () => {
  test('plans two users, their secrets, the dialplan and tollgate.yaml, and a second plan is empty', async () => {
    await put({ 'manager.conf': MANAGER, 'http.conf': HTTP, 'ari.conf': ARI });
    const first = await plan();
    expect(names(first)).toEqual([
      ...['asterisk/ari.conf', 'asterisk/manager.conf', 'asterisk/tollgate-ari.conf', 'asterisk/tollgate-globals.conf'],
      ...['asterisk/tollgate-manager.conf', 'asterisk/tollgate.conf', 'tollgate/ami.password', 'tollgate/ari.password'],
      'tollgate/tollgate.yaml',
    ]);
    expect(first.notes).toEqual([]);
    expect(first.reloads).toEqual(['manager reload', 'module reload res_ari.so', 'dialplan reload']);
    await writePlan(first.changes);
    expect(await read('manager.conf')).toBe(`${MANAGER}#include tollgate-manager.conf\n`);
    const secret = (await readFile(join(base, 'tollgate/ami.password'), 'utf8')).trim();
    expect(await read('tollgate-manager.conf')).toContain(`[tollgate]\nsecret = ${secret}\ndeny = 0.0.0.0/0.0.0.0\n`);
    const yaml = await readFile(configPath(), 'utf8');
    expect(yaml).toContain('port: 5038');
    expect(yaml).toContain('url: http://127.0.0.1:8188');
    expect(yaml).not.toContain(secret);
    expect(await plan()).toEqual({ changes: [], notes: [], reloads: [] });
  });

  test('makes what is not there, for this host alone, and keeps every other line of what is', async () => {
    await put({ 'http.conf': '; mine\n[general]\nservername=x\nenabled=no\n;enabled=yes\n[more]\nenabled=no\n' });
    await writePlan((await plan()).changes);
    expect(await read('manager.conf')).toBe(
      '[general]\nbindaddr = 127.0.0.1\nenabled = yes\n#include tollgate-manager.conf\n',
    );
    expect(await read('http.conf')).toBe(
      '; mine\n[general]\nbindaddr = 127.0.0.1\nservername=x\nenabled = yes\n;enabled=yes\n[more]\nenabled=no\n',
    );
    expect(await plan()).toMatchObject({ changes: [] });
  });

  test('keeps a secret that is in use and what somebody changed in the file of the user', async () => {
    await put({ 'manager.conf': MANAGER, 'http.conf': HTTP, 'ari.conf': ARI });
    await writePlan((await plan()).changes);
    const edited = (await read('tollgate-manager.conf')).replace('write = system,call', 'write = system,call,command');
    await writeFile(join(etc, 'tollgate-manager.conf'), edited);
    expect(await plan()).toMatchObject({ changes: [] });
    await rm(join(base, 'tollgate/ami.password'));
    const again = await plan();
    expect(names(again)).toEqual(['tollgate/ami.password']);
    expect(edited).toContain(again.changes[0]?.after.trim());
  });

  test('uses a user who is there already, and says so where his password is another', async () => {
    await put({ 'manager.conf': `${MANAGER}[tollgate]\nsecret = made-long-ago\n`, 'http.conf': HTTP, 'ari.conf': ARI });
    const first = await plan();
    expect(names(first)).not.toContain('asterisk/tollgate-manager.conf');
    await writePlan(first.changes);
    expect(await readFile(join(base, 'tollgate/ami.password'), 'utf8')).toBe('made-long-ago\n');
    await put({ 'manager.conf': `${MANAGER}[tollgate]\nsecret = another\n` });
    const second = await plan();
    expect(second.changes).toEqual([]);
    expect(second.notes).toEqual([
      expect.stringContaining('manager.conf:6 has a user [tollgate] with another password'),
    ]);
    expect(second.notes.join()).not.toMatch(/made-long-ago|another-/);
  });

  test('adds to a tollgate.yaml and to no server of it; the globals are the site’s', async () => {
    await put({
      'manager.conf': MANAGER,
      'http.conf': HTTP,
      'ari.conf': ARI,
      'tollgate-globals.conf': 'TOLLGATE_ON_FAILURE = block\n',
    });
    await mkdir(join(base, 'tollgate'));
    await writeFile(configPath(), '# mine\nagi: { listen: "127.0.0.1:4999" }');
    await writePlan((await plan()).changes);
    expect(await readFile(configPath(), 'utf8')).toMatch(
      /^# mine\nagi: \{ listen: "127\.0\.0\.1:4999" \}\nasterisk:\n/,
    );
    expect(await read('tollgate-globals.conf')).toBe('TOLLGATE_ON_FAILURE = block\n');
    await writeFile(configPath(), 'asterisk:\n  - name: mine\n');
    expect((await plan()).notes).toEqual([expect.stringContaining('has a section asterisk without ami or ari')]);
  });

  test('sends the dialplan to where the daemon listens', async () => {
    await put({ 'manager.conf': MANAGER, 'http.conf': HTTP, 'ari.conf': ARI });
    await mkdir(join(base, 'tollgate'));
    await writeFile(configPath(), 'agi: { listen: "127.0.0.1:4999" }\n');
    await writePlan((await plan()).changes);
    expect(await read('tollgate-globals.conf')).toContain('TOLLGATE_AGI = agi://127.0.0.1:4999\n');
  });
});

describe('setup of FreePBX', () => {
  test('touches only the files that FreePBX leaves to people, and says what its page must switch on', async () => {
    await put({
      'manager.conf': `${MANAGER}#include manager_custom.conf\n`,
      'http.conf': '[general]\nenabled=no\n',
      'ari.conf': `${ARI}#include ari_additional_custom.conf\n`,
      'manager_custom.conf': '',
    });
    const made = await plan('freepbx');
    expect(names(made).filter((name) => name.startsWith('asterisk/'))).toEqual([
      ...['asterisk/ari_additional_custom.conf', 'asterisk/manager_custom.conf', 'asterisk/tollgate-ari.conf'],
      ...[
        'asterisk/tollgate-freepbx.conf',
        'asterisk/tollgate-globals.conf',
        'asterisk/tollgate-manager.conf',
        'asterisk/tollgate.conf',
      ],
    ]);
    expect(made.notes).toEqual([expect.stringContaining('mini-HTTP Server')]);
    await writePlan(made.changes);
    expect((await plan('freepbx')).changes).toEqual([]);
  });
});

describe('writing', () => {
  test('keeps the mode of a file, hides new ones from other users, and leaves nothing else behind', async () => {
    await put({ 'manager.conf': MANAGER, 'http.conf': HTTP, 'ari.conf': ARI });
    await chmod(join(etc, 'manager.conf'), 0o660);
    await writePlan((await plan()).changes);
    const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);
    expect(await modeOf(join(etc, 'manager.conf'))).toBe('660');
    expect(await modeOf(join(etc, 'tollgate-manager.conf'))).toBe('640');
    expect(await modeOf(join(base, 'tollgate/ari.password'))).toBe('640');
    expect((await readdir(etc)).filter((name) => /\.tollgate$/.test(name))).toEqual([]);
  });

  test('of a file that changed meanwhile writes nothing at all', async () => {
    await put({ 'manager.conf': MANAGER, 'http.conf': HTTP, 'ari.conf': ARI });
    const { changes } = await plan();
    await writeFile(join(etc, 'ari.conf'), '[general]\nenabled = no\n');
    await expect(writePlan(changes)).rejects.toThrow(
      /ari\.conf cannot be written: it has changed .*Nothing was changed/,
    );
    expect(await read('manager.conf')).toBe(MANAGER);
    expect(await readdir(etc)).not.toContain('tollgate-manager.conf');
  });
});

describe('an edit', () => {
  test('done twice is done once, and changes one line', () => {
    const text = '[a]\nx=1\n[general](+)\n; x = 2\nenabled = no\nenabled=maybe\n';
    const once = withValue(text, 'general', 'enabled', 'yes');
    expect(once).toBe('[a]\nx=1\n[general](+)\n; x = 2\nenabled = no\nenabled = yes\n');
    expect(withValue(once, 'general', 'enabled', 'yes')).toBe(once);
    expect(withInclude('[a]', 'b.conf')).toBe('[a]\n#include b.conf\n');
  });
});
