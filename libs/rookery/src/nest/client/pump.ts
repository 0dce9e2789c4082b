import { once } from 'node:events';
import type { Observable } from 'rxjs';
import type { Messages } from './async-client.types.js';

interface Sink {
  write(message: unknown): boolean;
  end(): void;
  cancel(): void;
  readonly destroyed: boolean;
  once(event: string, listener: () => void): unknown;
  on(event: string, listener: () => void): unknown;
}

/**
 * Sends messages as fast as the other side takes them. Where the source fails, the call is cancelled and `fail` hears
 * the source's own error; where the call ends first, the source is closed.
 */
export function pump(messages: Messages<unknown>, call: Sink, fail: (error: unknown) => void): void {
  const ended = new AbortController();
  call.on('status', () => ended.abort());
  send(messages, call, ended.signal).then(
    () => call.end(),
    (error: unknown) => {
      if (ended.signal.aborted) return;
      fail(error);
      // grpc-js loses a cancel in the turn in which the call was made.
      setImmediate(() => call.cancel());
    },
  );
}

/** Asynchronous, so that messages which are none at all fail like a source that fails. */
async function send(messages: Messages<unknown>, call: Sink, ended: AbortSignal): Promise<void> {
  return isObservable(messages) ? subscribe(messages, call, ended) : iterate(messages, call, ended);
}

async function iterate(
  messages: AsyncIterable<unknown> | Iterable<unknown>,
  call: Sink,
  ended: AbortSignal,
): Promise<void> {
  const iterator = Symbol.asyncIterator in messages ? messages[Symbol.asyncIterator]() : messages[Symbol.iterator]();
  // At once, not when it next has a message: it may never have another one.
  const close = () => void Promise.resolve(iterator.return?.()).catch(() => undefined);
  ended.addEventListener('abort', close, { once: true });
  for (;;) {
    const { done, value } = await iterator.next();
    if (done || ended.aborted) return;
    try {
      if (!call.write(value)) await once(call as never, 'drain', { signal: ended });
    } catch (error) {
      if (!ended.aborted) close();
      throw error;
    }
  }
}

/** An Observable cannot be slowed down: what the other side does not take is buffered, as everywhere in RxJS. */
function subscribe(messages: Observable<unknown>, call: Sink, ended: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const subscription = messages.subscribe({ next: send, error: reject, complete: resolve });
    ended.addEventListener('abort', () => subscription.unsubscribe(), { once: true });
    // RxJS would throw an error of this function at the process.
    function send(message: unknown): void {
      try {
        call.write(message);
      } catch (error) {
        reject(error as Error);
      }
    }
  });
}

export function isMessages(value: unknown): value is Messages<unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return Symbol.asyncIterator in value || Symbol.iterator in value || isObservable(value as Messages<unknown>);
}

function isObservable(messages: Messages<unknown>): messages is Observable<unknown> {
  return typeof (messages as Partial<Observable<unknown>>).subscribe === 'function';
}
