import type { Random } from './time.js';

export interface BackoffOptions {
  /** Upper bound of the first delay, ms; default 100. */
  readonly baseMs?: number;
  /** Upper bound of every delay, ms; default 5000. */
  readonly capMs?: number;
}

/**
 * Exponential back-off with full jitter: uniform in [0, min(cap, base · 2ⁿ)), so that a fleet that lost the registry
 * together does not come back together (Brooker, "Exponential Backoff And Jitter", 2015).
 */
export class Backoff {
  #failures = 0;
  readonly #baseMs: number;
  readonly #capMs: number;

  constructor(
    private readonly random: Random,
    { baseMs = 100, capMs = 5000 }: BackoffOptions = {},
  ) {
    this.#baseMs = baseMs;
    this.#capMs = capMs;
  }

  /** The delay before the next try, ms. */
  next(): number {
    const bound = Math.min(this.#capMs, this.#baseMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
    return this.random() * bound;
  }

  reset(): void {
    this.#failures = 0;
  }
}
