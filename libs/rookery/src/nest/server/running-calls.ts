import { status, type sendUnaryData, type StatusObject, type UntypedHandleCall } from '@grpc/grpc-js';
import type { EventEmitter } from 'node:events';

/** What every call of grpc-js's server has, and streams have on top. */
type ServerCall = EventEmitter & { readonly cancelled: boolean; end?(): void };
type Method = (call: never, callback: never) => unknown;

interface RunningCall {
  readonly streams: boolean;
  end(reason: Partial<StatusObject>): void;
}

/**
 * The calls that a server works on. grpc-js ends them only by tearing their connections, which clients see as CANCELLED
 * and do not send again; here they get a status of their own, and their handlers hear that they are cancelled.
 */
export class RunningCalls {
  readonly #running = new Set<RunningCall>();

  get size(): number {
    return this.#running.size;
  }

  /** The method, whose calls are known while they run. */
  track(method: Method, streams: boolean): UntypedHandleCall {
    return (call: ServerCall, callback?: sendUnaryData<unknown>) => {
      const run = method as (call: unknown, callback: unknown) => unknown;
      return run(call, callback ? this.#unary(call, callback, streams) : this.#stream(call));
    };
  }

  /** Ends what runs with a status, or only the streams. */
  end(reason: Partial<StatusObject>, which: 'all' | 'streams' = 'all'): void {
    for (const call of this.#running) if (which === 'all' || call.streams) call.end(reason);
  }

  #unary(call: ServerCall, callback: sendUnaryData<unknown>, streams: boolean): sendUnaryData<unknown> {
    let ended = false;
    const running: RunningCall = {
      streams,
      end: (reason) => {
        this.#running.delete(running);
        ended = true;
        callback(reason);
        cancel(call);
      },
    };
    this.#add(running, call);
    return (...answer) => {
      if (ended) return;
      this.#running.delete(running);
      callback(...answer);
    };
  }

  #stream(call: ServerCall): undefined {
    const running: RunningCall = {
      streams: true,
      end: (reason) => {
        this.#running.delete(running);
        if (reason.code === status.OK) call.end?.();
        else call.emit('error', reason);
        cancel(call);
      },
    };
    call.once('finish', () => this.#running.delete(running));
    this.#add(running, call);
    return undefined;
  }

  #add(running: RunningCall, call: ServerCall): void {
    this.#running.add(running);
    call.once('cancelled', () => this.#running.delete(running));
  }
}

/** As grpc-js tells a handler that its client is gone: whatever it still does is for nobody. */
function cancel(call: ServerCall): void {
  (call as { cancelled: boolean }).cancelled = true;
  call.emit('cancelled', 'the server stops');
}
