import { AsyncResource } from 'node:async_hooks';
import { Metadata, type Client, type MethodDefinition, type requestCallback, type ServiceError } from '@grpc/grpc-js';
import { Observable, type Subscriber } from 'rxjs';
import type { Messages } from './async-client.types.js';
import { currentContext, inContext } from '../../grpc/request-context.js';
import type { Ongoing } from '../../grpc/unary-call.js';
import type { StartUnary } from '../../grpc/unary-call.js';
import { unaryOf, type UnaryCaller } from './unary.js';
import { isMessages, pump } from './pump.js';

type GrpcCall = Parameters<typeof pump>[1] & {
  on(event: string, listener: (value: unknown) => void): unknown;
};
type GrpcMethod = ((...args: unknown[]) => GrpcCall) & MethodDefinition<unknown, unknown>;
/** `(request, metadata?, options?)`, or `(request, options)`. */
export type ObservableMethod = (...args: unknown[]) => Observable<unknown>;

/**
 * A method as Nest's client has it: each subscription makes a call, and leaving cancels it. The lane and the deadline of
 * the calls are those of the code that called the method, whoever subscribes: Nest itself does, when a handler returns the
 * Observable. Request streams are sent as
 * fast as the server takes them where they can be iterated. The answers are pushed: a slow subscriber of a long stream
 * buffers it, and had better use the AsyncIterable of an `AsyncClient`.
 */
export function observableMethod(
  client: Client,
  name: string,
  describe: (error: ServiceError) => unknown,
  caller?: UnaryCaller,
): ObservableMethod {
  const method = (client as unknown as Record<string, GrpcMethod>)[name]!;
  const { requestStream, responseStream } = method;
  const unary = requestStream || responseStream || !caller ? undefined : unaryOf(client, name, caller);
  // Who subscribes hears the answer as in any call of his own; a stream that carries the calls of all belongs to nobody.
  const bound = caller?.mux ? AsyncResource.bind.bind(AsyncResource) : <F>(answered: F) => answered;
  return (request, ...rest) =>
    inCallersContext((observer) => {
      const hears = requestStream && isMessages(request);
      // Who leaves the metadata out may have written undefined.
      const args = [...(hears ? [] : [request]), ...rest.filter((one) => one !== undefined && one !== null)];
      const state = { over: false };
      const fail = (error: ServiceError) => {
        state.over = true;
        observer.error(describe(error));
      };
      const answered = (error: ServiceError | null, value: unknown) => {
        if (error) return fail(error);
        state.over = true;
        observer.next(value);
        observer.complete();
      };
      // grpc-js loses a cancel in the turn in which the call was made.
      const leave = (call: Ongoing) => () => void (state.over || setImmediate(() => call.cancel()));
      if (unary) return leave(startUnary(unary, request, args.slice(1), bound(answered)));
      const call = method.apply(client, responseStream ? args : [...args, answered]);
      if (responseStream) listen(call, observer, state, fail);
      if (hears) pump(request as Messages<unknown>, call, (error) => observer.error(error));
      return leave(call);
    });
}

function startUnary(
  start: StartUnary,
  request: unknown,
  rest: readonly unknown[],
  answered: requestCallback<unknown>,
): Ongoing {
  const [metadata, options = {}] = rest[0] instanceof Metadata ? rest : [undefined, rest[0]];
  return start(request, metadata as Metadata | undefined, options as object, answered);
}

function inCallersContext(subscribe: (observer: Subscriber<unknown>) => () => void): Observable<unknown> {
  const context = currentContext();
  return new Observable((observer) => inContext(context, () => subscribe(observer)));
}

/** As above, for a method that Nest has made. */
export function keepingContext(method: ObservableMethod): ObservableMethod {
  return (...args) => {
    const calls = method(...args);
    return inCallersContext((observer) => {
      const subscription = calls.subscribe(observer);
      return () => subscription.unsubscribe();
    });
  };
}

function listen(
  call: GrpcCall,
  observer: Subscriber<unknown>,
  state: { over: boolean },
  fail: (error: ServiceError) => void,
): void {
  call.on('data', (message: unknown) => observer.next(message));
  call.on('error', (error: unknown) => fail(error as ServiceError));
  call.on('end', () => {
    state.over = true;
    observer.complete();
  });
}
