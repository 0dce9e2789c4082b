import type { RookeryCallOptions } from '../../grpc/call-options.js';
import type { AsyncClient } from './async-client.types.js';

/** What `with` may set for the calls of a client. */
export type ClientDefaults = Pick<RookeryCallOptions, 'group' | 'timeoutMs' | 'waitForReady'>;

/**
 * A client of one service, found by name. An abstract class and not an interface, so that a decorated constructor can
 * name it as a type under isolatedModules.
 */
export abstract class RookeryClient<S = Record<string, any>> {
  /** A gRPC service whose methods give Observables, as Nest's `ClientGrpc`. */
  abstract getService<T extends object>(name: string): T;
  /** The client that grpc-js makes. */
  abstract getClientByServiceName<T = any>(name: string): T;
  /** A gRPC service whose methods give Promises and AsyncIterables. */
  abstract getAsyncService<N extends keyof S & string>(name: N): AsyncClient<S[N]>;
  /** The same client, over the same connections, whose calls start from other defaults: make it once, and keep it. */
  abstract with(defaults: ClientDefaults): RookeryClient<S>;
  /**
   * Resolves when some instance is connected, of whatever group; rejects with UNAVAILABLE after `timeoutMs`, default 5000.
   */
  abstract waitForReady(options?: { readonly timeoutMs?: number }): Promise<void>;
}
