import type { Weighted } from '../picker.js';
import type { Random } from '../time.js';

/**
 * Chooses candidates at random by weight: a binary indexed tree of the weights (Fenwick 1994). Everything is O(log n),
 * and a choice allocates nothing.
 */
export class WeightedSampler<C extends Weighted> {
  readonly #candidates: C[] = [];
  readonly #places = new Map<C, number>();
  /** Of each candidate, as it was counted. */
  #weights = new Float64Array(16);
  /** `#sums[i]` is the weight of the places `i - (i & -i)` to `i - 1`. */
  #sums = new Float64Array(17);
  /** The highest power of two within the capacity. */
  #top = 16;
  #total = 0;
  /** The place of the last sample, and the weight before it. */
  #place = -1;
  #before = 0;

  constructor(private readonly random: Random) {}

  get size(): number {
    return this.#candidates.length;
  }

  /** The mean weight; 0 of nobody. */
  get mean(): number {
    return this.size === 0 ? 0 : this.#total / this.size;
  }

  at(place: number): C {
    return this.#candidates[place]!;
  }

  add(candidate: C): void {
    if (this.#places.has(candidate)) return;
    if (this.size === this.#top) this.#grow();
    this.#places.set(candidate, this.size);
    this.#candidates.push(candidate);
    this.#weigh(this.size - 1, candidate.weight);
  }

  /** The last one takes the place, so that there are no gaps. */
  remove(candidate: C): void {
    const place = this.#places.get(candidate);
    if (place === undefined) return;
    const last = this.#candidates.pop()!;
    this.#places.delete(candidate);
    if (last !== candidate) {
      this.#candidates[place] = last;
      this.#places.set(last, place);
      this.#weigh(place, this.#weights[this.size]!);
    }
    this.#weigh(this.size, 0);
  }

  reweigh(candidate: C): void {
    const place = this.#places.get(candidate);
    if (place !== undefined) this.#weigh(place, candidate.weight);
  }

  /** One of all, by weight. */
  first(): C | undefined {
    if (this.size === 0) return undefined;
    return this.#find(this.random() * this.#total);
  }

  /** One of the others than the last sample, by weight. */
  other(): C | undefined {
    if (this.size < 2) return undefined;
    const weight = this.#weights[this.#place]!;
    const mark = this.random() * (this.#total - weight);
    return this.#find(mark < this.#before ? mark : mark + weight);
  }

  #find(mark: number): C {
    let place = 0;
    let left = mark;
    for (let step = this.#top; step > 0; step >>= 1) {
      const next = place + step;
      if (next > this.#top || this.#sums[next]! > left) continue;
      place = next;
      left -= this.#sums[next]!;
    }
    // Rounding of weights that are not whole may lead past the end.
    this.#place = Math.min(place, this.size - 1);
    this.#before = mark - left;
    return this.#candidates[this.#place]!;
  }

  #weigh(place: number, weight: number): void {
    const change = weight - this.#weights[place]!;
    this.#weights[place] = weight;
    this.#total += change;
    for (let i = place + 1; i <= this.#top; i += i & -i) this.#sums[i]! += change;
  }

  #grow(): void {
    const weights = this.#weights;
    this.#top *= 2;
    this.#weights = new Float64Array(this.#top);
    this.#sums = new Float64Array(this.#top + 1);
    this.#total = 0;
    weights.forEach((weight, place) => this.#weigh(place, weight));
  }
}
