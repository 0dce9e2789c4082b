import { status, type sendUnaryData, type StatusObject, type UntypedHandleCall } from '@grpc/grpc-js';
import type { EventEmitter } from 'node:events';

/** What every call of grpc-js's server has, and streams have on top. */
type ServerCall = EventEmitter & { readonly cancelled: boolean; end?(): void };
type Method = (call: never, callback: never) => unknown;

interface RunningCall {
  /** Answers it; streams have none. */
  readonly callback: sendUnaryData<unknown> | undefined;
  readonly streams: boolean;
  /** Not by its handler. */
  ended: boolean;
}

/**
 * The calls that a server works on. grpc-js ends them only by tearing their connections, which clients see as CANCELLED
 * and do not send again; here they get a status of their own, and their handlers hear that they are cancelled.
 */
export class RunningCalls {
  readonly #running = new Map<ServerCall, RunningCall>();
  /** One listener for all calls. */
  readonly #forget: (this: ServerCall) => void;

  constructor() {
    const running = this.#running;
    this.#forget = function () {
      running.delete(this);
    };
  }

  get size(): number {
    return this.#running.size;
  }

  /** The method, whose calls are known while they run. */
  track(method: Method, streams: boolean): UntypedHandleCall {
    const run = method as (call: unknown, callback: unknown) => unknown;
    return (call: ServerCall, callback?: sendUnaryData<unknown>) => {
      const running: RunningCall = { callback, streams: streams || !callback, ended: false };
      this.#running.set(call, running);
      call.on('cancelled', this.#forget);
      if (callback) return run(call, this.#answering(call, callback, running));
      call.on('finish', this.#forget);
      return run(call, undefined);
    };
  }

  /** Ends what runs with a status, or only the streams. */
  end(reason: Partial<StatusObject>, which: 'all' | 'streams' = 'all'): void {
    for (const [call, running] of this.#running)
      if (which === 'all' || running.streams) this.#end(call, running, reason);
  }

  #answering(call: ServerCall, callback: sendUnaryData<unknown>, running: RunningCall): sendUnaryData<unknown> {
    return (...answer) => {
      if (running.ended) return;
      this.#running.delete(call);
      callback(...answer);
    };
  }

  #end(call: ServerCall, running: RunningCall, reason: Partial<StatusObject>): void {
    this.#running.delete(call);
    running.ended = true;
    if (running.callback) running.callback(reason);
    else if (reason.code === status.OK) call.end?.();
    else call.emit('error', reason);
    cancel(call);
  }
}

/** As grpc-js tells a handler that its client is gone: whatever it still does is for nobody. */
function cancel(call: ServerCall): void {
  (call as { cancelled: boolean }).cancelled = true;
  call.emit('cancelled', 'the server stops');
}
