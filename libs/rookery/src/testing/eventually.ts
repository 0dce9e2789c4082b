export interface EventuallyOptions {
  /** When to give up, ms; default 10 000. */
  readonly timeoutMs?: number;
  /** Pause between two tries, ms; default 20. */
  readonly everyMs?: number;
}

/**
 * Runs `fn` until it does not throw, and returns what it returned: how a spec waits for something without sleeping.
 * Throws the last error where it still fails after `timeoutMs`.
 */
export async function eventually<T>(fn: () => T | Promise<T>, options: EventuallyOptions = {}): Promise<T> {
  const { timeoutMs = 10_000, everyMs = 20 } = options;
  const end = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await fn();
    } catch (error) {
      if (performance.now() >= end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
