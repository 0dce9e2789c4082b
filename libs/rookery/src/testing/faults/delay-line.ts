/** Runs one thing after the other, each once it has been delayed: nothing overtakes, however the delay changes. */
export class DelayLine {
  readonly #waiting: { readonly due: number; readonly run: () => void }[] = [];

  add(delayMs: number, run: () => void): void {
    this.#waiting.push({ due: performance.now() + delayMs, run });
    if (this.#waiting.length === 1) this.#next();
  }

  readonly #next = (): void => {
    for (;;) {
      const first = this.#waiting[0];
      if (!first) return;
      const left = first.due - performance.now();
      if (left > 0) return void setTimeout(this.#next, left).unref();
      first.run();
      this.#waiting.shift();
    }
  };
}
