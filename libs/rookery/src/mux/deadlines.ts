import type { Time } from '../core/time.js';
import { LONGEST_MS } from './frames.js';

/** All deadlines are looked at this often at most, ms. */
const TICK_MS = 10;

/**
 * Wakes whoever has deadlines when the first of them may have passed. One timer stands at a lower bound of all: those that
 * are met cost nothing, and with deadlines of seconds it rings once in as long. A wheel of timers costs more than all else
 * that a call costs.
 */
export class Deadlines {
  #bound = Infinity;
  #timer: Disposable | undefined;
  #rungAt = -Infinity;

  /** @param expire ends what is due by `now`, and says what is due next; monotonic ms, Infinity where nothing is */
  constructor(
    private readonly time: Time,
    private readonly expire: (now: number) => number,
  ) {}

  /** There is one at `deadline`. */
  add(deadline: number, now: number): void {
    if (deadline < this.#bound) this.#set(deadline, now);
  }

  close(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#bound = -Infinity;
  }

  #set(bound: number, now: number): void {
    this.#timer?.[Symbol.dispose]();
    this.#bound = bound;
    // A timer may ring a moment early, and one that is too long for Node rings at once.
    const ms = Math.min(LONGEST_MS, Math.ceil(Math.max(bound, this.#rungAt + TICK_MS) - now) + 1);
    this.#timer = bound === Infinity ? undefined : this.time.after(ms, this.#ring);
  }

  readonly #ring = (): void => {
    const now = (this.#rungAt = this.time.now());
    this.#bound = Infinity;
    this.#timer = undefined;
    const next = this.expire(now);
    if (next < this.#bound) this.#set(next, now);
  };
}
