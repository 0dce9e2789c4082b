/** Work that several wait for; it is given up when the last of them has gone. */
export class Shared<T> {
  readonly #ends = new AbortController();
  readonly #work: Promise<T>;
  #waiting = 0;

  constructor(work: (signal: AbortSignal) => Promise<T>) {
    this.#work = work(this.#ends.signal);
  }

  /** What comes of it; rejects when `signal` aborts. */
  async join(signal: AbortSignal): Promise<T> {
    this.#waiting += 1;
    let leave = () => {};
    const gone = new Promise<never>((_, reject) => {
      leave = () => reject(new Error('the watch has ended'));
      if (signal.aborted) leave();
      signal.addEventListener('abort', leave, { once: true });
    });
    try {
      return await Promise.race([this.#work, gone]);
    } finally {
      signal.removeEventListener('abort', leave);
      this.#waiting -= 1;
      if (this.#waiting === 0) this.#ends.abort();
    }
  }

  /** Nobody waits any more. */
  get over(): boolean {
    return this.#ends.signal.aborted;
  }
}
