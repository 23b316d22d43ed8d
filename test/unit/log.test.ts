/** What is written, and what of a called number. */
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { createLog, maskNumber } from '../../src/log.ts';

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

describe('createLog', () => {
  test('a changed level holds for loggers handed out before', () => {
    const lines: string[] = [];
    const { log, setLevel } = createLog({
      level: 'info',
      pretty: false,
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
    const { log } = createLog({ level: 'info', pretty: true, to: out });
    log.info({ rule: 'default' }, 'rule exhausted');
    const text = String((await once(out, 'data'))[0]);
    expect(text).toMatch(/INFO.*rule exhausted/);
    expect(text).not.toMatch(/^\{/);
  });
});
