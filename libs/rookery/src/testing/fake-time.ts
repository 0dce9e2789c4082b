import type { Time } from '../core/time.js';

/** A clock that stands still until a spec moves it. */
export interface FakeTime extends Time {
  /** Timers that are set and have not run. */
  readonly timers: number;
  /** Moves the clock by `ms`; timers that fall due run in order, each at its own instant, also those set on the way. */
  advance(ms: number): void;
  /** As `advance`, and lets promises settle before the first timer, after each, and at the end. */
  advanceAsync(ms: number): Promise<void>;
}

interface Timer {
  readonly due: number;
  readonly fn: () => void;
}

/** A `Time` for specs: `advance` moves it by hand. Starts at `startMs`, default 0. */
export function fakeTime(startMs = 0): FakeTime {
  return new HandMovedTime(startMs);
}

class HandMovedTime implements FakeTime {
  /** In the order in which they were set, so that timers of one instant run in that order. */
  readonly #timers = new Set<Timer>();

  constructor(private nowMs: number) {}

  get timers(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.nowMs;
  }

  after(ms: number, fn: () => void): Disposable {
    const timer = { due: this.nowMs + Math.max(0, ms), fn };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  advance(ms: number): void {
    const end = this.nowMs + ms;
    while (this.#runNext(end));
    this.nowMs = end;
  }

  async advanceAsync(ms: number): Promise<void> {
    const end = this.nowMs + ms;
    do await settled();
    while (this.#runNext(end));
    this.nowMs = end;
    await settled();
  }

  #runNext(end: number): boolean {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (timer.due <= end && (!next || timer.due < next.due)) next = timer;
    if (!next) return false;
    this.#timers.delete(next);
    this.nowMs = next.due;
    next.fn();
    return true;
  }
}

/** Every promise that can settle without timers or I/O has settled. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
