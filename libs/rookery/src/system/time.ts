import { performance } from 'node:perf_hooks';
import type { Time } from '../core/time.js';

/** The clock of this process. Its timers never hold the process. */
export const systemTime: Time = {
  now: () => performance.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms).unref();
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};
