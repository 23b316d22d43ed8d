/** What the page asks about calls: filters, the CSV file of them, and what is used of budgets. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { SpendReport } from '../../src/api/spend-routes.ts';
import type { CallsPage } from '../../src/gate/journal.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { fillWithData, NASTY } from '../support/page-data.ts';
import { addUser, type LoggedIn, logIn } from '../support/people.ts';

let tollgate: TestDaemon;
let viewer: LoggedIn;

beforeAll(async () => {
  tollgate = await startTestDaemon();
  viewer = await logIn(tollgate.webPort, await addUser(tollgate, 'viewer', 'viewer'));
  await fillWithData(tollgate);
  // Decisions are written a moment after they are made.
  await vi.waitFor(async () => expect(await calls('text=192.0.2.77')).toHaveLength(2), { timeout: 30_000 });
});
afterAll(() => tollgate.stop());

const calls = async (query: string): Promise<CallsPage['calls']> =>
  ((await viewer.send('GET', `calls?limit=1000&${query}`)).body as CallsPage).calls;

describe('calls', () => {
  test('are found by part of a name or number, by an address, by a whole id, and by the kind of number', async () => {
    const cuban = await calls('label=Cuba,%20mobile');
    expect(new Set(cuban.map(({ extension }) => extension))).toEqual(new Set(['2007']));
    expect(await calls('text=CUBA')).toEqual(cuban);
    expect(await calls(`text=${cuban[0]?.id}`)).toEqual(cuban.slice(0, 1));
    expect(await calls('label=Cub')).toEqual([]);
    expect((await calls('text=192.0.2.77')).every(({ layer }) => layer === 'ban')).toBe(true);
  });

  test('come as a CSV file of the same filter, in which no cell is a formula', async () => {
    const { body, headers } = await viewer.send('GET', 'calls/csv?verdict=block');
    expect(headers.get('content-type')).toContain('text/csv');
    expect(headers.get('content-disposition')).toContain('attachment');
    const [head, ...lines] = String(body).trim().split('\n');
    expect(head).toMatch(/^time,verdict,extension,destination,/);
    expect(lines.length).toBe((await calls('verdict=block')).length);
    expect(String(body)).toContain(NASTY);
    expect(String(body)).not.toMatch(/(?:^|,)[=+@-]/m);
  });
});

test('what is used of budgets is told to whom the rule counts, the fullest first', async () => {
  const { body } = await viewer.send('GET', 'spend');
  const { currency, budgets } = body as SpendReport;
  expect(currency).toBe('USD');
  const shares = budgets.map(({ used, of }) => used / of);
  expect(shares).toEqual(shares.toSorted((a, b) => b - a));
  const [first] = budgets;
  expect(first).toMatchObject({ rule: 'staff-budget', subject: 'extension 2007', level: 'soft', limit: '5/1d', of: 5 });
  expect(first?.used).toBeCloseTo(4.85);
  expect(budgets.filter(({ rule }) => rule === 'daily-budget').map(({ level, of }) => [level, of])).toEqual([
    ['soft', 150],
    ['hard', 200],
  ]);
});
