import { Observable } from 'rxjs';
import { heard } from './heard.js';

/** The writing side of a call. */
export interface Outlet {
  readonly writableNeedDrain: boolean;
  once(event: 'drain', listener: () => void): unknown;
}

type Step = <T>(iterator: AsyncIterator<T> | Iterator<T>) => PromiseLike<IteratorResult<T>> | IteratorResult<T>;

/**
 * Messages of an iterable, each taken when the one before it has been, so that a slow reader slows the handler down.
 * Whoever leaves closes the iterator at once, even while it waits for its next message.
 */
export function pull<T>(
  messages: AsyncIterable<T> | Iterable<T>,
  outlet: Outlet,
  step: Step = (iterator) => iterator.next(),
): Observable<T> {
  if (Array.isArray(messages) || messages instanceof Set) for (const message of messages) heard(message);
  return new Observable((subscriber) => {
    const iterator = Symbol.asyncIterator in messages ? messages[Symbol.asyncIterator]() : messages[Symbol.iterator]();
    let over = false;
    let stepping = false;
    const run = async () => {
      while (!subscriber.closed) {
        stepping = true;
        const { done, value } = await step(iterator);
        stepping = false;
        if (done) over = true;
        heard(value);
        if (subscriber.closed) return;
        if (done) return subscriber.complete();
        // Nothing else holds up a generator of promises, of which none is written before it is there.
        subscriber.next(value instanceof Promise ? await value : value);
        if (outlet.writableNeedDrain) await drained(outlet);
      }
    };
    run().catch((error: unknown) => {
      if (stepping) over = true;
      subscriber.error(error);
    });
    return () => {
      if (!over) void close(iterator);
    };
  });
}

export function isIterable(value: unknown): value is AsyncIterable<unknown> | Iterable<unknown> {
  // Bytes are one message.
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false;
  return Symbol.asyncIterator in value || Symbol.iterator in value;
}

/** Where the call ends first, it never resolves, and is forgotten with the call. */
function drained(outlet: Outlet): Promise<void> {
  return new Promise((resolve) => outlet.once('drain', resolve));
}

async function close(iterator: AsyncIterator<unknown> | Iterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // Nobody is left to hear it.
  }
}
