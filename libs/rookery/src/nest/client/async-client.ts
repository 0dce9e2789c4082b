import {
  Metadata,
  status,
  type Client,
  type ClientReadableStream,
  type ServiceDefinition,
  type ServiceError,
} from '@grpc/grpc-js';
import { RookeryError, show } from '../../core/errors.js';
import { describeError, isCallError } from '../../grpc/call-error.js';
import type { CallOptions, Messages } from './async-client.types.js';
import type { StartUnary } from '../../grpc/unary-call.js';
import { pump } from './pump.js';
import { unaryOf, type UnaryCaller } from './unary.js';

type GrpcMethod = (...args: unknown[]) => GrpcCall;
type GrpcCall = ClientReadableStream<unknown> & { write(message: unknown): boolean; end(): void };
type AsyncMethod = (request: unknown, options?: CallOptions) => Promise<unknown> | AsyncIterable<unknown>;

/** Promises and AsyncIterables over a grpc-js client. */
export function createAsyncClient(
  client: Client,
  definition: ServiceDefinition,
  { service, caller }: { readonly service: string; readonly caller?: UnaryCaller | undefined },
): Record<string, AsyncMethod> {
  const methods: Record<string, AsyncMethod> = Object.create(null);
  for (const [name, { requestStream, responseStream, originalName }] of Object.entries(definition)) {
    const call = (client as unknown as Record<string, GrpcMethod>)[name]!.bind(client);
    const method = responseStream
      ? streamed(call, requestStream, service)
      : requestStream
        ? uploading(call, service)
        : unary(caller ? unaryOf(client, name, caller) : grpcUnary(call), service);
    methods[name] = method;
    if (originalName) methods[originalName] = method;
  }
  return methods;
}

const NONE: CallOptions = {};

function unary(start: StartUnary, service: string): AsyncMethod {
  return (request, options = NONE) =>
    new Promise((resolve, reject) => {
      const { signal, metadata } = options;
      if (signal !== undefined) checkSignal(signal, service);
      if (signal?.aborted) return reject(aborted(signal, service));
      // An interceptor may answer before the call is made.
      let release: (() => void) | undefined;
      let over = false;
      const call = start(
        request,
        metadata && metadataOf(options),
        signal || metadata ? grpcOptions(options) : options,
        (error, value) => {
          over = true;
          release?.();
          if (error) reject(withReason(error, signal));
          else resolve(value);
        },
      );
      if (signal && !over) release = cancelOn(signal, call);
    });
}

/** As any client of grpc-js. */
function grpcUnary(method: GrpcMethod): StartUnary {
  return (request, metadata = new Metadata(), options, answered) => method(request, metadata, options, answered);
}

function uploading(method: GrpcMethod, service: string): AsyncMethod {
  return (request, options = NONE) =>
    new Promise((resolve, reject) => {
      checkSignal(options.signal, service);
      if (options.signal?.aborted) return reject(aborted(options.signal, service));
      // An interceptor may answer before the call is made.
      let release = () => {};
      const call = method(metadataOf(options), grpcOptions(options), (error: ServiceError | null, value: unknown) => {
        release();
        if (error) reject(withReason(error, options.signal));
        else resolve(value);
      });
      release = cancelOn(options.signal, call);
      pump(request as Messages<unknown>, call, reject);
    });
}

function streamed(method: GrpcMethod, requestStream: boolean, service: string): AsyncMethod {
  return (request, options = {}) => {
    checkSignal(options.signal, service);
    if (options.signal?.aborted) return failing(aborted(options.signal, service));
    // Started here, not at the first step of the iteration: the lane and the group are those of the caller.
    const rest = [metadataOf(options), grpcOptions(options)];
    const call = requestStream ? method(...rest) : method(request, ...rest);
    const release = cancelOn(options.signal, call);
    const messages = new IncomingMessages(
      call,
      (error) => withReason(isCallError(error) ? error : describeError(error, { service }), options.signal),
      release,
    );
    if (requestStream) pump(request as Messages<unknown>, call, (error) => messages.fail(error));
    return messages;
  };
}

/** The messages of a call, each read when it is asked for, so that a slow reader slows the sender down. */
class IncomingMessages implements AsyncIterable<unknown> {
  #failure: unknown;
  #ended = false;
  #wake: () => void = () => {};

  constructor(
    private readonly call: GrpcCall,
    describe: (error: ServiceError) => unknown,
    release: () => void,
  ) {
    call.on('readable', () => this.#wake());
    call.on('end', () => this.#end(release));
    // grpc-js tells the error at once, even while messages that came before it are unread.
    call.on('error', (error: ServiceError) => {
      this.#failure ??= describe(error);
      this.#end(release);
    });
  }

  fail(error: unknown): void {
    this.#failure ??= error;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<unknown> {
    try {
      for (;;) {
        const message: unknown = this.call.read();
        if (message !== null) yield message;
        else if (this.#failure !== undefined) throw this.#failure;
        else if (this.#ended) return;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.call.cancel();
    }
  }

  #end(release: () => void): void {
    this.#ended = true;
    release();
    this.#wake();
  }
}

// oxlint-disable-next-line require-yield -- an iteration that fails at its first step
async function* failing(error: unknown): AsyncGenerator<never> {
  throw error;
}

function metadataOf({ metadata }: CallOptions): Metadata {
  if (metadata instanceof Metadata) return metadata;
  const made = new Metadata();
  for (const [key, value] of Object.entries(metadata ?? {}))
    for (const one of [value].flat() as string[]) made.add(key, one);
  return made;
}

function grpcOptions({ signal: _signal, metadata: _metadata, ...options }: CallOptions): object {
  return options;
}

function checkSignal(signal: unknown, service: string): void {
  if (signal === undefined || signal instanceof AbortSignal) return;
  throw new RookeryError('ROOKERY_OPTION_INVALID', {
    path: `call of ${service}, options.signal`,
    found: `found ${show(signal)}.`,
    remedy: 'Use the signal of an AbortController, or AbortSignal.timeout(ms).',
  });
}

function cancelOn(signal: AbortSignal | undefined, call: { cancel(): void }): () => void {
  if (!signal) return () => {};
  // grpc-js loses a cancel in the turn in which the call was made.
  const cancel = () => setImmediate(() => call.cancel());
  signal.addEventListener('abort', cancel, { once: true });
  return () => signal.removeEventListener('abort', cancel);
}

function aborted(signal: AbortSignal, service: string): Error {
  const details = 'Cancelled before it was sent';
  const error = Object.assign(new Error(`1 CANCELLED: ${details}`), {
    code: status.CANCELLED,
    details,
    metadata: new Metadata(),
  });
  return withReason(describeError(error, { service }), signal);
}

function withReason<E extends Error>(error: E, signal: AbortSignal | undefined): E {
  if (signal?.aborted) error.cause ??= signal.reason;
  return error;
}
