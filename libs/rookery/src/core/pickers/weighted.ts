import type { Picker, PickRequest, Weighted } from '../picker.js';
import type { Random } from '../time.js';
import { MinHeap } from './min-heap.js';

interface Entry<C> {
  readonly candidate: C;
  /** Place in the heap. */
  index: number;
  weight: number;
  /** Deadlines are `anchor + picks / weight`, computed and not accumulated, so that rounding does not drift. */
  anchor: number;
  picks: number;
  /** Breaks ties the same way every time. */
  readonly order: number;
}

/** Children of a place in the heap: half as many levels as with two, and the deadlines of four lie side by side. */
const CHILDREN = 4;

/**
 * Earliest deadline first over a heap: a candidate of weight w is due w times in one unit of virtual time.
 * Smooth, exact over a cycle for whole weights, O(log n) for every step; the first deadlines are random, so that many
 * clients that start together do not march in step (gRFC A58).
 */
export function weighted<C extends Weighted>(random: Random): Picker<C> {
  return new EarliestDeadlineFirst<C>(random);
}

class EarliestDeadlineFirst<C extends Weighted> implements Picker<C> {
  readonly #heap: Entry<C>[] = [];
  /** Of each entry, by its place: apart from them, or every step down a large heap would wait for memory. */
  #deadlines = new Float64Array(16);
  readonly #entries = new Map<C, Entry<C>>();
  #now = 0;
  #order = 0;

  constructor(private readonly random: Random) {}

  add(candidate: C): void {
    if (this.#entries.has(candidate)) return;
    const { weight } = candidate;
    const anchor = this.#now + this.random() / weight;
    const entry = { candidate, index: this.#heap.length, weight, anchor, picks: 0, order: this.#order++ };
    this.#entries.set(candidate, entry);
    this.#heap.push(entry);
    if (this.#heap.length > this.#deadlines.length) this.#grow();
    this.#up(entry, anchor);
  }

  remove(candidate: C): void {
    const entry = this.#entries.get(candidate);
    if (!entry) return;
    this.#entries.delete(candidate);
    const last = this.#heap.pop()!;
    if (last === entry) return;
    const deadline = this.#deadlines[last.index]!;
    last.index = entry.index;
    this.#settle(last, deadline);
  }

  reweigh(candidate: C): void {
    const entry = this.#entries.get(candidate);
    if (!entry || entry.weight === candidate.weight) return;
    // What is left of the wait is scaled: a candidate that becomes heavier is due sooner.
    const left = Math.max(0, this.#deadlines[entry.index]! - this.#now) * (entry.weight / candidate.weight);
    entry.weight = candidate.weight;
    entry.anchor = this.#now + left;
    entry.picks = 0;
    this.#settle(entry, entry.anchor);
  }

  pick(request: PickRequest<C>): C | undefined {
    const first = this.#heap[0];
    if (!first) return undefined;
    if (!request.skip?.(first.candidate)) return this.#take(first);
    const next = this.#firstNotSkipped(request);
    return next && this.#take(next);
  }

  #take(entry: Entry<C>): C {
    const deadline = this.#deadlines[entry.index]!;
    if (this.#now - deadline > 1 / entry.weight) {
      // It was passed over for more than a turn. What it missed is gone: else it would get every pick until it caught up.
      entry.anchor = this.#now;
      entry.picks = 0;
    }
    this.#now = Math.max(this.#now, deadline);
    entry.picks += 1;
    this.#down(entry, entry.anchor + entry.picks / entry.weight);
    return entry.candidate;
  }

  /**
   * Walks the heap best first: who is next is a child of one that was passed over. Skipping is for the few candidates of
   * a retry, or the groups of a split, and costs O(k log k) for k of them.
   */
  #firstNotSkipped(request: PickRequest<C>): Entry<C> | undefined {
    const frontier = new MinHeap<Entry<C>>((a, b) => this.#isBefore(this.#deadlines[a.index]!, a, b.index));
    let passed = this.#heap[0]!;
    for (;;) {
      const first = CHILDREN * passed.index + 1;
      for (const child of this.#heap.slice(first, first + CHILDREN)) frontier.push(child);
      const next = frontier.pop();
      if (!next || !request.skip!(next.candidate)) return next;
      passed = next;
    }
  }

  #settle(entry: Entry<C>, deadline: number): void {
    this.#up(entry, deadline);
    this.#down(entry, deadline);
  }

  /** From its place, where nobody else is. */
  #up(entry: Entry<C>, deadline: number): void {
    let index = entry.index;
    while (index > 0) {
      const parent = (index - 1) >> 2;
      if (!this.#isBefore(deadline, entry, parent)) break;
      this.#put(this.#heap[parent]!, index, this.#deadlines[parent]!);
      index = parent;
    }
    this.#put(entry, index, deadline);
  }

  #down(entry: Entry<C>, deadline: number): void {
    let index = entry.index;
    for (;;) {
      const child = this.#firstChild(index);
      if (child < 0 || this.#isBefore(deadline, entry, child)) break;
      this.#put(this.#heap[child]!, index, this.#deadlines[child]!);
      index = child;
    }
    this.#put(entry, index, deadline);
  }

  /** The child that is due first; -1 where there is none. */
  #firstChild(index: number): number {
    const first = CHILDREN * index + 1;
    const end = Math.min(first + CHILDREN, this.#heap.length);
    if (first >= end) return -1;
    let best = first;
    for (let child = first + 1; child < end; child += 1) {
      if (this.#isBefore(this.#deadlines[child]!, this.#heap[child]!, best)) best = child;
    }
    return best;
  }

  #put(entry: Entry<C>, index: number, deadline: number): void {
    entry.index = index;
    this.#heap[index] = entry;
    this.#deadlines[index] = deadline;
  }

  /** Whether it is due before the one at `place`; who came first, where both are due at once. */
  #isBefore(deadline: number, entry: Entry<C>, place: number): boolean {
    const other = this.#deadlines[place]!;
    return deadline < other || (deadline === other && entry.order < this.#heap[place]!.order);
  }

  #grow(): void {
    const deadlines = new Float64Array(2 * this.#deadlines.length);
    deadlines.set(this.#deadlines);
    this.#deadlines = deadlines;
  }
}
