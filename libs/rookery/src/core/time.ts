/** The clock and the timers, as an argument: specs move them by hand. */
export interface Time {
  /** Monotonic milliseconds. */
  now(): number;
  /** Calls `fn` once, in `ms` milliseconds; never holds the process. */
  after(ms: number, fn: () => void): Disposable;
}

/** Chance, as an argument: uniform in [0, 1). */
export type Random = () => number;

/** Resolves after `ms`, or at once when the signal aborts. */
export function pause(time: Time, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = time.after(ms, done);
    signal.addEventListener('abort', done, { once: true });
    function done() {
      timer[Symbol.dispose]();
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
