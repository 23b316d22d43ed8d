/** Asterisk's own way of reading its files, as far as the doctor needs it. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type AsteriskConfig, readAsteriskConfig, sectionNamed, valueIn } from '../../../src/doctor/asterisk-files.ts';
import { openMachine } from '../../../src/doctor/machine.ts';

let root: string | undefined;
afterEach(async () => {
  if (root !== undefined) await rm(root, { recursive: true, force: true });
});

async function read(files: Readonly<Record<string, string>>, name = 'a.conf'): Promise<AsteriskConfig> {
  root = await mkdtemp(join(tmpdir(), 'tollgate-files-'));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, 'etc', path)), { recursive: true });
    await writeFile(join(root, 'etc', path), text);
  }
  return readAsteriskConfig(openMachine({ root, searchPath: '', now: Date.now }), '/etc', name);
}

describe('a file of Asterisk', () => {
  test('has comments to the end of a line, over many lines, and a semicolon that is escaped', async () => {
    const config = await read({
      'a.conf': '[one] ; here\nkey = a\\;b ; there\n;-- secret = x\nother = y --;\nlast => z\n;---- a line\nmore=1\n',
    });
    const one = sectionNamed(config, 'one');
    expect(one?.entries.map(({ key, value, place }) => [key, value, place])).toEqual([
      ['key', 'a;b', '/etc/a.conf:2'],
      ['last', 'z', '/etc/a.conf:5'],
      ['more', '1', '/etc/a.conf:7'],
    ]);
  });

  test('gives a section what its templates have, which it may say anew', async () => {
    const config = await read({ 'a.conf': '[base](!)\nauth=x\nmax=1\n[phone](base)\nmax=2\n[phone](+)\nmore=3\n' });
    expect(config.sections.map(({ name, isTemplate }) => [name, isTemplate])).toEqual([
      ['base', true],
      ['phone', false],
    ]);
    const phone = sectionNamed(config, 'phone');
    expect([valueIn(phone, 'auth'), valueIn(phone, 'MAX'), valueIn(phone, 'more')]).toEqual(['x', '2', '3']);
  });

  test('takes in other files by name and by pattern, goes on in the same section, and says what is not there', async () => {
    const config = await read({
      'a.conf':
        '[one]\n#include "b.conf"\n#include lost.conf\n#tryinclude gone.conf\n#include d.d/*.conf\n#exec /bin/x\n',
      'b.conf': 'key=1\n',
      'd.d/2.conf': 'key=3\n',
      'd.d/1.conf': 'key=2\n',
    });
    expect(valueIn(sectionNamed(config, 'one'), 'key')).toBe('3');
    expect(config.missing).toEqual(['/etc/lost.conf']);
    expect(config.unseen).toEqual(['/etc/a.conf:6 (#exec /bin/x)']);
  });

  test('that takes in itself ends', async () => {
    const config = await read({ 'a.conf': '[one]\nkey=1\n#include a.conf\n' });
    expect(valueIn(sectionNamed(config, 'one'), 'key')).toBe('1');
    expect(config.unseen).not.toEqual([]);
  });

  test('that is not there does not exist', async () => {
    expect(await read({})).toEqual({ exists: false, sections: [], files: [], unseen: [], missing: [] });
  });
});
