import type { Picker, PickRequest, Weighted } from '../picker.js';
import type { Random } from '../time.js';

interface Entry<C> {
  readonly candidate: C;
  /** Place in the heap. */
  index: number;
  weight: number;
  /** Deadlines are `anchor + picks / weight`, computed and not accumulated, so that rounding does not drift. */
  anchor: number;
  picks: number;
  deadline: number;
  /** Breaks ties the same way every time. */
  readonly order: number;
}

/**
 * Earliest deadline first over a binary heap: a candidate of weight w is due w times in one unit of virtual time.
 * Smooth, exact over a cycle for whole weights, O(log n) for every step; the first deadlines are random, so that many
 * clients that start together do not march in step (gRFC A58).
 */
export function weighted<C extends Weighted>(random: Random): Picker<C> {
  return new EarliestDeadlineFirst<C>(random);
}

class EarliestDeadlineFirst<C extends Weighted> implements Picker<C> {
  readonly #heap: Entry<C>[] = [];
  readonly #entries = new Map<C, Entry<C>>();
  #now = 0;
  #order = 0;

  constructor(private readonly random: Random) {}

  add(candidate: C): void {
    if (this.#entries.has(candidate)) return;
    const { weight } = candidate;
    const deadline = this.#now + this.random() / weight;
    const entry = {
      candidate,
      index: this.#heap.length,
      weight,
      anchor: deadline,
      picks: 0,
      deadline,
      order: this.#order++,
    };
    this.#entries.set(candidate, entry);
    this.#heap.push(entry);
    this.#up(entry);
  }

  remove(candidate: C): void {
    const entry = this.#entries.get(candidate);
    if (!entry) return;
    this.#entries.delete(candidate);
    const last = this.#heap.pop()!;
    if (last === entry) return;
    last.index = entry.index;
    this.#heap[last.index] = last;
    this.#settle(last);
  }

  reweigh(candidate: C): void {
    const entry = this.#entries.get(candidate);
    if (!entry || entry.weight === candidate.weight) return;
    // What is left of the wait is scaled: a candidate that becomes heavier is due sooner.
    const left = Math.max(0, entry.deadline - this.#now) * (entry.weight / candidate.weight);
    entry.weight = candidate.weight;
    entry.anchor = entry.deadline = this.#now + left;
    entry.picks = 0;
    this.#settle(entry);
  }

  pick(request: PickRequest<C>): C | undefined {
    const first = this.#heap[0];
    if (!first) return undefined;
    if (!request.skip?.(first.candidate)) return this.#take(first);
    const next = this.#firstNotSkipped(request);
    return next && this.#take(next);
  }

  #take(entry: Entry<C>): C {
    if (this.#now - entry.deadline > 1 / entry.weight) {
      // It was passed over for more than a turn. What it missed is gone: else it would get every pick until it caught up.
      entry.anchor = this.#now;
      entry.picks = 0;
    }
    this.#now = Math.max(this.#now, entry.deadline);
    entry.picks += 1;
    entry.deadline = entry.anchor + entry.picks / entry.weight;
    this.#down(entry);
    return entry.candidate;
  }

  /** Walks the heap best first: skipping is for the few candidates of a retry, or the groups of a split. */
  #firstNotSkipped(request: PickRequest<C>): Entry<C> | undefined {
    return this.#heap.toSorted((a, b) => (before(a, b) ? -1 : 1)).find((entry) => !request.skip!(entry.candidate));
  }

  #settle(entry: Entry<C>): void {
    this.#up(entry);
    this.#down(entry);
  }

  #up(entry: Entry<C>): void {
    while (entry.index > 0) {
      const parent = this.#heap[(entry.index - 1) >> 1]!;
      if (!before(entry, parent)) return;
      this.#swap(entry, parent);
    }
  }

  #down(entry: Entry<C>): void {
    for (;;) {
      const left = this.#heap[2 * entry.index + 1];
      if (!left) return;
      const right = this.#heap[2 * entry.index + 2];
      const child = right && before(right, left) ? right : left;
      if (!before(child, entry)) return;
      this.#swap(entry, child);
    }
  }

  #swap(a: Entry<C>, b: Entry<C>): void {
    const { index } = a;
    a.index = b.index;
    b.index = index;
    this.#heap[a.index] = a;
    this.#heap[b.index] = b;
  }
}

function before(a: { deadline: number; order: number }, b: { deadline: number; order: number }): boolean {
  return a.deadline < b.deadline || (a.deadline === b.deadline && a.order < b.order);
}
