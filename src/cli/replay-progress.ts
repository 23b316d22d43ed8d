/** How far a replay of call records has come, for somebody who waits at a terminal. */
import type { Progress } from '../simulate/replay-file.ts';
import type { Terminal } from './terminal.ts';

export const count = (calls: number): string => calls.toLocaleString('en-US');

const SHOWN_AFTER_MS = 500;
const SHOWN_EVERY_MS = 200;

/** One line on the terminal that is overwritten; nothing where standard error is none. */
export function createProgress(terminal: Terminal) {
  const isTerminal = process.stderr.isTTY && terminal.env['TERM'] !== 'dumb';
  let [doing, beganMs, shownMs]: [Progress['doing'] | undefined, number, number] = [undefined, 0, 0];
  let isShown = false;
  return {
    show: (progress: Progress): void => {
      const nowMs = performance.now();
      if (progress.doing !== doing)
        [doing, beganMs, shownMs] = [progress.doing, nowMs, nowMs + SHOWN_AFTER_MS - SHOWN_EVERY_MS];
      if (!isTerminal || progress.total === 0 || nowMs - shownMs < SHOWN_EVERY_MS) return;
      [shownMs, isShown] = [nowMs, true];
      const share = progress.done / progress.total;
      const bar = '█'.repeat(Math.round(20 * share)).padEnd(20, '░');
      const perSecond = (1000 * progress.done) / (nowMs - beganMs);
      const speed =
        doing === 'reading' ? `${(perSecond / 1e6).toFixed(0)} MB/s` : `${count(Math.round(perSecond))} rows/s`;
      terminal.error(`\r${bar} ${Math.floor(100 * share)} % ${doing}, ${speed}\u001b[K`);
    },
    clear: (): void => {
      if (isShown) terminal.error('\r\u001b[K');
    },
  };
}
