import type { Time } from 'rookery/core';

interface Timer extends Disposable {
  readonly due: number;
  /** Timers of one instant run in the order in which they were set. */
  readonly order: number;
  fn: (() => void) | undefined;
}

/** A clock that jumps from one timer to the next: hours take as long as what happens in them. */
export class VirtualTime implements Time {
  readonly #heap: Timer[] = [];
  #now = 0;
  #order = 0;
  #unsettled = false;

  now(): number {
    return this.#now;
  }

  after(ms: number, fn: () => void): Disposable {
    const timer: Timer = {
      due: this.#now + Math.max(0, ms),
      order: this.#order++,
      fn,
      [Symbol.dispose]: () => void (timer.fn = undefined),
    };
    this.#push(timer);
    return timer;
  }

  /** Something was done that promises carry on: they settle before the clock moves. */
  settle(): void {
    this.#unsettled = true;
  }

  /** Runs everything that is due until `endMs`. */
  async run(endMs: number): Promise<void> {
    for (;;) {
      if (this.#unsettled) await this.#settled();
      const next = this.#heap[0];
      if (!next || next.due > endMs) break;
      this.#pop();
      if (!next.fn) continue;
      this.#now = next.due;
      next.fn();
    }
    this.#now = endMs;
  }

  async #settled(): Promise<void> {
    this.#unsettled = false;
    await new Promise((resolve) => setImmediate(resolve));
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(timer, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}
