import type { Picker, PickRequest, Weighted } from '../picker.js';
import type { Random } from '../time.js';
import { MinHeap } from './min-heap.js';

/** Children of a place in the heap: half as many levels as with two, and the deadlines of four lie side by side. */
const CHILDREN = 4;
const CAPACITY = 16;

/**
 * Earliest deadline first over a heap: a candidate of weight w is due w times in one unit of virtual time.
 * Smooth, exact over a cycle for whole weights, O(log n) for every step; the first deadlines are random, so that many
 * clients that start together do not march in step (gRFC A58).
 */
export function weighted<C extends Weighted>(random: Random): Picker<C> {
  return new EarliestDeadlineFirst<C>(random);
}

/**
 * A candidate has a slot for as long as it is there; what is known of it lies in arrays by slot, and the heap is one of
 * slots. With an object for each, every step down a large heap would wait for memory.
 */
class EarliestDeadlineFirst<C extends Weighted> implements Picker<C> {
  readonly #slots = new Map<C, number>();
  readonly #candidates: (C | undefined)[] = [];
  readonly #free: number[] = [];
  #size = 0;
  #now = 0;
  #order = 0;
  /** By place in the heap. */
  #heap = new Int32Array(CAPACITY);
  #deadlines = new Float64Array(CAPACITY);
  /** By slot. Deadlines are `anchor + picks / weight`, computed and not accumulated, so that rounding does not drift. */
  #places = new Int32Array(CAPACITY);
  #weights = new Float64Array(CAPACITY);
  #anchors = new Float64Array(CAPACITY);
  #picks = new Float64Array(CAPACITY);
  /** Breaks ties the same way every time. */
  #orders = new Float64Array(CAPACITY);

  constructor(private readonly random: Random) {}

  add(candidate: C): void {
    if (this.#slots.has(candidate)) return;
    if (this.#size === this.#heap.length) this.#grow();
    const slot = this.#free.pop() ?? this.#size;
    this.#slots.set(candidate, slot);
    this.#candidates[slot] = candidate;
    this.#weights[slot] = candidate.weight;
    this.#orders[slot] = this.#order++;
    const deadline = this.#now + this.random() / candidate.weight;
    this.#start(slot, deadline);
    this.#size += 1;
    this.#up(slot, this.#size - 1, deadline);
  }

  remove(candidate: C): void {
    const slot = this.#slots.get(candidate);
    if (slot === undefined) return;
    this.#slots.delete(candidate);
    this.#candidates[slot] = undefined;
    this.#free.push(slot);
    this.#size -= 1;
    const last = this.#heap[this.#size]!;
    if (last !== slot) this.#settle(last, this.#places[slot]!, this.#deadlines[this.#size]!);
  }

  reweigh(candidate: C): void {
    const slot = this.#slots.get(candidate);
    if (slot === undefined || this.#weights[slot] === candidate.weight) return;
    const place = this.#places[slot]!;
    // What is left of the wait is scaled: a candidate that becomes heavier is due sooner.
    const left = Math.max(0, this.#deadlines[place]! - this.#now) * (this.#weights[slot]! / candidate.weight);
    this.#weights[slot] = candidate.weight;
    this.#start(slot, this.#now + left);
    this.#settle(slot, place, this.#now + left);
  }

  pick(request: PickRequest<C>): C | undefined {
    if (this.#size === 0) return undefined;
    const first = this.#candidates[this.#heap[0]!]!;
    if (!request.skip?.(first)) return this.#take(0);
    const next = this.#firstNotSkipped(request);
    return next < 0 ? undefined : this.#take(next);
  }

  #take(place: number): C {
    const slot = this.#heap[place]!;
    const weight = this.#weights[slot]!;
    const deadline = this.#deadlines[place]!;
    // It was passed over for more than a turn. What it missed is gone: else it would get every pick until it caught up.
    if (this.#now - deadline > 1 / weight) this.#start(slot, this.#now);
    this.#now = Math.max(this.#now, deadline);
    const picks = (this.#picks[slot]! += 1);
    this.#down(slot, place, this.#anchors[slot]! + picks / weight);
    return this.#candidates[slot]!;
  }

  /**
   * Walks the heap best first: who is next is a child of one that was passed over. Skipping is for the few candidates of
   * a retry, or the groups of a split, and costs O(k log k) for k of them.
   * @returns a place, or -1
   */
  #firstNotSkipped(request: PickRequest<C>): number {
    const frontier = new MinHeap<number>((a, b) => this.#isBefore(this.#deadlines[a]!, this.#heap[a]!, b));
    let passed = 0;
    for (;;) {
      const first = CHILDREN * passed + 1;
      for (let child = first; child < Math.min(first + CHILDREN, this.#size); child += 1) frontier.push(child);
      const next = frontier.pop();
      if (next === undefined) return -1;
      if (!request.skip!(this.#candidates[this.#heap[next]!]!)) return next;
      passed = next;
    }
  }

  #start(slot: number, deadline: number): void {
    this.#anchors[slot] = deadline;
    this.#picks[slot] = 0;
  }

  /** Finds the place of one, near a place where nobody else is. */
  #settle(slot: number, place: number, deadline: number): void {
    this.#up(slot, place, deadline);
    this.#down(slot, this.#places[slot]!, deadline);
  }

  #up(slot: number, from: number, deadline: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 2;
      if (!this.#isBefore(deadline, slot, parent)) break;
      this.#put(this.#heap[parent]!, place, this.#deadlines[parent]!);
      place = parent;
    }
    this.#put(slot, place, deadline);
  }

  #down(slot: number, from: number, deadline: number): void {
    let place = from;
    for (;;) {
      const child = this.#firstChild(place);
      if (child < 0 || this.#isBefore(deadline, slot, child)) break;
      this.#put(this.#heap[child]!, place, this.#deadlines[child]!);
      place = child;
    }
    this.#put(slot, place, deadline);
  }

  /** The child that is due first; -1 where there is none. */
  #firstChild(place: number): number {
    const first = CHILDREN * place + 1;
    const end = Math.min(first + CHILDREN, this.#size);
    if (first >= end) return -1;
    let best = first;
    for (let child = first + 1; child < end; child += 1)
      if (this.#isBefore(this.#deadlines[child]!, this.#heap[child]!, best)) best = child;
    return best;
  }

  #put(slot: number, place: number, deadline: number): void {
    this.#places[slot] = place;
    this.#heap[place] = slot;
    this.#deadlines[place] = deadline;
  }

  /** Whether it is due before the one at `place`; who came first, where both are due at once. */
  #isBefore(deadline: number, slot: number, place: number): boolean {
    const other = this.#deadlines[place]!;
    return deadline < other || (deadline === other && this.#orders[slot]! < this.#orders[this.#heap[place]!]!);
  }

  #grow(): void {
    const size = 2 * this.#heap.length;
    const ints = (from: Int32Array<ArrayBuffer>) => copied(new Int32Array(size), from);
    const floats = (from: Float64Array<ArrayBuffer>) => copied(new Float64Array(size), from);
    this.#heap = ints(this.#heap);
    this.#places = ints(this.#places);
    this.#deadlines = floats(this.#deadlines);
    this.#weights = floats(this.#weights);
    this.#anchors = floats(this.#anchors);
    this.#picks = floats(this.#picks);
    this.#orders = floats(this.#orders);
  }
}

function copied<A extends { set(from: A): void }>(to: A, from: A): A {
  to.set(from);
  return to;
}
