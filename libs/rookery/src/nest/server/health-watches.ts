import type { ServerWritableStream } from '@grpc/grpc-js';
import type { ServingStatus } from 'grpc-health-check';

/** A call of `grpc.health.v1.Health/Watch`. */
export type WatchCall = Pick<
  ServerWritableStream<{ readonly service: string }, { status: ServingStatus | 'SERVICE_UNKNOWN' }>,
  'request' | 'write' | 'once'
>;

/**
 * Those who watch the health of a server. grpc-health-check would serve them, but keeps every name that it was ever asked
 * for, and anybody may ask.
 */
export class HealthWatches {
  readonly #statuses = new Map<string, ServingStatus>();
  readonly #calls = new Set<WatchCall>();

  get size(): number {
    return this.#calls.size;
  }

  set(service: string, status: ServingStatus): void {
    if (this.#statuses.get(service) === status) return;
    this.#statuses.set(service, status);
    for (const call of this.#calls) if (call.request.service === service) call.write({ status });
  }

  /** An unknown name is watched, too: its service may come. */
  readonly watch = (call: WatchCall): void => {
    this.#calls.add(call);
    call.once('cancelled', () => this.#calls.delete(call));
    call.write({ status: this.#statuses.get(call.request.service) ?? 'SERVICE_UNKNOWN' });
  };
}
