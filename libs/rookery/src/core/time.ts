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
export function pause(time: Time, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = time.after(ms, done);
    signal?.addEventListener('abort', done, { once: true });
    function done() {
      timer[Symbol.dispose]();
      signal?.removeEventListener('abort', done);
      resolve();
    }
  });
}

/** What `within` answers when the time is up. */
export const LATE = Symbol('late');

/** What becomes of a promise within `ms`, or LATE; the promise goes on by itself, and nobody minds if it fails then. */
export function within<T>(time: Time, ms: number, promise: Promise<T>): Promise<T | typeof LATE> {
  return new Promise((resolve, reject) => {
    const timer = time.after(ms, () => resolve(LATE));
    const done = () => timer[Symbol.dispose]();
    promise.then(resolve, reject).finally(done);
  });
}
