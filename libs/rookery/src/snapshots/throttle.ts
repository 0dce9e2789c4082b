import type { Time } from '../core/time.js';

/** Does something at once when it is asked for, and then not again before `everyMs` have passed, however often asked. */
export class Throttle {
  #asked = false;
  #last = -Infinity;
  #running: Promise<void> | undefined;
  #timer: Disposable | undefined;

  /** @param run must not reject */
  constructor(
    private readonly time: Time,
    private readonly everyMs: number,
    private readonly run: () => Promise<void>,
  ) {}

  ask(): void {
    this.#asked = true;
    this.#arm();
  }

  /** Resolves once all that was asked for is done, without waiting for its time. */
  async flush(): Promise<void> {
    for (;;) {
      // The end of one may start the next.
      while (this.#running) await this.#running;
      this.#timer?.[Symbol.dispose]();
      this.#timer = undefined;
      if (!this.#asked) return;
      this.#start();
    }
  }

  #arm(): void {
    if (!this.#asked || this.#running || this.#timer) return;
    const left = this.#last + this.everyMs - this.time.now();
    if (left <= 0) return this.#start();
    this.#timer = this.time.after(left, () => {
      this.#timer = undefined;
      this.#start();
    });
  }

  #start(): void {
    this.#asked = false;
    this.#last = this.time.now();
    this.#running = this.run().then(() => {
      this.#running = undefined;
      this.#arm();
    });
  }
}
