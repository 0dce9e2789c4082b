import { afterEach, describe, expect, it } from 'vitest';
import { keepLedgers } from '../support/exactly-once/run.js';
import { stopProbes } from '../support/probe-server.js';
import { seeded } from '../support/seeded.js';

/** `MUX_CALLS=10000000` makes so many; each of them is held against the same rules. */
const CALLS = Number(process.env['MUX_CALLS'] ?? 200_000);
/** Servers that something becomes of, at least. */
const STRIKES = 8;
/** A run that is slower hangs. */
const LEAST_CALLS_PER_SECOND = 2000;

describe('servers that are killed, drained, frozen and replaced at random, under calls over mux', () => {
  // A test that ran out of time left them.
  afterEach(stopProbes);

  it(
    'start each call once, except for idempotent ones, and each call ends, once, with its own answer or an error',
    async ({ signal }) => {
      const { seed } = seeded();
      const { examples, surprises, ...run } = await keepLedgers({ calls: CALLS, strikes: STRIKES, seed, signal });
      console.log(JSON.stringify(run));
      expect({ examples, surprises }, `seed ${seed}`).toEqual({ examples: [], surprises: [] });
      expect(run).toMatchObject({ startedTwice: 0, neverStarted: 0, neverEnded: 0, mixedUp: 0, madeUp: 0 });
      expect(run.idempotentFailed).toBe(0);
      expect(run.ok + run.failed).toBe(run.calls);
      expect(run.calls).toBeGreaterThanOrEqual(CALLS);
      // Else nothing was put to the test.
      expect(run.statuses['UNAVAILABLE']).toBeGreaterThan(0);
      expect(run.streams).toBeLessThan(run.calls / 20);
    },
    120_000 + (CALLS / LEAST_CALLS_PER_SECOND) * 1000,
  );
});
