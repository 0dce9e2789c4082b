import type { Candidate, Picker, PickRequest } from '../picker.js';
import type { Random } from '../time.js';
import { WeightedSampler } from './sampler.js';

/** Samples that may be skipped before everybody is looked at. */
const TRIES = 3;

/**
 * Whether the second one is to be taken instead of the first. Where both are about as good the answer is no: the first
 * was sampled by weight, and idle candidates get their share so.
 */
export type IsBetter<C> = (second: C, first: C, meanWeight: number) => boolean;

/**
 * Samples two candidates by weight and takes the better one: nearly as even as asking everybody, at a cost that does not
 * depend on how many there are, and without the herd that runs to the one best (Mitzenmacher 2001).
 */
export class TwoChoices<C extends Candidate> implements Picker<C> {
  readonly #sampler: WeightedSampler<C>;

  constructor(
    random: Random,
    private readonly isBetter: IsBetter<C>,
  ) {
    this.#sampler = new WeightedSampler(random);
  }

  add(candidate: C): void {
    this.#sampler.add(candidate);
  }

  remove(candidate: C): void {
    this.#sampler.remove(candidate);
  }

  reweigh(candidate: C): void {
    this.#sampler.reweigh(candidate);
  }

  pick(request: PickRequest<C>): C | undefined {
    const sampler = this.#sampler;
    const first = sampler.first();
    const second = sampler.other();
    if (!first || (request.skip && (request.skip(first) || (second && request.skip(second))))) {
      return first && this.#pickAround(request);
    }
    return second && this.isBetter(second, first, sampler.mean) ? second : first;
  }

  /** Where one of the two is skipped: few are as a rule, so two others are soon found. */
  #pickAround(request: PickRequest<C>): C | undefined {
    let first: C | undefined;
    for (let i = 0; i < 2 * TRIES; i += 1) {
      const one = this.#sampler.first()!;
      if (one === first || request.skip!(one)) continue;
      if (first) return this.isBetter(one, first, this.#sampler.mean) ? one : first;
      first = one;
    }
    return first ?? this.#best(request);
  }

  #best(request: PickRequest<C>): C | undefined {
    const { size, mean } = this.#sampler;
    let best: C | undefined;
    for (let place = 0; place < size; place += 1) {
      const one = this.#sampler.at(place);
      if (!request.skip!(one) && (!best || this.isBetter(one, best, mean))) best = one;
    }
    return best;
  }
}
