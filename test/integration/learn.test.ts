/** `tollgate learn` on a file of call records, with a running daemon: who has called where is known from then on. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ExplanationReport } from '../../src/gate/report.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';

let folder: string;
let tollgate: TestDaemon;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tollgate-learn-'));
  tollgate = await startTestDaemon();
});
afterAll(async () => {
  await tollgate.stop();
  await rm(folder, { recursive: true, force: true });
});

const ask = async <T>(args: readonly string[]): Promise<T> => {
  const { exitCode, out, error } = await tollgate.run([...args, '--json']);
  expect({ args, error, exitCode: exitCode > 1 }).toEqual({ args, error: '', exitCode: false });
  return JSON.parse(out) as T;
};

const POLICY = `
timezone: UTC
homeCountry: US
trunks: { carrier-a: {} }
rules:
  - { id: first, appliesTo: { destinations: [international] }, firstCallTo: { what: country, within: 90d } }
`;
const DAY_MS = 86_400_000;
const daysAgo = (days: number): string =>
  new Date(Date.now() - days * DAY_MS).toISOString().slice(0, 19).replace('T', ' ');
const row = (days: number, extension: string, dst: string, disposition: string): string =>
  `${daysAgo(days)},PJSIP/${extension}-0000000a,PJSIP/carrier-a-0000000b,${dst},${disposition},60`;

test('a country that was answered before is no first call, and one that was long ago or not answered is', async () => {
  await tollgate.apply(POLICY);
  const records = join(folder, 'calls.csv');
  const lines = [
    'start,channel,dstchannel,dst,disposition,duration',
    row(3, '1001', '+493012345678', 'ANSWERED'),
    row(2, '1001', '+493012345679', 'ANSWERED'),
    row(2, '1001', '+5355512345', 'NO ANSWER'),
    row(2, '1001', '+13055550100', 'ANSWERED'),
    row(120, '1002', '+493012345678', 'ANSWERED'),
    row(800, '1002', '+33123456789', 'ANSWERED'),
    '',
  ];
  await writeFile(records, lines.join('\n'));
  const columns = 'start=1,channel=2,dstchannel=3,dst=4,disposition=5,duration=6';
  const learn = (...more: string[]) => ask<Record<string, unknown>>(['learn', records, '--columns', columns, ...more]);
  const verdictOf = async (extension: string, to: string): Promise<string> =>
    (await ask<ExplanationReport>(['check', to, '--extension', extension])).verdict;

  expect(await learn('--dry-run')).toMatchObject({ subjects: 2, countries: 2, pairs: 3, fresh: 2, dryRun: true });
  expect(await verdictOf('1001', '+493011111111')).toBe('block');
  expect(await learn()).toMatchObject({ pairs: 3, fresh: 2 });
  expect(await learn()).toMatchObject({ pairs: 3, fresh: 0 });
  expect(await verdictOf('1001', '+493011111111')).toBe('allow');
  expect(await verdictOf('1001', '+5355512345')).toBe('block');
  expect(await verdictOf('1002', '+493011111111')).toBe('block');
  const text = (await tollgate.run(['learn', records, '--columns', columns])).out;
  expect(text).toContain('2 callers reached 2 countries abroad, 3 pairs of both.\n0 of these pairs were new');
});
