import { keepLedgers } from '../test/support/exactly-once/run.js';
import { seeded } from '../test/support/seeded.js';
import type { Bench, Flags } from './bench.js';

const CALLS = 10_000_000;
const STRIKES = 60;
/** Starts of servers take from the machine what calls would have, ms. */
const CALM_MS = 2000;

export const exactlyOnce: Bench = {
  name: 'exactly-once',
  summary: 'calls over mux that run twice or get lost while servers are killed, drained, frozen (about 4 minutes)',
  flags: { calls: `how many at least; default ${CALLS}` },
  check: (flags) => void callsOf(flags),
  async *run({ flags, onProgress, onFailure }) {
    const { seed } = seeded();
    onProgress(`seed ${seed}`);
    const options = { calls: callsOf(flags), strikes: STRIKES, calmMs: CALM_MS, seed, onProgress };
    const { examples, surprises, fates, ...run } = await keepLedgers(options);
    for (const line of [...examples, ...surprises]) onFailure(line);
    const strikes = Object.values(fates).reduce((sum, times) => sum + times, 0);
    yield { subject: 'mux, 3 clients, 4 servers', ...run, strikes };
  },
};

function callsOf({ calls = `${CALLS}` }: Flags): number {
  if (!/^[1-9]\d{0,8}$/.test(calls)) throw new Error(`--calls takes a whole number, not ${calls}.`);
  return Number(calls);
}
