import { Backoff } from '../../core/backoff.js';
import { pause, type Random, type Time } from '../../core/time.js';

/** An entry that stood untouched for this long is restored at once again, ms. */
const CALM_MS = 60_000;
const CAP_MS = 5000;

/** What is to be put back, and whether it has waited for that. */
export interface Restorable {
  /** Why it is to be put back; nothing where it is not. */
  readonly restoring: string | undefined;
  restoreDelayed: boolean;
}

/** Restoring is immediate at first; whoever goes on spoiling an entry is not fought at full speed. */
export class RestorePace {
  readonly #backoff: Backoff;
  #calmAt = -Infinity;
  #readyAt = -Infinity;
  #holding: AbortController | undefined;

  constructor(
    private readonly time: Time,
    random: Random,
  ) {
    this.#backoff = new Backoff(random, { baseMs: CAP_MS });
  }

  /** Nobody spoilt it: nothing is held against anybody, nor waited for. */
  forgive(): void {
    this.#calmAt = this.#readyAt = -Infinity;
    this.#holding?.abort();
  }

  /** How long it has to wait still, ms: 0 where it may be put back at once, or need not be. */
  delay(entry: Restorable): number {
    if (!entry.restoring) return 0;
    const now = this.time.now();
    if (!entry.restoreDelayed) this.#readyAt = now + this.#next(now);
    entry.restoreDelayed = true;
    return Math.max(0, this.#readyAt - now);
  }

  /** @returns whether it has waited: what there is to do may be something else by now */
  async held(entry: Restorable, signal: AbortSignal): Promise<boolean> {
    if (entry.restoreDelayed) return false;
    const delay = this.delay(entry);
    if (delay === 0) return false;
    this.#holding = new AbortController();
    await pause(this.time, delay, AbortSignal.any([signal, this.#holding.signal]));
    return true;
  }

  #next(now: number): number {
    const calm = now > this.#calmAt;
    if (calm) this.#backoff.reset();
    const delay = calm ? 0 : this.#backoff.next();
    this.#calmAt = now + delay + CALM_MS;
    return delay;
  }
}
