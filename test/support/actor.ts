/** An actor of siege-actor.ts: a process in a network namespace that does on demand what phones and attackers do. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Commands } from './siege-actor.ts';

export interface Actor {
  /** @throws {Error} that it threw there */
  readonly ask: <Name extends keyof Commands>(
    name: Name,
    ...args: Parameters<Commands[Name]>
  ) => Promise<Awaited<ReturnType<Commands[Name]>>>;
  readonly end: () => Promise<void>;
}

/** In the language that this file is in. */
const script = import.meta.url.endsWith('.ts')
  ? ['--import', import.meta.resolve('tsx'), fileURLToPath(new URL('./siege-actor.ts', import.meta.url))]
  : [fileURLToPath(new URL('./siege-actor.js', import.meta.url))];

/** @param command first words of a command line that runs in the namespace */
export async function startActor([program, ...prefix]: readonly [string, ...string[]]): Promise<Actor> {
  const args = [...prefix, process.execPath, ...script];
  const child: ChildProcess = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('an actor has no pipes');
  const waiting = new Map<number, (answer: readonly [number, unknown, string?]) => void>();
  createInterface({ input: stdout }).on('line', (line) => {
    const answer = JSON.parse(line) as [number, unknown, string?];
    waiting.get(answer[0])?.(answer);
    waiting.delete(answer[0]);
  });
  child.once('exit', () => {
    for (const [id, tell] of waiting) tell([id, null, 'the actor has ended']);
  });
  let last = 0;
  const ask: Actor['ask'] = async (name, ...args) => {
    const id = ++last;
    const answered = new Promise<readonly [number, unknown, string?]>((resolve) => waiting.set(id, resolve));
    stdin.write(`${JSON.stringify([id, name, ...args])}\n`);
    const [, value, problem] = await answered;
    if (problem !== undefined) throw new Error(`${name}: ${problem}`);
    // What siege-actor.ts answers is what Commands says.
    return value as never;
  };
  await ask('ready');
  return {
    ask,
    end: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}
