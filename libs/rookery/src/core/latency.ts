import type { Outcome } from './call.js';

/** After this long without an answer, 1/e of what was known is left, ms. */
const DECAY_MS = 10_000;
/** What an instance is taken to need that fails before it has ever answered, ms. */
const FAILED_FIRST_MS = 1000;
/** Failures alone make an instance no slower than this, ms: it has to come back one day. */
const FAILED_AT_MOST_MS = 5000;

// gRPC status codes.
const CANCELLED = 1;
/** It did not serve the call, however soon it said so: DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNAVAILABLE. */
const FAILURES: readonly number[] = [4, 8, 14];
/** It may have answered only because it is broken: UNKNOWN, UNIMPLEMENTED, INTERNAL, DATA_LOSS. */
const DOUBTFUL: readonly number[] = [2, 12, 13, 15];

/**
 * How long calls take on one instance: a moving average that jumps to whatever is worse than it, follows what is better
 * by the time between two answers, and fades while nobody asks, so that a slow instance is tried again (peak EWMA, as
 * the P2C of Finagle has it, decay 10 s).
 *
 * Only an answer can lower it. An instance that fails at once would else look fast, and draw the calls that it then
 * fails: each failure doubles what is known of it, and what may be an error of its own holds it.
 */
export class Latency {
  #ms: number | undefined;
  #at = 0;
  /** Calls from before say nothing of what is there now. */
  #since = -Infinity;

  /** What is left of it at `now`; nothing before the first call has ended. */
  at(now: number): number | undefined {
    return this.#ms === undefined ? undefined : this.#ms * Math.exp((this.#at - now) / DECAY_MS);
  }

  /** What is known at `now`, or comes of calls that run, is no guide any more: it is asked as one that is new. */
  forget(now: number): void {
    this.#ms = undefined;
    this.#since = now;
  }

  /** A unary call has ended at `now`. One that nobody has handled, or that its caller gave up, says nothing. */
  observe({ code, processed, ms }: Outcome, now: number): void {
    if (!processed || code === CANCELLED || now - ms < this.#since) return;
    const known = this.#ms;
    const left = this.at(now);
    if (FAILURES.includes(code)) this.#ms = Math.max(ms, this.#punished(left));
    else if (known === undefined || left === undefined || ms >= known) this.#ms = ms;
    else if (DOUBTFUL.includes(code)) this.#ms = Math.max(ms, left);
    else this.#ms = left + ms * (1 - left / known);
    this.#at = now;
  }

  #punished(left: number | undefined): number {
    return left === undefined ? FAILED_FIRST_MS : Math.max(left, Math.min(2 * left, FAILED_AT_MOST_MS));
  }
}
