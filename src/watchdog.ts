/**
 * Ends a daemon that has stopped thinking.
 *
 * Asterisk waits for a FastAGI server without any time limit, and neither a time-out of the dialplan nor the caller's
 * hang-up ends that: a daemon whose event loop stands still holds every call that asks it. Once the process is gone, the
 * connections break, and each of those calls goes the way that `TOLLGATE_ON_FAILURE` says. So a thread beside the event
 * loop watches it, and kills the process when it has stood still for too long; whoever supervises it starts it again.
 */
import { Worker } from 'node:worker_threads';

const BEAT_EVERY_MS = 250;
/** Longer than any pause for garbage seen under load (under 100 ms), shorter than a caller's patience. */
const STANDS_STILL_MS = 3000;

/** Plain JavaScript in a string, so that it runs the same from sources and from the built program. */
const WATCHER = `
const { workerData: { beat, everyMs, stillMs } } = require('node:worker_threads');
const { writeSync } = require('node:fs');
let last = Atomics.load(beat, 0), stillFor = 0;
for (;;) {
  const before = performance.now();
  if (Atomics.wait(beat, 1, 0, everyMs) !== 'timed-out') break;
  const now = Atomics.load(beat, 0);
  // The whole process was stopped and continued, or the machine slept: that is no fault of the event loop.
  const stopped = performance.now() - before > 4 * everyMs;
  stillFor = now !== last || stopped ? 0 : stillFor + everyMs;
  last = now;
  if (stillFor >= stillMs) {
    writeSync(2, JSON.stringify({ level: 'fatal', time: new Date().toISOString(), msg: 'the event loop stands still: ending, so that no call waits for ever', stillForMs: stillFor }) + '\\n');
    process.kill(process.pid, 'SIGKILL');
  }
}`;

/** Starts watching the event loop of this process. */
export function startWatchdog(options: { readonly standsStillMs?: number } = {}): {
  readonly close: () => Promise<void>;
} {
  const beat = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(WATCHER, {
    eval: true,
    // None of this process's own: a loader would only slow the thread down.
    execArgv: [],
    workerData: { beat, everyMs: BEAT_EVERY_MS, stillMs: options.standsStillMs ?? STANDS_STILL_MS },
  });
  worker.unref();
  const timer = setInterval(() => Atomics.add(beat, 0, 1), BEAT_EVERY_MS / 2);
  timer.unref();
  return {
    close: async () => {
      clearInterval(timer);
      Atomics.store(beat, 1, 1);
      Atomics.notify(beat, 1);
      await worker.terminate();
    },
  };
}
