import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeEvidence } from '../../../src/bans/evidence-bundle.ts';
import type { EpochMs } from '../../../src/policy/call.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tollgate-evidence-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const about = { at: Date.UTC(2026, 10, 21, 9, 41, 7) as EpochMs, node: 'pbx1', by: 'dana' };

test('everything that can be read is kept, and what cannot is named and leaves out nothing else', async () => {
  const path = await writeEvidence(folder, about, [
    { kind: 'ban', read: () => Array.from({ length: 1200 }, (_, at) => ({ at })) },
    { kind: 'call', read: () => Promise.reject(new Error('the store is away')) },
    { kind: 'report', read: () => Promise.resolve(['last']) },
  ]);
  expect(path).toBe(join(folder, 'isolation-2026-11-21T09-41-07.000Z.jsonl'));
  const lines = (await readFile(path, 'utf8')).trim().split('\n');
  const kept = lines.map((line) => JSON.parse(line) as { readonly kind: string; readonly value: unknown });
  expect(kept[0]).toEqual({ kind: 'isolation', value: { at: '2026-11-21T09:41:07.000Z', node: 'pbx1', by: 'dana' } });
  expect(kept.filter(({ kind }) => kind === 'ban').map(({ value }) => value)).toHaveLength(1200);
  expect(kept.at(1200)).toEqual({ kind: 'ban', value: { at: 1199 } });
  expect(kept.slice(1201)).toEqual([
    { kind: 'not read', value: { what: 'call', problem: 'the store is away' } },
    { kind: 'report', value: 'last' },
  ]);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test('evidence that is there is never written over', async () => {
  await writeEvidence(folder, about, []);
  await expect(writeEvidence(folder, about, [])).rejects.toMatchObject({ code: 'EEXIST' });
});
