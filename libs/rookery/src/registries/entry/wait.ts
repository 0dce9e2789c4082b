import type { Time } from '../../core/time.js';

/** A signal that aborts with another one, or after `ms`; to be disposed of. */
export function limited(signal: AbortSignal, time: Time, ms: number): { readonly signal: AbortSignal } & Disposable {
  const end = new AbortController();
  const abort = () => end.abort();
  const timer = time.after(ms, abort);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  const dispose = () => {
    timer[Symbol.dispose]();
    signal.removeEventListener('abort', abort);
  };
  return { signal: end.signal, [Symbol.dispose]: dispose };
}

/** Lets one loop sleep until it has something to do. A call that comes while it is awake is kept. */
export class Wake {
  #called = false;
  #resolve: (() => void) | undefined;

  readonly call = (): void => {
    this.#called = true;
    this.#resolve?.();
  };

  /** Until somebody calls, the signal aborts, or `ms` are over where they are given. */
  async wait(signal: AbortSignal, limit?: { readonly time: Time; readonly ms: number }): Promise<void> {
    if (!this.#called && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = limit?.time.after(limit.ms, done);
        signal.addEventListener('abort', done, { once: true });
        this.#resolve = done;
        function done() {
          timer?.[Symbol.dispose]();
          signal.removeEventListener('abort', done);
          resolve();
        }
      });
    }
    this.#resolve = undefined;
    this.#called = false;
  }
}
