import { roll, type Outcome, type RollOptions } from '../test/support/rolling/roll.js';
import { seeded } from '../test/support/seeded.js';
import type { Bench, Result } from './bench.js';

const RESTARTS = 24;
/** Of each client, however fast the restarts are. */
const MIN_CALLS = 50_000;
/** Failures that are shown, of each subject. */
const SHOWN = 3;

/** Both clients of a run call the same servers at the same time. */
const RUNS: readonly (Pick<RollOptions, 'server' | 'clients'> & { readonly subject: string })[] = [
  { subject: 'rookery', server: 'rookery', clients: ['rookery', 'rookery-retries-off'] },
  { subject: 'rookery, mux', server: 'rookery-mux', clients: ['rookery-mux', 'rookery-mux-retries-off'] },
  { subject: 'stock Nest', server: 'stock', clients: ['stock', 'stock-retries-off'] },
  { subject: 'stock Nest, gracefulShutdown', server: 'stock-graceful', clients: ['stock', 'stock-retries-off'] },
];

export const rolling: Bench = {
  name: 'rolling',
  summary: 'calls that fail while four servers are restarted under load, against stock Nest (about 5 minutes)',
  async *run({ onProgress }) {
    const { seed } = seeded();
    for (const { subject, ...run } of RUNS) {
      onProgress(`${subject}: seed ${seed}`);
      const outcomes = await roll({
        ...run,
        restarts: RESTARTS,
        minCalls: MIN_CALLS,
        seed,
        onProgress: (line) => onProgress(`  ${line}`),
      });
      for (const outcome of outcomes) {
        for (const failure of outcome.failures.slice(0, SHOWN)) onProgress(`  ${failure}`);
        yield resultOf(subject, outcome);
      }
    }
  },
};

function resultOf(subject: string, outcome: Outcome): Result {
  const { client, calls, failed, statuses, restarts, seconds, slowestMs, seed } = outcome;
  const retries = client.endsWith('-retries-off') ? ', grpc retries off' : '';
  return { subject: subject + retries, calls, failed, statuses, restarts, seconds, slowestMs, seed };
}
