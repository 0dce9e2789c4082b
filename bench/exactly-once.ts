import { keepLedgers } from '../test/support/exactly-once/run.js';
import { seeded } from '../test/support/seeded.js';
import type { Bench } from './bench.js';

const CALLS = Number(process.env['MUX_CALLS'] ?? 10_000_000);
const STRIKES = 60;
/** Starts of servers take from the machine what calls would have, ms. */
const CALM_MS = 2000;

export const exactlyOnce: Bench = {
  name: 'exactly-once',
  summary: 'calls over mux that run twice or get lost while servers are killed, drained, frozen (about 4 minutes)',
  async *run({ onProgress, onFailure }) {
    const { seed } = seeded();
    onProgress(`seed ${seed}`);
    const options = { calls: CALLS, strikes: STRIKES, calmMs: CALM_MS, seed, onProgress };
    const { examples, surprises, fates, ...run } = await keepLedgers(options);
    for (const line of [...examples, ...surprises]) onFailure(line);
    const strikes = Object.values(fates).reduce((sum, times) => sum + times, 0);
    yield { subject: 'mux, 3 clients, 4 servers', ...run, strikes };
  },
};
