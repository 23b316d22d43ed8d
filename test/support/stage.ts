/**
 * The demo's stage for tests: a real Asterisk with phones and carriers, in this process's environment.
 *
 * `TOLLGATE_TEST_ASTERISK=16` runs it on Asterisk 16 instead of 22.
 */
import type { AsteriskVersion } from '../../src/demo/asterisk.ts';
import { type Stage, type StageOptions, startStage } from '../../src/demo/stage.ts';

/** The version the end-to-end tests run on. */
export const testedAsterisk: AsteriskVersion = process.env['TOLLGATE_TEST_ASTERISK'] === '16' ? 16 : 22;

/** Builds the stage; see {@link startStage}. */
export function startTestStage(options: Omit<StageOptions, 'env'>): Promise<Stage> {
  return startStage({ version: testedAsterisk, ...options, env: process.env });
}

/** The lines of Asterisk's log that `Log(NOTICE,mark …)` wrote since the text in `since`. */
export async function markedLines(stage: Stage, mark: string, since = ''): Promise<readonly string[]> {
  const log = (await stage.asterisk.log()).slice(since.length);
  return log
    .split('\n')
    .filter((line) => /\] (NOTICE|WARNING)\[/.test(line) && line.includes(`: ${mark} `))
    .map((line) => line.slice(line.indexOf(`: ${mark} `) + mark.length + 3));
}
