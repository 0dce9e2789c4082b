import type { Candidate, Picker } from '../picker.js';
import type { Random } from '../time.js';
import { TwoChoices } from './two-choices.js';

/**
 * Of two candidates sampled by weight, the one with fewer calls of this client for its weight (gRFC A48, with weights).
 * For calls that differ much in how long they take, and for streams.
 */
export function leastRequest<C extends Candidate>(random: Random): Picker<C> {
  return new TwoChoices<C>(random, isLessBusy);
}

function isLessBusy(second: Candidate, first: Candidate): boolean {
  return second.running * first.weight < first.running * second.weight;
}
