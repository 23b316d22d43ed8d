/**
 * The program as tests start it. `npm test` compiles it once, which makes each start a second faster; otherwise it runs
 * from its sources, so that nobody tests what he changed since.
 */
import { fileURLToPath } from 'node:url';

/** Names the compiled program, where there is one that is up to date. */
export const COMPILED_PROGRAM = 'COMPILED_TOLLGATE';

const compiled = process.env[COMPILED_PROGRAM];

/** Arguments for node, wherever it is started. */
export const programArgs: readonly string[] =
  compiled === undefined || compiled === ''
    ? ['--import', import.meta.resolve('tsx'), fileURLToPath(new URL('../../src/main.ts', import.meta.url))]
    : [compiled];
