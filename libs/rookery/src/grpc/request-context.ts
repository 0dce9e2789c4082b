import { AsyncLocalStorage } from 'node:async_hooks';
import { shared } from '../system/shared.js';

/** What a request carries from the call that brought it to the calls that are made for it. */
export interface RequestContext {
  readonly lane?: string | undefined;
  /** Of the incoming call, ms since 1970; absent where it has none. */
  readonly deadline?: number | undefined;
}

// One for all copies of this package: a server of the one and a client of the other serve the same request.
const contexts = shared('contexts', () => new AsyncLocalStorage<RequestContext | undefined>());

const clients = shared('clients', () => ({ made: false }));

/** There is a client: from now on, whoever handles a call may make others, and they end with it. */
export function noteClient(): void {
  clients.made = true;
}

/** Whether a client has been made in this process, by any copy of this package. */
export function hasClients(): boolean {
  return clients.made;
}

/** That of the running code; absent where it works for no request, or the request carries nothing. */
export function currentContext(): RequestContext | undefined {
  return contexts.getStore();
}

/** Runs `fn` in a context that was current before. Where it still is, as on most paths, this costs next to nothing. */
export function inContext<T>(context: RequestContext | undefined, fn: () => T): T {
  return contexts.run(context, fn);
}

interface Emitter {
  emit(event: string | symbol, ...args: unknown[]): boolean;
}

/**
 * The listeners of a call run in its context, too. What wakes them is the connection, and that belongs to whoever made
 * it: by itself it would run them in the context of another request, or of none.
 */
export function emitIn(context: RequestContext | undefined, call: Emitter): void {
  const emit = call.emit.bind(call);
  call.emit = (...args) => contexts.run(context, () => emit(...args));
}

/**
 * Runs `fn`, and all that it starts, outside of the request that is being handled: its calls have no lane, and the
 * deadline of the incoming call does not cap them. For work that goes on when the request has been answered, and for what
 * is made once and kept, such as a timer. To keep the lane: `withLane` inside.
 */
export function detached<T>(fn: () => T): T {
  return contexts.run(undefined, fn);
}
