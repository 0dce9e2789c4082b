import { defineConfig } from 'vitest/config';

/** What fills the machine by itself. */
const ALONE = ['test/faults/**/*.spec.ts', 'test/mux/**/*.spec.ts'];
/** What needs Go has a configuration of its own: `npm run test:interop`. */
const INTEROP = ['test/interop/**/*.spec.ts'];

// Tests import the sources of the workspace packages (condition `rookery-source`), so a unit test needs no build;
// the programs that the e2e tests start as processes run from `dist`, which `pretest` builds.
export default defineConfig({
  resolve: { conditions: ['rookery-source'] },
  ssr: { resolve: { conditions: ['rookery-source'] } },
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'main',
          include: [
            'libs/*/src/**/*.spec.ts',
            'test/**/*.spec.ts',
            'sample/*/test/**/*.spec.ts',
            'src/**/*.spec.ts',
            'bench/**/*.spec.ts',
          ],
          exclude: [...ALONE, ...INTEROP],
          sequence: { groupOrder: 0 },
        },
      },
      // After the others: a dozen of fleets at once leave little of a small machine to whoever runs beside them.
      // They mostly wait, so there is one more of them at a time.
      { extends: true, test: { name: 'faults', include: ALONE, maxWorkers: 3, sequence: { groupOrder: 1 } } },
    ],
  },
});
