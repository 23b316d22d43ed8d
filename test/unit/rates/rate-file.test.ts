import { describe, expect, it } from 'vitest';
import { packRates, unpackRates } from '../../../src/rates/packed-rates.ts';
import { type RateFile, readRateFile } from '../../../src/rates/rate-file.ts';

const read = (text: string) => readRateFile(Buffer.from(text));
const rowsOf = async (text: string): Promise<RateFile> => {
  const file = await read(text);
  if ('problems' in file) throw new Error(JSON.stringify(file.problems));
  return file;
};
const problemsOf = async (text: string) => {
  const file = await read(text);
  return 'problems' in file ? file.problems : [];
};

describe('a rate file', () => {
  it('is read with the names, separators and marks that carriers use', async () => {
    const { currency, rows } = await rowsOf(
      '\uFEFFDial Code;Destination;Rate;Connect_Fee;Billing Increments;Currency\r\n53;"Cuba; all";0,85;0,1;30/6;USD\r\n\r\n+1809;DR;0.4;;;\r\n',
    );
    expect(currency).toBe('USD');
    expect(rows).toEqual([
      { prefix: '+53', perMinuteMicros: 850_000, connectionMicros: 100_000, firstSeconds: 30, nextSeconds: 6 },
      { prefix: '+1809', perMinuteMicros: 400_000, connectionMicros: 0, firstSeconds: 60, nextSeconds: 60 },
    ]);
  });

  it('keeps digits that are dialled apart from country codes, and undoes the guard of a spreadsheet', async () => {
    const { rows } = await rowsOf("prefix,price\ndialled:118,2\n118,1\n'+119,3\n");
    expect(rows.map(({ prefix }) => prefix)).toEqual(['118', '+118', '+119']);
  });

  it.each([
    ['no price', 'prefix,price\n53,\n', { line: 2, column: 'price', found: undefined }],
    [
      'a price with a decimal comma between commas',
      'prefix,price\n53,0.8.5\n',
      { line: 2, column: 'price', found: '0.8.5' },
    ],
    ['a negative price', 'prefix,price\n1,1\n53,-1\n', { line: 3, column: 'price', found: '-1' }],
    ['no number', 'prefix,price\nCuba,1\n', { line: 2, column: 'prefix', found: 'Cuba' }],
    ['a trunk prefix', 'prefix,price\n0053,1\n', { line: 2, column: 'prefix', found: '0053' }],
    ['increments of nothing', 'prefix,price,increments\n53,1,0/60\n', { line: 2, column: 'increments', found: '0/60' }],
    ['another currency', 'prefix,price,currency\n53,1,USD\n1,1,EUR\n', { line: 3, column: 'currency', found: 'EUR' }],
    ['the same prefix twice', 'prefix,price\n53,1\n1,1\n53,2\n', { line: 4, column: 'prefix', found: '+53' }],
    ['a quote that never ends', 'prefix,price\n"53,1\n1,1\n', { line: 2, column: undefined }],
    ['a missing column', 'prefix,cash\n53,1\n', { line: 1, column: 'price' }],
    ['no rows', 'prefix,price\n', { line: undefined, column: undefined }],
    ['nothing', '', { line: 1, column: 'prefix' }],
  ])('with %s is refused, and says where', async (_name, text, wanted) => {
    expect((await problemsOf(text))[0]).toMatchObject(wanted);
  });

  it('that is not UTF-8 is refused', async () => {
    expect(await readRateFile(Buffer.from([0x70, 0xff, 0xfe]))).toMatchObject({
      problems: [{ message: 'is not UTF-8; save it as UTF-8' }],
    });
  });

  it('names a hundred mistakes and counts the others', async () => {
    const text = `prefix,price\n${Array.from({ length: 250 }, (_, at) => `${at + 1},none`).join('\n')}`;
    expect(await read(text)).toMatchObject({ more: 150, problems: { length: 100 } });
  });

  it('is kept and found again row by row', async () => {
    const { rows } = await rowsOf(
      'prefix,price,connection,increments\n53,0.85,0.1,30/6\n1,0,0,1/1\n118,999999.999999,,3600\n',
    );
    const sheet = await unpackRates(await packRates(rows), 'EUR');
    expect([sheet.currency, sheet.size, [...sheet.rows()]]).toEqual(['EUR', 3, rows]);
  });

  it('that was damaged where it is kept is not used', async () => {
    const packed = await packRates([
      { prefix: '+53', perMinuteMicros: Number.NaN, connectionMicros: 0, firstSeconds: 1, nextSeconds: 1 },
    ]);
    await expect(unpackRates(packed, 'EUR')).rejects.toThrow('damaged');
  });
});
