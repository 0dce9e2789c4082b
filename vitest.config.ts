import { defineConfig } from 'vitest/config';

// Tests import the sources of the workspace packages (condition `rookery-source`), so a unit test needs no build;
// the programs that the e2e tests start as processes run from `dist`, which `pretest` builds.
export default defineConfig({
  resolve: { conditions: ['rookery-source'] },
  ssr: { resolve: { conditions: ['rookery-source'] } },
  test: {
    include: ['libs/*/src/**/*.spec.ts', 'test/**/*.spec.ts', 'sample/*/test/**/*.spec.ts', 'src/**/*.spec.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
