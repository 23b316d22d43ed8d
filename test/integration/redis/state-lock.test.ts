/** The lock on a state folder: who gets it, and what does not count as a holder. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { identityOf } from '../../../src/redis/process-identity.ts';
import { acquireStateLock, lockFileName, stateHolder } from '../../../src/redis/state-lock.ts';

let dir = '';

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tollgate-lock-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const write = (content: string): Promise<void> => writeFile(join(dir, lockFileName), content);

describe('the lock on a state folder', () => {
  test('goes to exactly one of many that find the same dead lock', async () => {
    for (let round = 0; round < 40; round += 1) {
      await write(JSON.stringify({ pid: process.pid, startTicks: '1', bootId: 'x', token: 'dead' }));
      const contenders = Array.from({ length: 8 }, async (_, index) => {
        await new Promise((resolve) => setTimeout(resolve, (index * round) % 5));
        return acquireStateLock(dir);
      });
      const results = await Promise.allSettled(contenders);
      const won = results.filter((result) => result.status === 'fulfilled');
      expect(won).toHaveLength(1);
      await won[0]?.value.release();
      expect(await readdir(dir)).toEqual([]);
    }
  });

  test('a process id given out again is not mistaken for the daemon that had it', async () => {
    const self = await identityOf(process.pid);
    for (const other of [
      { ...self, startTicks: '1' },
      { ...self, bootId: 'an-earlier-boot' },
    ]) {
      await write(JSON.stringify({ ...other, token: 't' }));
      expect(await stateHolder(dir)).toBeUndefined();
      await (await acquireStateLock(dir)).release();
    }
    await write(JSON.stringify({ ...self, token: 't' }));
    expect(await stateHolder(dir)).toEqual(expect.objectContaining({ pid: process.pid }));
    await expect(acquireStateLock(dir)).rejects.toMatchObject({ code: 'STATE_IN_USE' });
  });

  test.each(['', 'garbage', '{"pid":1}', 'null', '{"pid":-1,"startTicks":"1","bootId":"x","token":"x"}'])(
    'a lock that reads %j holds nobody out',
    async (content) => {
      await write(content);
      await (await acquireStateLock(dir)).release();
    },
  );

  test('releasing twice, or after somebody else took over, takes nothing away', async () => {
    const first = await acquireStateLock(dir);
    await first.release();
    const second = await acquireStateLock(dir);
    await first.release();
    expect(await stateHolder(dir)).toBeDefined();
    await second.release();
    expect(await stateHolder(dir)).toBeUndefined();
  });

  test('a folder that cannot be made is a mistake of the configuration', async () => {
    await write('a file');
    await expect(acquireStateLock(join(dir, lockFileName, 'state'))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('cannot be written'),
    });
  });
});
