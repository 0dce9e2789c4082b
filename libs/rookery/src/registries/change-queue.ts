import type { ServiceChange } from '../core/change.js';

/** What one answer of a registry said. */
export type ChangeBatch = readonly ServiceChange[];

/** Batches on their way to one watcher: told at once, taken when it asks. Ends when the signal aborts. */
export class ChangeQueue implements AsyncIterable<ChangeBatch> {
  #batches: ChangeBatch[] = [];
  #ended = false;
  #error: unknown;
  #wake: (() => void) | undefined;

  constructor(private readonly signal: AbortSignal) {
    if (signal.aborted) this.#ended = true;
    else signal.addEventListener('abort', this.#abort, { once: true });
  }

  push(batch: ChangeBatch): void {
    if (this.#ended || batch.length === 0) return;
    this.#batches.push(batch);
    this.#wake?.();
  }

  /** The watcher takes nothing more; with an error, it hears that instead. Without effect once it has ended. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#batches = [];
    this.signal.removeEventListener('abort', this.#abort);
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<ChangeBatch> {
    for (;;) {
      const batch = this.#batches.shift();
      if (batch) yield batch;
      else if (this.#error !== undefined) throw this.#error;
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  readonly #abort = (): void => this.end();
}
