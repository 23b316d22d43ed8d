/** What is written, and what of a called number. */
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { createLog, maskNumber, maskNumbersIn } from '../../src/log.ts';

describe('maskNumber', () => {
  test.each([
    ['15551234567', '155******67'],
    ['+1 555 123 4567', '+1 55* *** **67'],
    ['123456', '123*56'],
    ['911', '911'],
    ['21001', '21001'],
    ['', ''],
  ])('%s is written as %s', (number, masked) => {
    expect(maskNumber(number)).toBe(masked);
  });
});

describe('maskNumbersIn', () => {
  test('masks the numbers of a call wherever they stand, and every number with a plus', () => {
    const reason =
      'Rule calls refuses: number +13055550100 has used 100000 of 100000 calls per 7 days, approved by link +43664123456';
    expect(maskNumbersIn(reason, ['+13055550100', undefined, '3055550100'])).toBe(
      'Rule calls refuses: number +130******00 has used 100000 of 100000 calls per 7 days, approved by link +436******56',
    );
    expect(maskNumbersIn('extension 200100 called 93055550100', ['93055550100'])).toBe(
      'extension 200100 called 930******00',
    );
  });
});

describe('createLog', () => {
  test('for syslog each line begins with the priority of its level, and is JSON behind it', () => {
    const lines: string[] = [];
    const { log } = createLog({ level: 'trace', format: 'syslog', to: { write: (line) => void lines.push(line) } });
    const child = log.child({ part: 'gate' });
    log.fatal('a');
    child.error('b');
    log.warn('c');
    child.info('d\ne');
    log.debug('f');
    log.trace('g');
    expect(lines.map((line) => /^<(\d)>(\{[^\n]*\})\n$/.exec(line)?.[1])).toEqual(['2', '3', '4', '6', '7', '7']);
    expect(JSON.parse(lines[3]?.slice(3) ?? '')).toMatchObject({ level: 'info', part: 'gate', msg: 'd\ne' });
  });

  test('a changed level holds for loggers handed out before', () => {
    const lines: string[] = [];
    const { log, setLevel } = createLog({
      level: 'info',
      format: 'json',
      to: { write: (line) => void lines.push(line) },
    });
    const child = log.child({ part: 'gate' }).child({ call: 1 });
    child.debug('hidden');
    setLevel('debug');
    child.debug('shown');
    setLevel('error');
    child.info('hidden again');
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { level: 'debug', time: expect.any(String), part: 'gate', call: 1, msg: 'shown' },
    ]);
  });

  test('a readable line holds the words and not the braces', async () => {
    const out = new PassThrough();
    const { log } = createLog({ level: 'info', format: 'pretty', to: out });
    log.info({ rule: 'default' }, 'rule exhausted');
    const text = String((await once(out, 'data'))[0]);
    expect(text).toMatch(/INFO.*rule exhausted/);
    expect(text).not.toMatch(/^\{/);
  });
});
