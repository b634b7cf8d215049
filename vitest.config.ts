import { defineConfig } from 'vitest/config';

const project = (
  name: string,
  include: string[],
  options: { testTimeoutMs: number; parallelFiles: boolean },
) => ({
  test: {
    name,
    include,
    pool: 'forks' as const,
    fileParallelism: options.parallelFiles,
    testTimeout: options.testTimeoutMs,
    hookTimeout: 120_000,
  },
});

export default defineConfig({
  test: {
    projects: [
      project('unit', ['src/**/*.test.ts', 'test/*.test.ts', 'scripts/**/*.test.ts'], {
        testTimeoutMs: 20_000,
        parallelFiles: true,
      }),
      project('contract', ['test/contract/**/*.test.ts'], {
        testTimeoutMs: 60_000,
        parallelFiles: false,
      }),
      project('integration', ['test/integration/**/*.test.ts'], {
        testTimeoutMs: 120_000,
        parallelFiles: false,
      }),
      project('acceptance', ['test/acceptance/**/*.test.ts'], {
        testTimeoutMs: 300_000,
        parallelFiles: false,
      }),
    ],
  },
});
