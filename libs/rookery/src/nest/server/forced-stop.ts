import { Logger } from '@nestjs/common';
import type { Time } from '../../core/time.js';
import { endBy, onEndSignal } from '../../system/signals.js';

/** What is left after a second signal has this long, ms, before the process ends. */
const LEFT_MS = 2000;
/**
 * A second signal that comes sooner than this, ms, is the first one again: a terminal sends Ctrl-C to every process of the
 * foreground, and `npm run` passes it on on top.
 */
const AGAIN_MS = 250;

/**
 * Two signals mean now: whoever sent the second does not want to wait for running calls. What the application does after
 * that, such as a hook that hangs, is cut short as well.
 */
export class ForcedStop implements Disposable {
  readonly #force = new AbortController();
  readonly #subscription: Disposable;
  #askedAt: number | undefined;

  /** @param isStopping whether a stop is under way, be it for a signal or not */
  constructor(
    private readonly isStopping: () => boolean,
    private readonly time: Time,
  ) {
    this.#subscription = onEndSignal(this.#hear);
  }

  /** Aborts when the stop is to be cut short. */
  get signal(): AbortSignal {
    return this.#force.signal;
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }

  readonly #hear = (signal: NodeJS.Signals): void => {
    this.#askedAt ??= this.time.now();
    const again = this.time.now() - this.#askedAt >= AGAIN_MS;
    if (!again || !this.isStopping() || this.signal.aborted) return;
    new Logger('Rookery').warn(`a second ${signal}: calls that still run are ended, and the process in ${LEFT_MS} ms`);
    this.time.after(LEFT_MS, () => endBy(signal));
    this.#force.abort();
  };
}
