import { status, type ServerReadableStream } from '@grpc/grpc-js';
import { Observable } from 'rxjs';
import { within } from '../../../core/time.js';
import { systemTime } from '../../../system/time.js';
import { Refusal } from './call-status.js';
import { lastFrames } from './last-frames.js';

/**
 * What a handler of `@GrpcStreamMethod` takes. `for await (const message of messages)` reads as fast as the loop runs, and
 * the client is slowed down to that; it throws CANCELLED where the client goes away before it has sent everything. As
 * an Observable it pushes, and completes then.
 */
export type RequestStream<T> = Observable<T> & AsyncIterable<T>;

type Source = Pick<
  ServerReadableStream<any, any>,
  'read' | 'pause' | 'resume' | 'on' | 'off' | 'listenerCount' | 'readableEnded' | 'cancelled'
>;

/** The messages of a call; none is read before somebody subscribes or iterates. */
export function requestStream<T>(call: Source): RequestStream<T> {
  const early = new EarlyMessages<T>(call);
  const stream = new Observable<T>((subscriber) => {
    for (const message of early.messages) subscriber.next(message);
    if (call.readableEnded || call.cancelled) return subscriber.complete();
    early.keep();
    const next = (message: T) => subscriber.next(message);
    const complete = () => subscriber.complete();
    call.on('data', next).on('end', complete).on('cancelled', complete);
    call.resume();
    return () => {
      call.off('data', next).off('end', complete).off('cancelled', complete);
      pauseUnheard(call);
    };
  });
  // Nest calls `drainBuffer` when the handler has returned.
  return Object.defineProperties(stream, {
    drainBuffer: { value: () => setImmediate(() => early.forget()) },
    [Symbol.asyncIterator]: { value: () => iterate(call, early.messages) },
  }) as RequestStream<T>;
}

/** An interceptor may subscribe first: until the handler has returned, who comes later gets what came before. */
class EarlyMessages<T> {
  messages: T[] = [];
  #keeps = false;
  #handled = false;

  constructor(private readonly call: Source) {}

  readonly #note = (message: T): void => void this.messages.push(message);

  keep(): void {
    if (this.#handled || this.#keeps) return;
    this.#keeps = true;
    this.call.on('data', this.#note);
  }

  forget(): void {
    this.#handled = true;
    this.messages = [];
    if (!this.#keeps) return;
    this.call.off('data', this.#note);
    pauseUnheard(this.call);
  }
}

function pauseUnheard(call: Source): void {
  if (call.listenerCount('data') === 0 && call.listenerCount('readable') === 0) call.pause();
}

/** Whoever does not answer within this, ms, has sent everything that it will. */
const ANSWER_MS = 1000;
/** From a frame that ends a call to `cancelled`; one was measured. */
const TURNS = 5;

async function* iterate<T>(call: Source, early: readonly T[]): AsyncGenerator<T> {
  let wake = () => {};
  const woken = () => wake();
  call.on('readable', woken).on('end', woken).on('cancelled', woken);
  try {
    yield* early;
    for (;;) {
      const message = call.read() as T | null;
      if (message !== null) yield message;
      else if (call.readableEnded || call.cancelled) break;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    call.off('readable', woken).off('end', woken).off('cancelled', woken);
  }
  await assertWhole(call);
}

/**
 * A Node client that gives a call up says first that it has sent everything, and only then that it has gone; the two may
 * arrive apart. Others say the latter alone, and grpc-js tells of the end first.
 */
async function assertWhole(call: Source): Promise<void> {
  if (!call.cancelled) await within(systemTime, ANSWER_MS, lastFrames(call));
  for (let turn = 0; turn < TURNS && !call.cancelled; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  if (call.cancelled) throw new Refusal({ code: status.CANCELLED, message: 'the client has gone' });
}
