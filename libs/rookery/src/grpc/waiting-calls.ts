/** Waiting calls of one channel; one more is refused. */
export const MAX_WAITING = 10_000;

/** The least time between two counts that are made only because the limit is reached, ms. */
const RECOUNT_MS = 10;
/** How many times its own cost must pass before the next such count. */
const RECOUNT_COST = 20;

/**
 * Counts the calls that grpc-js holds because a pick said to wait. grpc-js picks them again when a state is published,
 * all of them and only then, so that is done once a turn however much happens in it; and it does not tell which of them
 * ended meanwhile, so those that really wait count themselves again.
 */
export class WaitingCalls {
  #count = 0;
  #due = false;
  #recounting = false;
  #countedAt = -Infinity;
  #costMs = 0;

  /** @param publish makes grpc-js pick every waiting call again */
  constructor(private readonly publish: () => void) {}

  /** A call is to wait; false where too many do. */
  admit(): boolean {
    if (this.#count >= MAX_WAITING && !this.#recounting) {
      if (performance.now() - this.#countedAt < Math.max(RECOUNT_MS, RECOUNT_COST * this.#costMs)) return false;
      this.#recounting = true;
      queueMicrotask(() => {
        this.#recounting = false;
        this.flush();
      });
    }
    this.#count += 1;
    return true;
  }

  /** A waiting call could fare differently: they are picked again before the turn ends. */
  wake(): void {
    if (this.#count === 0 || this.#due) return;
    this.#due = true;
    setImmediate(() => {
      this.#due = false;
      if (this.#count > 0) this.flush();
    });
  }

  /** Picks every waiting call again, at once. */
  flush(): void {
    const start = performance.now();
    this.#count = 0;
    this.publish();
    this.#countedAt = performance.now();
    this.#costMs = this.#countedAt - start;
  }
}
