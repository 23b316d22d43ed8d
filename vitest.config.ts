import { defineConfig } from 'vitest/config';

const project = (
  name: string,
  include: string,
  options: { timeoutMs: number; atOnce: number; order: number; retry?: number; setup?: string },
) => ({
  test: {
    name,
    include: [include],
    testTimeout: options.timeoutMs,
    hookTimeout: options.timeoutMs,
    maxWorkers: options.atOnce,
    retry: options.retry ?? 0,
    sequence: { groupOrder: options.order },
    globalSetup: options.setup ?? [],
    pool: 'forks' as const,
  },
});

export default defineConfig({
  test: {
    projects: [
      project('unit', 'test/unit/**/*.test.ts', { timeoutMs: 10_000, atOnce: 2, order: 0 }),
      project('property', 'test/property/**/*.test.ts', { timeoutMs: 180_000, atOnce: 2, order: 1 }),
      // Deadlines of a quarter of a second are tested here: no more than there are cores.
      project('integration', 'test/integration/**/*.test.ts', { timeoutMs: 60_000, atOnce: 2, order: 2, retry: 2 }),
      // These mostly wait for calls. Whatever passes only when tried again is named at the end of `npm test`.
      project('e2e', 'test/e2e/**/*.test.ts', { timeoutMs: 180_000, atOnce: 3, order: 3, retry: 2 }),
      project('browser', 'test/browser/**/*.test.ts', {
        ...{ timeoutMs: 90_000, atOnce: 2, order: 4, retry: 2 },
        setup: 'test/support/build-page.ts',
      }),
    ],
  },
});
