import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Where scripts/go.mjs builds. */
const bin = fileURLToPath(new URL('bin/etcd', import.meta.url));

/** `npm run test:interop`: everything that needs Go. `npm test` does not. */
export default defineConfig({
  root,
  resolve: { conditions: ['rookery-source'] },
  ssr: { resolve: { conditions: ['rookery-source'] } },
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'interop',
          include: ['test/interop/**/*.spec.ts'],
          exclude: ['test/interop/newer-etcd.spec.ts'],
          // All of what takes a minute at once.
          maxConcurrency: 20,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'newer-etcd',
          include: [
            'test/interop/newer-etcd.spec.ts',
            'test/faults/**/*.spec.ts',
            'libs/rookery/src/registries/etcd/**/*.spec.ts',
          ],
          env: { ETCD_BIN: `${bin}/server`, ETCDCTL_BIN: `${bin}/etcdctl`, ETCDUTL_BIN: `${bin}/etcdutl` },
          testTimeout: 30_000,
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
