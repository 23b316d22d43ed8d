/** Reading VICIdial's tables on a real MariaDB: what is found, and how little a call waits for a database that is slow or gone. */
import { readFile } from 'node:fs/promises';
import { createConnection } from 'mariadb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { PackagesUnavailable } from '../../src/demo/debian-mirror.ts';
import type { CallKind } from '../../src/policy/call.ts';
import { openVicidial, type Vicidial } from '../../src/vicidial/vicidial.ts';
import { ensureMariaDb, type MariaDb, startMariaDb } from '../support/mariadb.ts';
import { keptLog } from '../support/silent-log.ts';

const missing = await ensureMariaDb().then(
  () => undefined,
  (error: unknown) => {
    if (!(error instanceof PackagesUnavailable)) throw error;
    console.log(`without MariaDB these tests are skipped: ${error.message}`);
    return error;
  },
);
const USER = { username: 'tollgate', password: "it's secret" };
const V = 'V1120103000000004711';
const M = 'M1120103000000004712';
const session = 'Local/8600051@default-00000001;1';

describe.skipIf(missing !== undefined)('the tables of VICIdial', () => {
  let db: MariaDb;
  let vicidial: Vicidial;
  let kept: ReturnType<typeof keptLog>;
  const open = async (deadlineMs: number): Promise<void> => {
    kept = keptLog();
    vicidial = openVicidial(
      { host: '127.0.0.1', port: db.port, ...USER, database: 'asterisk', deadlineMs, onFailure: 'continue' },
      { clock: systemClock, log: kept.log },
    );
    await vi.waitUntil(() => vicidial.state().up, { interval: 5, timeout: 10_000 });
  };
  const find = (kind: CallKind, callerName: string, channel = session) =>
    vicidial.find({ kind, callerName, channel }, 5000);
  const timed = async <T>(work: () => Promise<T>): Promise<readonly [T, number]> => {
    const before = performance.now();
    return [await work(), performance.now() - before];
  };

  beforeAll(async () => {
    db = await startMariaDb(await readFile(new URL('../fixtures/vicidial/schema.sql', import.meta.url), 'utf8'));
    await db.execute(
      `CREATE USER tollgate@'127.0.0.1' IDENTIFIED BY 'it\\'s secret';
       GRANT SELECT ON asterisk.vicidial_auto_calls TO tollgate@'127.0.0.1';
       GRANT SELECT ON asterisk.vicidial_list TO tollgate@'127.0.0.1';
       GRANT SELECT ON asterisk.vicidial_live_agents TO tollgate@'127.0.0.1';
       GRANT SELECT ON asterisk.vicidial_manager TO tollgate@'127.0.0.1';`,
    );
  });
  afterAll(() => db?.stop());
  beforeEach(async () => {
    for (const table of ['vicidial_auto_calls', 'vicidial_list', 'vicidial_live_agents', 'vicidial_manager']) {
      await db.execute(`DELETE FROM ${table}`);
    }
    await db.execute(
      `INSERT INTO vicidial_auto_calls (server_ip, campaign_id, lead_id, callerid) VALUES ('10.0.0.1', 'SALES', 4711, '${V}');
       INSERT INTO vicidial_list (lead_id, list_id) VALUES (4711, 99100200300), (4712, 101);
       INSERT INTO vicidial_manager (server_ip, callerid) VALUES ('10.0.0.1', '${V}'), ('10.0.0.2', '${M}');
       INSERT INTO vicidial_live_agents (user, server_ip, conf_exten, extension, campaign_id, callerid) VALUES
         ('anna', '10.0.0.1', '8600051', 'SIP/1001', 'SALES', ''),
         ('bert', '10.0.0.2', '8600051', 'PJSIP/2001', 'WARM', 'M1120103000000009999'),
         ('cleo', '10.0.0.2', '8600052', 'R/7001', 'WARM', 'Y1120103000000005555');`,
    );
    await open(1000);
  });
  afterEach(() => vicidial.close());

  it('a predictive call has campaign, lead and list, and no agent', async () => {
    expect(await find('predictive', V, 'Local/915551234@default-00000001;2')).toEqual({
      campaign: 'SALES',
      lead: '4711',
      list: '99100200300',
      agent: undefined,
      phone: undefined,
    });
  });

  it('a manual call is the agent’s who sits in that session on that server, with his campaign and phone', async () => {
    expect(await find('manual', `${M} bert`)).toEqual({
      campaign: 'WARM',
      lead: '4712',
      list: '101',
      agent: 'bert',
      phone: '2001',
    });
  });

  it('a call on another channel is the agent’s who has it; one without a phone here stands for himself', async () => {
    expect(await find('transfer', 'M1120103000000009999', 'PJSIP/carrier-a-00000002')).toMatchObject({
      agent: 'bert',
      phone: '2001',
    });
    expect(await find('manual', 'Y1120103000000005555', 'IAX2/ASTloop-123')).toMatchObject({
      agent: 'cleo',
      phone: 'cleo',
    });
  });

  it('a row that is not there yet is unknown, and is found as soon as it is', async () => {
    const late = 'V1120103000000004713';
    expect(await find('predictive', late)).toMatchObject({ campaign: undefined, lead: '4713', list: undefined });
    await db.execute(
      `INSERT INTO vicidial_auto_calls (server_ip, campaign_id, lead_id, callerid) VALUES ('10.0.0.1', 'LATE', 4713, '${late}')`,
    );
    expect(await find('predictive', late)).toMatchObject({ campaign: 'LATE' });
  });

  it('a second trunk of the same call is answered from memory', async () => {
    await find('predictive', V);
    await db.execute('DELETE FROM vicidial_auto_calls');
    expect(await find('predictive', V)).toMatchObject({ campaign: 'SALES' });
  });

  it('a caller id that is no code is not looked up, whatever it holds', async () => {
    expect(await find('other', "x' OR 1=1 -- ")).toMatchObject({ campaign: undefined, agent: undefined });
  });

  it('every statement finds its rows by an index where the table has one', async () => {
    const asked: string[] = [];
    const connection = await createConnection({ host: '127.0.0.1', port: db.port, ...{ user: 'root' } });
    await connection.query('USE asterisk');
    const explain = async (sql: string) => {
      const rows = await connection.query<{ table: string; type: string }[]>(`EXPLAIN ${sql}`);
      asked.push(...rows.map(({ table, type }) => `${table} ${type}`));
    };
    for (let lead = 1; lead < 60; lead += 1) {
      await connection.query('INSERT INTO vicidial_manager (server_ip, callerid) VALUES (?, ?)', [
        '10.0.0.9',
        `X${lead}`,
      ]);
      await connection.query(
        'INSERT INTO vicidial_auto_calls (server_ip, campaign_id, lead_id, callerid) VALUES (?, ?, ?, ?)',
        ['10.0.0.9', 'X', lead, `X${lead}`],
      );
      await connection.query('INSERT INTO vicidial_list (list_id) VALUES (1)');
    }
    await explain(`SELECT campaign_id FROM vicidial_auto_calls WHERE callerid = '${V}' LIMIT 1`);
    await explain(`SELECT server_ip FROM vicidial_manager WHERE callerid = '${V}' LIMIT 1`);
    await explain(`SELECT list_id FROM vicidial_list WHERE lead_id = '4711' LIMIT 1`);
    await connection.end();
    expect(asked).toEqual(['vicidial_auto_calls ref', 'vicidial_manager ref', 'vicidial_list const']);
  });

  it('the user that Tollgate needs can change nothing', async () => {
    const connection = await createConnection({
      ...{ host: '127.0.0.1', port: db.port, user: USER.username, password: USER.password, database: 'asterisk' },
    });
    await expect(connection.query('DELETE FROM vicidial_manager')).rejects.toMatchObject({ errno: 1142 });
    await expect(connection.query('SELECT * FROM mysql.user')).rejects.toMatchObject({ errno: 1142 });
    await connection.end();
  });

  it('a database that is silent holds no call longer than its time, then none at all, and is found again', async () => {
    await vicidial.close();
    await open(50);
    db.freeze();
    try {
      for (let call = 0; call < 3; call += 1) {
        const [found, ms] = await timed(() => find('manual', `M11201030000000060${10 + call}`));
        expect(found).toBe('unavailable');
        expect(ms).toBeLessThan(2500);
      }
      expect(vicidial.state()).toMatchObject({ up: false, problem: 'its answers come too late' });
      const [, ms] = await timed(async () => {
        for (let call = 0; call < 100; call += 1) await find('manual', `M1120103000000007${100 + call}`);
      });
      expect(ms).toBeLessThan(2500);
    } finally {
      db.thaw();
    }
    await vi.waitUntil(async () => (await find('manual', M)) !== 'unavailable', { interval: 50, timeout: 15_000 });
    expect(vicidial.state()).toMatchObject({ up: true, problem: '' });
  });

  it('a database that dies makes its calls unavailable at once, says so once, and is found again when it is back', async () => {
    await db.kill();
    await vi.waitUntil(() => !vicidial.state().up, { interval: 5, timeout: 10_000 });
    const [found, ms] = await timed(() => find('predictive', V));
    expect(found).toBe('unavailable');
    expect(ms).toBeLessThan(1000);
    await db.restart();
    await vi.waitUntil(async () => (await find('manual', M)) !== 'unavailable', { interval: 50, timeout: 15_000 });
    expect(await find('manual', M)).toMatchObject({ agent: 'bert' });
    expect(kept.lines.filter(({ msg }) => msg === "VICIdial's database answers")).toHaveLength(2);
  });

  it('a wrong password is a problem that names itself, and stops nothing', async () => {
    const { log } = keptLog();
    const wrong = openVicidial(
      {
        host: '127.0.0.1',
        port: db.port,
        username: 'tollgate',
        password: 'wrong',
        database: 'asterisk',
        deadlineMs: 50,
        onFailure: 'block',
      },
      { clock: systemClock, log },
    );
    await vi.waitUntil(() => wrong.state().problem.includes('denied'), { interval: 5, timeout: 10_000 });
    expect(await wrong.find({ kind: 'manual', callerName: M, channel: session }, 100)).toBe('unavailable');
    await wrong.close();
  });
});
