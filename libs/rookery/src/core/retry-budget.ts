import type { Time } from './time.js';

/** How long a call's deposit counts, s. */
const WINDOW_S = 10;

export interface RetryBudgetOptions {
  /** Retries that each call pays for, 0 to 1; default 0.2. */
  readonly ratio?: number;
  /** Retries per second beside those, for clients that make few calls; default 10. */
  readonly perSecond?: number;
}

const RETRY_RATIO = 0.2;
const RETRIES_PER_SECOND = 10;

/**
 * How many retries a client may make: a share of its calls of the last ten seconds, and some more. Where everything
 * fails, retries add that share to the load of those who fail, and not a multiple (Finagle's RetryBudget).
 */
export class RetryBudget {
  /** What came in less what went out, by second. */
  readonly #seconds = new Float64Array(WINDOW_S);
  #second: number;
  #sum = 0;
  readonly #reserve: number;
  readonly #ratio: number;

  constructor(
    private readonly time: Time,
    { ratio = RETRY_RATIO, perSecond = RETRIES_PER_SECOND }: RetryBudgetOptions = {},
  ) {
    this.#ratio = ratio;
    this.#reserve = perSecond * WINDOW_S;
    this.#second = secondOf(time.now());
  }

  /** A call was made, at `now`, monotonic ms. */
  deposit(now = this.time.now()): void {
    this.#pass(now);
    this.#add(this.#ratio);
  }

  /** Takes a retry, if there is one. */
  withdraw(): boolean {
    this.#pass(this.time.now());
    // Shares of calls add up to a whole with errors in the last place.
    if (this.#reserve + this.#sum < 1 - 1e-6) return false;
    this.#add(-1);
    return true;
  }

  #add(amount: number): void {
    this.#seconds[this.#second % WINDOW_S]! += amount;
    this.#sum += amount;
  }

  /** Forgets the seconds that are over. */
  #pass(ms: number): void {
    const now = secondOf(ms);
    // A call may have been made a while before it is sent.
    if (now <= this.#second) return;
    const passed = Math.min(now - this.#second, WINDOW_S);
    for (let i = 1; i <= passed; i += 1) this.#seconds[(this.#second + i) % WINDOW_S] = 0;
    this.#second = now;
    this.#sum = this.#seconds.reduce((sum, amount) => sum + amount, 0);
  }
}

function secondOf(ms: number): number {
  return Math.floor(ms / 1000);
}
