import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const watchdog = fileURLToPath(new URL('../../src/watchdog.ts', import.meta.url));

async function run(
  program: string,
): Promise<{ readonly signal: string | null; readonly code: number | null; readonly error: string }> {
  const source = `import { startWatchdog } from ${JSON.stringify(watchdog)};\n${program}`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let error = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    error += text;
  });
  child.stdout.once('data', () => child.emit('said'));
  const said = once(child, 'said').then(() => child.pid);
  stopAndContinue(said);
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code, signal, error };
}

/** Only a child that says something is stopped for a while. */
function stopAndContinue(said: Promise<number | undefined>): void {
  void said.then((pid) => {
    if (pid === undefined) return;
    process.kill(pid, 'SIGSTOP');
    setTimeout(() => process.kill(pid, 'SIGCONT'), 2000);
  });
}

test('a process whose event loop stands still is killed and says why', async () => {
  const { signal, error } = await run('startWatchdog({ standsStillMs: 1000 }); setTimeout(() => { for (;;); }, 300);');
  expect(signal).toBe('SIGKILL');
  expect(error).toContain('the event loop stands still');
});

test('a process that works, and one that was stopped and continued as a whole, are left alone', async () => {
  const program =
    'const dog = startWatchdog({ standsStillMs: 1000 }); SAY setTimeout(async () => { await dog.close(); process.exit(7); }, 3500);';
  const [working, stopped] = await Promise.all([
    run(program.replace('SAY', '')),
    run(program.replace('SAY', "console.log('now');")),
  ]);
  expect([working.code, stopped.code]).toEqual([7, 7]);
});
