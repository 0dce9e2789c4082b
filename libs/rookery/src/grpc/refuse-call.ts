import {
  Metadata,
  status,
  type CallOptions,
  type InterceptingCall,
  type Interceptor,
  type InterceptingListener,
  type StatusObject,
} from '@grpc/grpc-js';
import type { CallFailure } from '../core/call.js';
import { rememberFailure } from './call-error.js';

/**
 * Ends a call with INVALID_ARGUMENT before anything of it is sent, in the way in which calls fail: a callback, a stream
 * and an Observable hear of it as of any status. An error that is thrown where the call is made would meet callers of
 * streams who have no handler for it; and of a picker grpc-js takes no INVALID_ARGUMENT, but makes it INTERNAL.
 *
 * Interceptors of the user's are not asked: there is no call for them.
 */
export function refuseCall(options: CallOptions, failure: CallFailure): CallOptions {
  const { interceptor_providers: _, ...rest } = options;
  const refusing: Interceptor = () => new RefusedCall(failure) as unknown as InterceptingCall;
  return { ...rest, interceptors: [refusing] };
}

/** A call on which nothing happens but its end, in the next tick. */
class RefusedCall {
  #listener: Partial<InterceptingListener> | undefined;
  #ended = false;

  constructor(private readonly failure: CallFailure) {}

  start(_metadata: Metadata, listener?: Partial<InterceptingListener>): void {
    this.#listener = listener;
    process.nextTick(() => this.cancelWithStatus(status.INVALID_ARGUMENT, this.failure.details));
  }

  cancelWithStatus(code: status, details: string): void {
    if (this.#ended || !this.#listener) return;
    this.#ended = true;
    const metadata = new Metadata();
    if (code === status.INVALID_ARGUMENT) rememberFailure(metadata, this.failure);
    const ended: StatusObject = { code, details, metadata };
    process.nextTick(() => this.#listener?.onReceiveStatus?.(ended));
  }

  /** Whoever writes is told that he may go on; nobody reads it. */
  sendMessageWithContext({ callback }: { callback?: (error?: Error | null) => void }): void {
    if (callback) process.nextTick(callback);
  }

  sendMessage(): void {}
  startRead(): void {}
  halfClose(): void {}

  getPeer(): string {
    return 'none';
  }

  getAuthContext(): null {
    return null;
  }
}
