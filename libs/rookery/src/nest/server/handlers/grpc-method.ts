import type { ServerDuplexStream, sendUnaryData } from '@grpc/grpc-js';
import type { Logger } from '@nestjs/common';
import { GrpcMethodStreamingType } from '@nestjs/microservices';
import { EMPTY, firstValueFrom, fromEvent, isObservable, lastValueFrom, map, takeUntil, type Observable } from 'rxjs';
import { unknown, type CallStatus } from './call-status.js';
import { messageFor, messagesOf, refusalOf, type AnswerType } from './messages.js';
import { isIterable, pull } from './pull.js';
import { pullingFor } from './pulling.interceptor.js';
import { requestStream } from './request-stream.js';

export interface MethodDefinition extends AnswerType {
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

/** A handler as Nest wraps it: with its guards, pipes, interceptors and exception filters. */
type Handler = (...args: unknown[]) => unknown;
/** Of any of the four kinds: what a kind does not have is not used. */
export type Call = ServerDuplexStream<unknown, unknown> & { readonly request: unknown };
type Callback = sendUnaryData<unknown>;
export type GrpcMethod = (call: Call, callback: Callback) => void;
/** Runs between Nest's hooks of a call. */
export type AroundCall = (call: Call, run: (done: () => void) => Promise<void>) => void;

export interface MethodOptions {
  readonly handler: Handler;
  readonly type: MethodDefinition;
  readonly streaming: GrpcMethodStreamingType;
  /** Whether somebody has set hooks by now. */
  readonly hooked: () => boolean;
  readonly around: AroundCall;
  readonly logger: Pick<Logger, 'error'>;
}

/**
 * Nest's gRPC method without its defects: every call is answered, once, and a client that goes away ends the work for
 * it. docs/guides/streams-and-errors.md lists them.
 */
export function grpcMethod(options: MethodOptions): GrpcMethod {
  const { type, hooked, around } = options;
  const run = anyMethod(options);
  const plain = type.requestStream || type.responseStream ? (...call: Run) => void run(...call) : unaryMethod(options);
  return (call, callback) => {
    if (hooked()) around(call, (done) => run(call, callback).finally(done));
    else plain(call, callback);
  };
}

type Run = Parameters<GrpcMethod>;

/** Of any kind. */
function anyMethod({ handler, type, streaming, logger }: MethodOptions): (...call: Run) => Promise<void> {
  const { requestStream: asks, responseStream: streams } = type;
  const passes = asks && streaming === GrpcMethodStreamingType.PT_STREAMING;
  return async (call, callback) => {
    // The handler of grpc-js for this event sends the status behind the messages.
    const send = (refusal: CallStatus) => (streams ? void call.emit('error', refusal as Error) : callback(refusal));
    try {
      if (passes) await pass(handler, call, streams ? undefined : callback);
      else if (streams) await stream(handler, type, pullingFor(call), asks);
      else await answer(handler, type, call, callback, asks);
    } catch (error) {
      if (!call.cancelled) refuse(error, send, logger);
    }
  };
}

/** The same for a unary call, most of which have a message at once: nothing is made for one that it does not need. */
function unaryMethod({ handler, type, logger }: MethodOptions): GrpcMethod {
  return (call, callback) => {
    const failed = (error: unknown): void => {
      if (!call.cancelled) refuse(error, callback, logger);
    };
    const answered = (given: unknown): unknown => {
      try {
        if (!isObservable(given)) return reply(type, call, callback, given);
        return settle(given, call, false)
          .then((value) => reply(type, call, callback, value))
          .catch(failed);
      } catch (error) {
        return failed(error);
      }
    };
    try {
      Promise.resolve(handler(call.request, call.metadata, call)).then(answered, failed);
    } catch (error) {
      failed(error);
    }
  };
}

/** An exception may fail once more where somebody reads what it says. */
function refuse(error: unknown, send: (refusal: CallStatus) => void, logger: MethodOptions['logger']): void {
  try {
    send(refusalOf(error, logger));
  } catch (cause) {
    logger.error(cause);
    send(unknown());
  }
}

/** The first value of a unary handler, as soon as it is there, or the last one of a client stream, answers. */
async function answer(
  handler: Handler,
  type: AnswerType,
  call: Call,
  callback: Callback,
  asks: boolean,
): Promise<void> {
  const given = await handler(asks ? requestStream(call) : call.request, call.metadata, call);
  const value = isObservable(given) ? await settle(given, call, asks) : given;
  reply(type, call, callback, value);
}

function reply(type: AnswerType, call: Call, callback: Callback, value: unknown): void {
  if (!call.cancelled) callback(null, messageFor(type, value));
}

function settle(given: Observable<unknown>, call: Call, last: boolean): Promise<unknown> {
  const messages = whileOpen(messagesOf(given, call), call);
  return last
    ? lastValueFrom(messages, { defaultValue: undefined })
    : firstValueFrom(messages, { defaultValue: undefined });
}

async function stream(handler: Handler, type: AnswerType, call: Call, asks: boolean): Promise<void> {
  const given = await handler(asks ? requestStream(call) : call.request, call.metadata, call);
  const answers = isIterable(given) && !isObservable(given) ? pull(given, call) : given;
  const messages = messagesOf(answers, call).pipe(map((value) => messageFor(type, value)));
  await lastValueFrom(whileOpen(messages.pipe(map((message) => void call.write(message))), call), {
    defaultValue: undefined,
  });
  call.end();
}

/** The handler has the call and answers by itself; only what it throws is ours. */
async function pass(handler: Handler, call: Call, callback: Callback | undefined): Promise<void> {
  const given = await (callback ? handler(call, callback) : handler(call));
  if (isObservable(given)) await lastValueFrom(whileOpen(messagesOf(given, call), call), { defaultValue: undefined });
}

/** Until the call is over, however it ends: grpc-js says `cancelled` then, and nothing else. */
function whileOpen<T>(messages: Observable<T>, call: Call): Observable<T> {
  return call.cancelled ? EMPTY : messages.pipe(takeUntil(fromEvent(call, 'cancelled')));
}
