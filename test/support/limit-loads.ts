/** Starts what limit-load.ts is, and hears from it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { LimitLoadOrder, LimitLoadResult } from './limit-load.ts';

export interface LimitLoad {
  readonly begin: () => void;
  readonly end: () => Promise<LimitLoadResult>;
  readonly kill: () => void;
}

/**
 * @param options.command first words of its command line, to run it somewhere else
 * @param options.skewMs how far all its clocks of the time of day are off
 */
export async function startLimitLoad(
  order: LimitLoadOrder,
  options: { readonly command?: readonly string[]; readonly skewMs?: number } = {},
): Promise<LimitLoad> {
  const script = new URL('./limit-load.ts', import.meta.url).pathname;
  const skewed = options.skewMs === undefined ? [] : ['--import', shiftOfTime(options.skewMs)];
  const [program = '', ...args] = [
    ...(options.command ?? []),
    process.execPath,
    ...skewed,
    ...['--import', 'tsx', script, JSON.stringify(order)],
  ];
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`${order.name} ended too early`);
    return value;
  };
  await line();
  return {
    begin: () => void child.stdin.write('begin\n'),
    end: async () => {
      child.stdin.write('end\n');
      // What limit-load.ts prints is its result.
      const result = JSON.parse(await line()) as LimitLoadResult;
      child.stdin.end();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      return result;
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

/** A module that moves `Date`; timers and the monotonic clock stay, as when the time of day is set. */
const shiftOfTime = (byMs: number): string =>
  `data:text/javascript,${encodeURIComponent(`
    const Real = Date;
    globalThis.Date = class extends Real {
      constructor(...args) { if (args.length === 0) super(Real.now() + ${byMs}); else super(...args); }
      static now() { return Real.now() + ${byMs}; }
    };`)}`;
