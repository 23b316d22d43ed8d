/** Countries from files on disk, as an operator would put them there. */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from 'vitest';
import type { BanAnswerReport } from '../../src/api/bans-routes.ts';
import { type Countries, openCountries } from '../../src/bans/country.ts';
import { systemClock } from '../../src/clock.ts';
import type { ExplanationReport } from '../../src/gate/report.ts';
import { readAddress } from '../../src/policy/addresses.ts';
import { settingsSchema } from '../../src/policy/settings.ts';
import type { Status } from '../../src/status.ts';
import { countryDatabase } from '../support/country-database.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { keptLog } from '../support/silent-log.ts';

const LOOK_EVERY_MS = 20;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tollgate-countries-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const open: Countries[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});
const opened = async (file: string | undefined, country: object = {}) => {
  const { log, lines } = keptLog();
  const settings = settingsSchema.parse({ country });
  const countries = await openCountries({
    file,
    settings: () => settings,
    clock: systemClock,
    log,
    lookEveryMs: LOOK_EVERY_MS,
  });
  open.push(countries);
  return {
    ...countries,
    lines,
    refusalOf: (text: string) => {
      const address = readAddress(text);
      return address === undefined ? 'no address' : countries.refusalOf(address);
    },
  };
};
const fileOf = async (name: string, content: string | Buffer): Promise<string> => {
  const path = join(folder, name);
  // As an updater does it: written beside, and put in its place.
  await writeFile(`${path}.new`, content);
  await rename(`${path}.new`, path);
  return path;
};
async function until(holds: () => boolean): Promise<boolean> {
  const giveUpMs = performance.now() + 5000;
  while (!holds() && performance.now() < giveUpMs) await sleep(10);
  return holds();
}

const isIn = (code: string) => ({
  country: { iso_code: code, names: { en: 'a name of more than twenty-nine letters' } },
});
const LIST = 'US 203.0.113.0/24\nRU 198.51.100.0/24\nRU 2001:db8::/32\n';
const database = () =>
  countryDatabase({
    '203.0.113.0/24': isIn('US'),
    '198.51.100.0/24': isIn('RU'),
    '2001:db8::/32': isIn('RU'),
    '192.0.2.0/24': { registered_country: { iso_code: 'FR' } },
    '192.0.2.128/25': { ...isIn('DE'), registered_country: { iso_code: 'FR' } },
    '233.252.0.0/24': { continent: { code: 'EU' } },
    '233.252.1.0/24': { country_code: 'JP' },
  });

describe.each([
  ['list', () => LIST],
  ['database', database],
])('from a %s', (kind, content) => {
  it('an address has its country, and one that the file does not know has none', async () => {
    const { countryOf } = await opened(await fileOf(kind, content()));
    expect(['203.0.113.9', '198.51.100.1', '2001:db8::1', '::ffff:203.0.113.9'].map(countryOf)).toEqual([
      ...['US', 'RU', 'RU', 'US'],
    ]);
    expect(['203.0.114.1', '2001:db9::1', '192.168.1.1', 'nonsense', ''].map(countryOf)).toEqual([
      ...[undefined, undefined, undefined, undefined, undefined],
    ]);
  });

  test('mode refuse keeps out the named countries and nobody else', async () => {
    const { refusalOf } = await opened(await fileOf(kind, content()), { mode: 'refuse', countries: ['RU'] });
    expect(refusalOf('198.51.100.1')).toBe('the address 198.51.100.1 is in RU, a country that is refused');
    expect(refusalOf('2001:db8::1')).toContain('is in RU');
    for (const free of [
      '203.0.113.9',
      '203.0.114.1',
      '10.0.0.1',
      '127.0.0.1',
      '169.254.1.1',
      'fe80::1',
      '::1',
      'fd00::1',
    ])
      expect([free, refusalOf(free)]).toEqual([free, undefined]);
  });

  test('mode only lets the named countries in, and private addresses, and nobody else', async () => {
    const { refusalOf } = await opened(await fileOf(kind, content()), { mode: 'only', countries: ['US', 'CA'] });
    expect(refusalOf('198.51.100.1')).toBe('the address 198.51.100.1 is in RU, and only US, CA may call');
    expect(refusalOf('203.0.114.1')).toBe(
      'the address 203.0.114.1 is in no country that is known, and only US, CA may call',
    );
    for (const free of ['203.0.113.9', '10.0.0.1', '172.20.1.1', '192.168.1.1', '100.64.0.9', '::1', 'fd00::1'])
      expect([free, refusalOf(free)]).toEqual([free, undefined]);
  });
});

describe('a database', () => {
  it('that has no country for an address is asked where it is registered, and one of plain codes for these', async () => {
    const { countryOf } = await opened(await fileOf('registered', database()));
    expect(countryOf('192.0.2.9')).toBe('FR');
    expect(countryOf('192.0.2.200')).toBe('DE');
    expect(countryOf('233.252.0.1')).toBeUndefined();
    expect(countryOf('233.252.1.1')).toBe('JP');
  });

  it('of something else than countries is refused', async () => {
    const { state } = await opened(
      await fileOf('asn', countryDatabase({ '8.8.8.0/24': { number: 15169 } }, 'Test-ASN')),
    );
    expect(state()?.problem).toContain('is a Test-ASN, without countries; nothing is refused');
  });

  it('that is cut off is refused', async () => {
    const whole = database();
    const metadata = whole.subarray(whole.lastIndexOf(Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1')));
    const { state, countryOf } = await opened(await fileOf('cut', Buffer.concat([whole.subarray(0, 400), metadata])));
    expect(state()?.problem).toContain('is cut off');
    expect(countryOf('203.0.113.9')).toBeUndefined();
  });
});

describe('the file', () => {
  it('is read again when it changes, and a bad one leaves the last good one in force and is told of', async () => {
    const path = await fileOf('changing', 'US 203.0.113.0/24\n');
    const { countryOf, state, lines } = await opened(path);
    expect(countryOf('203.0.113.9')).toBe('US');
    await fileOf('changing', 'CA 203.0.113.0/24\n');
    expect(await until(() => countryOf('203.0.113.9') === 'CA')).toBe(true);
    await fileOf('changing', 'FR 203.0.113.0/33\n');
    expect(await until(() => state()?.problem !== '')).toBe(true);
    expect(state()?.problem).toMatch(/^\/.*changing line 1: .*\/33.*; what was read before is used$/);
    expect(countryOf('203.0.113.9')).toBe('CA');
    await rm(path);
    expect(await until(() => state()?.problem.includes('is not there') ?? false)).toBe(true);
    expect(countryOf('203.0.113.9')).toBe('CA');
    await fileOf('changing', database());
    expect(await until(() => countryOf('198.51.100.1') === 'RU' && state()?.problem === '')).toBe(true);
    expect(lines.filter(({ msg }) => msg === 'the file of countries cannot be used').length).toBe(2);
  });

  it('that is missing refuses nobody, and says so where countries are restricted', async () => {
    const { refusalOf, state } = await opened(join(folder, 'absent'), { mode: 'only', countries: ['US'] });
    expect(refusalOf('198.51.100.1')).toBeUndefined();
    expect(state()?.problem).toContain('is not there; nothing is refused');
  });

  it('that nobody named refuses nobody, and says so where countries are restricted', async () => {
    const { refusalOf, state } = await opened(undefined, { mode: 'refuse', countries: ['RU'] });
    expect(refusalOf('198.51.100.1')).toBeUndefined();
    expect(state()?.problem).toContain('nothing is refused');
    expect((await opened(undefined)).state()).toBeUndefined();
  });
});

describe('a daemon', () => {
  let tollgate: TestDaemon;
  const ok = async (...args: string[]): Promise<string> => {
    const { exitCode, out, error } = await tollgate.run(args);
    expect({ args, exitCode, error }).toEqual({ args, exitCode: 0, error: '' });
    return out;
  };
  const layerOf = async (source: string, destination = '15550100001'): Promise<string> => {
    const { out } = await tollgate.run(['explain', destination, '--extension', '1001', '--source', source, '--json']);
    return (JSON.parse(out) as ExplanationReport).layer;
  };
  const part = async () =>
    (JSON.parse((await tollgate.run(['status', '--json'])).out) as Status).parts.find(
      ({ name }) => name === 'countries',
    );
  afterEach(() => tollgate.stop());

  test('refuses by country behind allowed addresses and bans by hand, and never an emergency call', async () => {
    tollgate = await startTestDaemon({ env: { TOLLGATE_COUNTRIES__FILE: await fileOf('for-a-daemon', LIST) } });
    expect(await layerOf('198.51.100.9')).toBe('rules');
    await ok('settings', 'set', 'country.countries', 'RU');
    await ok('settings', 'set', 'country.mode', 'refuse');
    expect(await layerOf('198.51.100.9')).toBe('country');
    expect(await layerOf('203.0.113.9')).toBe('rules');
    expect(await layerOf('198.51.100.9', '911')).toBe('emergency');
    await ok('bans', 'add', '198.51.100.9');
    expect(await layerOf('198.51.100.9')).toBe('ban');
    const shown = JSON.parse(await ok('bans', 'show', '198.51.100.9', '--json')) as BanAnswerReport;
    expect(shown).toMatchObject({ banned: true, country: 'RU' });
    await ok('allow', 'add', '198.51.100.10', '--name', 'A friend');
    expect(await layerOf('198.51.100.10')).toBe('allowlist');
    expect(await part()).toMatchObject({ state: 'up', detail: 'mode refuse, list of 3 networks' });
  });

  test('that is to refuse countries and has no file says so, and refuses nobody', async () => {
    tollgate = await startTestDaemon();
    expect(await part()).toBeUndefined();
    await ok('settings', 'set', 'country.countries', 'US');
    await ok('settings', 'set', 'country.mode', 'only');
    expect(await layerOf('198.51.100.9')).toBe('rules');
    expect(await part()).toMatchObject({ state: 'down' });
    expect((await part())?.detail).toContain('nothing is refused');
  });
});
