import { RookeryError } from '../core/errors.js';
import type { Time } from '../core/time.js';

/** For how long something may take, and who may end it before. */
export interface Limits {
  readonly time: Time;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * What `start` comes to, in time; then whatever it has opened is closed, by what it returned.
 * @param start calls one of its two arguments later, not before it returns
 */
export function settled<T>(
  { time, timeoutMs, signal }: Limits,
  start: (resolve: (value: T) => void, reject: (error: Error) => void) => () => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal.aborted) return reject(aborted());
    let over = false;
    const end = (then: () => void) => {
      if (over) return;
      over = true;
      timer[Symbol.dispose]();
      signal.removeEventListener('abort', abort);
      close();
      then();
    };
    const close = start(
      (value) => end(() => resolve(value)),
      (error) => end(() => reject(error)),
    );
    const abort = () => end(() => reject(aborted()));
    const timer = time.after(timeoutMs, () => end(() => reject(new Error(`no answer within ${timeoutMs} ms`))));
    signal.addEventListener('abort', abort, { once: true });
  });
}

function aborted(): RookeryError {
  return new RookeryError('ROOKERY_REGISTRY_CLOSED', {
    path: 'registry',
    found: 'the watch ended while something was asked.',
    remedy: 'Nothing is to be done.',
  });
}
