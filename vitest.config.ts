import { defineConfig } from 'vitest/config';

const project = (name: string, include: string, options: { timeoutMs: number; parallel: boolean }) => ({
  test: {
    name,
    include: [include],
    testTimeout: options.timeoutMs,
    hookTimeout: options.timeoutMs,
    fileParallelism: options.parallel,
    pool: 'forks' as const,
  },
});

export default defineConfig({
  test: {
    projects: [
      project('unit', 'test/unit/**/*.test.ts', { timeoutMs: 10_000, parallel: true }),
      project('property', 'test/property/**/*.test.ts', { timeoutMs: 180_000, parallel: true }),
      project('integration', 'test/integration/**/*.test.ts', { timeoutMs: 60_000, parallel: false }),
      project('e2e', 'test/e2e/**/*.test.ts', { timeoutMs: 180_000, parallel: false }),
    ],
  },
});
