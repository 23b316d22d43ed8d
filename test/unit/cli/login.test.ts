import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findLogin } from '../../../src/cli/login.ts';

const SSH = '203.0.113.9 51234 198.51.100.1 22';
let proc: string;

beforeEach(async () => {
  proc = await mkdtemp(join(tmpdir(), 'tollgate-proc-'));
  await writeFile(join(proc, 'uptime'), '1000.50 900.00\n');
});
afterEach(() => rm(proc, { recursive: true, force: true }));

/** A process as the kernel shows it; `startedSeconds` after the start of the machine. */
async function process(pid: number, parent: number, env: Record<string, string>, startedSeconds = 0): Promise<void> {
  await mkdir(join(proc, `${pid}`));
  const environ = Object.entries(env).map(([name, value]) => `${name}=${value}\0`);
  await writeFile(join(proc, `${pid}`, 'environ'), environ.join(''));
  const before = ['S', parent, ...Array.from({ length: 17 }, () => 0)];
  await writeFile(join(proc, `${pid}`, 'stat'), `${pid} (a b) c) ${before.join(' ')} ${startedSeconds * 100} 0 0\n`);
}

describe('the connection of whoever types', () => {
  test('is found above sudo, which takes it out of the environment, and is as old as the first process that has it', async () => {
    await process(10, 1, { PATH: '/bin' }, 1);
    await process(20, 10, { SSH_CONNECTION: SSH }, 900);
    await process(30, 20, { SSH_CONNECTION: SSH }, 990);
    await process(40, 30, { SUDO_USER: 'dana' }, 999);
    const login = await findLogin({ SUDO_USER: 'dana' }, 40, proc);
    expect(login?.connection).toBe(SSH);
    expect(Date.now() - (login?.openedAt ?? 0)).toBeGreaterThan(100_000);
    expect(Date.now() - (login?.openedAt ?? 0)).toBeLessThan(110_000);
  });

  test('of a log-in from that log-in the nearest one counts', async () => {
    await process(20, 1, { SSH_CONNECTION: '192.0.2.1 1 192.0.2.2 22' }, 500);
    await process(30, 20, { SSH_CONNECTION: SSH }, 990);
    const login = await findLogin({ SSH_CONNECTION: SSH }, 30, proc);
    expect(login?.connection).toBe(SSH);
    expect(Date.now() - (login?.openedAt ?? 0)).toBeLessThan(20_000);
  });

  test('is none at the console', async () => {
    await process(20, 1, { TERM: 'linux' });
    expect(await findLogin({ TERM: 'linux' }, 20, proc)).toBeUndefined();
  });

  test('is the one of the environment where processes cannot be read', async () => {
    expect(await findLogin({ SSH_CLIENT: '203.0.113.9 51234 22' }, 77, proc)).toEqual({
      connection: '203.0.113.9 51234 22',
      openedAt: undefined,
    });
  });
});
