import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CdrFile, type CdrRow, readCdrFile } from '../../../src/simulate/cdr-file.ts';
import { parseColumns } from '../../../src/simulate/cdr-layout.ts';
import { cdrCorpus } from '../../support/cdr-corpus.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tollgate-cdr-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function read(
  content: string | Buffer,
  options: { readonly columns?: string; readonly timezone?: string } = {},
): Promise<{ readonly file: CdrFile; readonly rows: readonly CdrRow[] }> {
  const path = join(folder, 'calls.csv');
  await writeFile(path, content);
  const rows: CdrRow[] = [];
  const columns = options.columns === undefined ? undefined : parseColumns(options.columns);
  if (columns !== undefined && 'problem' in columns) throw new Error(columns.problem);
  const file = await readCdrFile(path, {
    timezone: options.timezone ?? 'UTC',
    columns,
    onRow: (row) => rows.push(row),
  });
  return { file, rows };
}

/** Sixteen columns, as cdr_csv writes them without any option. */
const PLAIN =
  '"","1001","13055550100","internal","""Front"" <1001>","PJSIP/1001-0000002a","PJSIP/carrier-a-0000002b","Dial","PJSIP/13055550100@carrier-a,60","2026-11-02 09:41:07","2026-11-02 09:41:12","2026-11-02 09:42:07",60,55,"ANSWERED","DOCUMENTATION"';
const START = Date.UTC(2026, 10, 2, 9, 41, 7);
const expected = {
  row: 1,
  startMs: START,
  durationMs: 60_000,
  dst: '13055550100',
  src: '1001',
  clid: '"Front" <1001>',
  channel: 'PJSIP/1001-0000002a',
  dstchannel: 'PJSIP/carrier-a-0000002b',
  lastapp: 'Dial',
  disposition: 'ANSWERED',
};

describe('the files of Asterisk', () => {
  it('are read without a header, with whatever columns cdr.conf adds behind the sixteenth', async () => {
    const ids = '"1793612467.42"';
    const added: readonly [string, Partial<CdrRow>][] = [
      ['', { uniqueid: '', linkedid: '' }],
      [`,${ids}`, { uniqueid: '1793612467.42', linkedid: '', channelNumber: 42 }],
      [',"some text"', { uniqueid: '', linkedid: '' }],
      [`,${ids},"user"`, { uniqueid: '1793612467.42', linkedid: '' }],
      [',"peer","pbx-1793612460.1",7', { uniqueid: '', linkedid: 'pbx-1793612460.1' }],
      [`,${ids},"","peer","1793612460.1",7`, { uniqueid: '1793612467.42', linkedid: '1793612460.1' }],
    ];
    for (const [more, ids_] of added) {
      const { file, rows } = await read(`${PLAIN}${more}\n`);
      expect(file.layout).toBe('Master.csv of cdr_csv');
      expect(rows).toMatchObject([{ ...expected, ...ids_ }]);
    }
  });

  it('are read in the order of cdr_custom as well', async () => {
    const line =
      '"""Front"" <1001>","1001","13055550100","internal","PJSIP/1001-0000002a","PJSIP/carrier-a-0000002b","Dial","PJSIP/13055550100@carrier-a,60","2026-11-02 09:41:07","","2026-11-02 09:42:07","60","55","ANSWERED","3","SALES","1793612467.42","","7"';
    const { file, rows } = await read(line);
    expect(file.layout).toBe('Master.csv of cdr_custom');
    expect(rows).toMatchObject([{ ...expected, accountcode: 'SALES', uniqueid: '1793612467.42' }]);
  });
});

describe('tables with a header', () => {
  it('are read by the names of FreePBX', async () => {
    const { rows } = await read(
      '\uFEFFcalldate;clid;src;dst;dcontext;channel;dstchannel;lastapp;lastdata;duration;billsec;disposition;amaflags;accountcode;uniqueid;userfield;did;linkedid\r\n2026-11-02 09:41:07;"""Front"" <1001>";1001;13055550100;x;PJSIP/1001-0000002a;PJSIP/carrier-a-0000002b;Dial;PJSIP/13055550100@carrier-a,60;60;55;ANSWERED;3;;1793612467.42;;;1793612460.1\r\n',
    );
    expect(rows).toMatchObject([{ ...expected, linkedid: '1793612460.1' }]);
  });

  it('are read by the names of the call_log of VICIdial, whose extension is what was dialled', async () => {
    const { file, rows } = await read(
      `uniqueid,channel,channel_group,type,server_ip,extension,number_dialed,caller_code,start_time,start_epoch,end_time,end_epoch,length_in_sec,length_in_min\n1793612467.42,Local/913055550100@default-00000001;2,TRUNK,Local,10.0.0.5,913055550100,913055550100,V1020941070000001234,2026-11-02 09:41:07,${START / 1000},\\N,0,60,1.0\n`,
      { timezone: 'America/New_York' },
    );
    expect(file.layout).toBe('call_log');
    // By the epoch: the zone does not matter.
    expect(rows).toMatchObject([
      { startMs: START, dst: '913055550100', extension: '', clid: 'V1020941070000001234', tellsTrunk: false },
    ]);
  });

  it('are read by the names of the vicidial_log, whose numbers have their country beside them', async () => {
    const head =
      'uniqueid,lead_id,list_id,campaign_id,call_date,start_epoch,end_epoch,length_in_sec,status,phone_code,phone_number,user,comments,processed,user_group,term_reason,alt_dial,called_count';
    const row = (user: string): string =>
      `1793612467.42,1,1,SALES,2026-11-02 09:41:07,${START / 1000},${START / 1000 + 60},60,SALE,44,2079460000,${user},AUTO,N,A,AGENT,MAIN,1`;
    const { rows } = await read(`${head}\n${row('6666')}\n${row('VDAD')}\n`);
    expect(rows).toMatchObject([
      { dst: '+442079460000', extension: '6666', campaign: 'SALES', durationMs: 60_000 },
      { dst: '+442079460000', extension: '' },
    ]);
  });
});

describe('--columns', () => {
  it('describes any file, by number or by name', async () => {
    const all = 'start=10,dst=3,src=2,channel=6,duration=13,billsec=14,disposition=15,accountcode=1';
    expect((await read(PLAIN, { columns: all })).rows).toMatchObject([
      { startMs: START, dst: '13055550100', channel: 'PJSIP/1001-0000002a', dstchannel: '', tellsTrunk: false },
    ]);
    const named = 'When,Who,Number,Seconds\n2026-11-02 09:41:07,1001,13055550100,60\n';
    for (const columns of [
      'start=when,extension=WHO,dst=Number,duration=Seconds',
      'start=1,extension=2,dst=3,duration=4',
    ]) {
      const { file, rows } = await read(named, { columns });
      expect({ columns, rows: file.rows, unread: file.unread }).toEqual({ columns, rows: 1, unread: 0 });
      expect(rows).toMatchObject([
        { row: 1, startMs: START, extension: '1001', dst: '13055550100', durationMs: 60_000 },
      ]);
    }
  });

  it('adds to a layout that is known', async () => {
    const { rows } = await read(`${PLAIN},"1793612467.42","SALES"\n`, { columns: 'campaign=18' });
    expect(rows).toMatchObject([{ ...expected, campaign: 'SALES' }]);
  });

  it('says what is wrong with it', async () => {
    expect(parseColumns('begin=1')).toMatchObject({ problem: expect.stringContaining('"begin" is not known') });
    expect(parseColumns('start')).toMatchObject({ problem: expect.stringContaining('is not a column') });
    expect(parseColumns('start=0')).toMatchObject({ problem: expect.stringContaining('counted from 1') });
    await expect(read('a,b\n1,2\n', { columns: 'start=a,dst=number' })).rejects.toThrow(
      'has no column "number" for dst; its columns are a, b',
    );
  });
});

describe('a row that cannot be read', () => {
  it('is counted with its line, and the others are read', async () => {
    const broken = [
      'not a record',
      PLAIN.replace('2026-11-02 09:41:07', 'yesterday'),
      PLAIN.replace(',60,55', ',"x",55'),
    ];
    const { file, rows } = await read([PLAIN, ...broken, '', PLAIN].join('\n'));
    expect(rows.map(({ row }) => row)).toEqual([1, 5]);
    expect(file).toMatchObject({ rows: 5, unread: 3 });
    expect(file.problems).toEqual([
      { line: 2, problem: 'has 1 columns; the start of the call stands in column 10' },
      { line: 3, problem: 'has "yesterday" where the start of the call is expected (column 10)' },
      { line: 4, problem: 'has "x" where the duration in seconds is expected' },
    ]);
  });

  it('does not take the rest of the file with it where a quote is never closed', async () => {
    const many = Array.from({ length: 2000 }, () => PLAIN);
    // As a disk that was full leaves it.
    const { file, rows } = await read([...many, PLAIN.slice(0, 20), ...many].join('\n'));
    expect(file.unread).toBeGreaterThan(0);
    expect(rows.length).toBeGreaterThan(3990);
  });

  it('that is in another encoding is read all the same', async () => {
    const { rows } = await read(Buffer.from(PLAIN.replace('Front', 'Empf\xe4nger'), 'latin1'));
    expect(rows).toMatchObject([{ startMs: START, dst: '13055550100' }]);
  });
});

describe('a file', () => {
  it.each([
    [
      'of something else',
      'name,colour\nrose,red\n',
      'is no file of call records that is known. Expected are: Master.csv',
    ],
    ['that is empty', '', 'is empty'],
    ['of a header alone', 'calldate,dst\n', 'has no row'],
    ['without one row that can be read', 'calldate,dst\nyesterday,911\n', 'has no row that can be read'],
  ])('%s is an error that says what was expected', async (_what, content, message) => {
    await expect(read(content)).rejects.toThrow(message);
  });

  it('that is not there is an error', async () => {
    const missing = readCdrFile(join(folder, 'missing.csv'), { timezone: 'UTC', onRow: () => {} });
    await expect(missing).rejects.toThrow('cannot be read');
  });

  it('tells that its times are of another zone than they were read in', async () => {
    const lines = [...cdrCorpus({ seed: 7, records: 200 }).lines].join('\n');
    expect((await read(lines)).file.aheadMs).toBe(0);
    expect((await read(lines, { timezone: 'America/New_York' })).file.aheadMs).toBe(5 * 3_600_000);
  });
});
