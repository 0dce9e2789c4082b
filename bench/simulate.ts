import type { Bench, Result } from './bench.js';
import { SUBJECTS } from './simulation/channel.js';
import { plotScenario } from './simulation/plot/scenario-plot.js';
import { SCENARIOS } from './simulation/scenarios.js';
import { simulate as play, type Outcome } from './simulation/simulate.js';

/** Of what is recorded; another one by ROOKERY_SEED. */
const SEED = 1;

export const simulate: Bench = {
  name: 'simulate',
  summary: 'latency, failures and load of every balancer while instances come, go, slow down and fail',
  async *run({ onProgress, keep }) {
    const seed = Number(process.env['ROOKERY_SEED'] ?? SEED);
    onProgress(`simulate: seed ${seed}`);
    for (const scenario of SCENARIOS) {
      const outcomes: Outcome[] = [];
      for (const subject of [...SUBJECTS, ...(scenario.also ?? [])]) {
        const outcome = await play(scenario, subject, seed);
        outcomes.push(outcome);
        yield resultOf(outcome, seed);
      }
      keep(`simulate-${scenario.name}.svg`, plotScenario(scenario, outcomes, seed));
    }
  },
};

function resultOf(outcome: Outcome, seed: number): Result {
  const { scenario, subject, calls, failed, p50Ms, p99Ms, loadMaxMean, attemptsPerCall } = outcome;
  return { scenario, subject, calls, failed, p50Ms, p99Ms, loadMaxMean, attemptsPerCall, seed };
}
