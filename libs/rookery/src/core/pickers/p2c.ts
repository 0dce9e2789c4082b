import type { Candidate, Picker } from '../picker.js';
import type { Random } from '../time.js';
import { TwoChoices } from './two-choices.js';

/** The second candidate must be cheaper than this share of the first: latencies of equals differ that much by chance. */
const CHEAPER = 0.8;

/**
 * Power of two choices over latency and load: of two candidates sampled by weight, the one that costs less, where the
 * cost is `latencyMs × (1 + running × mean weight / weight)` (Finagle, p2c with peak EWMA). A slow instance gets less
 * without being thrown out; where all are as fast, shares follow the weights.
 *
 * One whose latency is not known yet is compared by its load alone, and is asked one call at a time until it has
 * answered.
 */
export function p2c<C extends Candidate>(random: Random): Picker<C> {
  return new TwoChoices<C>(random, isCheaper);
}

function isCheaper(second: Candidate, first: Candidate, meanWeight: number): boolean {
  const a = first.latencyMs;
  const b = second.latencyMs;
  if (a !== undefined && b !== undefined) return b * load(second, meanWeight) < CHEAPER * a * load(first, meanWeight);
  const firstAsked = isBeingAsked(first, a);
  if (firstAsked !== isBeingAsked(second, b)) return firstAsked;
  return load(second, meanWeight) < CHEAPER * load(first, meanWeight);
}

/** Its first answer is under way. */
function isBeingAsked({ runningUnary }: Candidate, latencyMs: number | undefined): boolean {
  return latencyMs === undefined && runningUnary > 0;
}

function load({ running, weight }: Candidate, meanWeight: number): number {
  return 1 + (running * meanWeight) / weight;
}
