import type { CallOptions as GrpcCallOptions, Metadata } from '@grpc/grpc-js';
import type { Observable } from 'rxjs';
import type { RookeryCallOptions } from '../../grpc/call-options.js';

/** Options of one call. */
export interface CallOptions
  extends RookeryCallOptions, Pick<GrpcCallOptions, 'credentials' | 'deadline' | 'interceptors'> {
  /** Cancels the call. */
  readonly signal?: AbortSignal;
  readonly metadata?: Metadata | Readonly<Record<string, string | readonly string[]>>;
}

/** What a streaming call takes: messages from anything that can be iterated or subscribed to. */
export type Messages<T> = AsyncIterable<T> | Iterable<T> | Observable<T>;

/**
 * A gRPC service with Promises for single answers and AsyncIterables for streams. `T` is a definition with literal
 * stream flags (`typeof UserServiceService` of ts-proto), ts-proto's *Controller* interface, or an interface whose
 * methods return Promises and AsyncIterables.
 */
export type AsyncClient<T> =
  T extends Definition<T>
    ? { readonly [K in keyof T]: FromDefinition<T[K]> }
    : HasSingleAnswers<T> extends true
      ? { readonly [K in keyof T]: FromMethod<T[K]> }
      : ObservableOnly;

/** An interface of Observables does not say which methods answer once. */
export interface ObservableOnly {
  readonly 'AsyncClient needs the *Controller* interface of ts-proto, a definition, or an interface of Promises': never;
}

interface MethodShape {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

type Definition<T> = { readonly [K in keyof T]: MethodShape };

type FromDefinition<M> = M extends {
  readonly requestStream: infer RequestStream;
  readonly responseStream: infer ResponseStream;
  readonly requestSerialize: (value: infer Request) => unknown;
  readonly responseDeserialize: (bytes: never) => infer Response;
}
  ? Method<RequestStream, ResponseStream, Request, Response>
  : never;

type Method<RequestStream, ResponseStream, Request, Response> = (
  request: RequestStream extends true ? Messages<Request> : Request,
  options?: CallOptions,
) => ResponseStream extends true ? AsyncIterable<Response> : Promise<Response>;

type Fn = (...args: never[]) => unknown;

type HasSingleAnswers<T> = true extends {
  [K in keyof T]: T[K] extends Fn ? AnswersOnceOrAsync<ReturnType<T[K]>> : false;
}[keyof T]
  ? true
  : false;

type AnswersOnceOrAsync<R> = [Extract<R, PromiseLike<unknown> | AsyncIterable<unknown>>] extends [never] ? false : true;

type FromMethod<M> = M extends (...args: infer Args) => infer Returned
  ? (request: RequestOf<Args>, options?: CallOptions) => AnswerOf<Returned>
  : never;

type RequestOf<Args extends unknown[]> = Args extends []
  ? Record<string, never>
  : StreamedRequest<Exclude<Args[0], undefined>>;

type StreamedRequest<R> = [R] extends [Observable<infer T>]
  ? Messages<T>
  : [R] extends [AsyncIterable<infer T>]
    ? Messages<T>
    : R;

/** `Promise<T> | Observable<T> | T` is how a Controller says "one answer"; an Observable alone is a stream. */
type AnswerOf<R> = [Extract<R, PromiseLike<unknown>>] extends [never]
  ? [R] extends [Observable<infer T>]
    ? AsyncIterable<T>
    : [R] extends [AsyncIterable<infer T>]
      ? AsyncIterable<T>
      : Promise<R>
  : Promise<Awaited<Extract<R, PromiseLike<unknown>>>>;
