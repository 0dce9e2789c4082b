import type { Metadata, MethodDefinition, sendUnaryData, ServerDuplexStream, ServiceDefinition } from '@grpc/grpc-js';
import type { Time } from '../../core/time.js';
import type { MuxOffer } from '../../grpc/peer.js';
import { MUX_PATH, MUX_VERSION } from '../frames.js';
import { MuxSession } from './mux-session.js';
import type { Failure, MuxServerCall } from './server-call.js';

/** A unary method that is served. */
export interface MuxMethod {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly deserialize: (bytes: Buffer) => unknown;
  readonly serialize: (message: unknown) => Buffer;
  /** Runs its handler. */
  readonly handle: (call: MuxServerCall, callback: sendUnaryData<unknown>) => unknown;
}

export interface MuxServerOptions {
  readonly time: Time;
  /** Calls of one stream at a time. */
  readonly maxConcurrent: number;
  /** Of a request, with its metadata, bytes. */
  readonly maxRequestBytes: number;
  /** Of an answer, bytes; -1 for any. */
  readonly maxSendBytes: number;
  /** Gives what is sent a form that gRPC could send, too: handlers are not to know the difference. */
  readonly metadata: (path: string, given: unknown) => Metadata;
  readonly text: (given: unknown) => string;
}

const passed = (bytes: Buffer) => bytes;

const CALLS: MethodDefinition<Buffer, Buffer> = {
  path: MUX_PATH,
  requestStream: true,
  responseStream: true,
  requestSerialize: passed,
  requestDeserialize: passed,
  responseSerialize: passed,
  responseDeserialize: passed,
};

/** For `server.addService(MUX_SERVICE, { Calls: mux.accept })`. */
export const MUX_SERVICE: ServiceDefinition & { readonly Calls: MethodDefinition<Buffer, Buffer> } = { Calls: CALLS };

/** The unary methods of a server, for calls that come over streams of mux. */
export class MuxServer {
  readonly #methods = new Map<string, MuxMethod>();
  readonly #sessions = new Set<MuxSession>();
  #end: 'soft' | 'hard' | undefined;

  constructor(readonly options: MuxServerOptions) {}

  /** What Hello says of it. */
  get offer(): MuxOffer {
    const { maxConcurrent, maxRequestBytes } = this.options;
    return { version: MUX_VERSION, maxConcurrent, maxRequestBytes };
  }

  add(method: MuxMethod): void {
    this.#methods.set(method.path, method);
  }

  method(path: string): MuxMethod | undefined {
    return this.#methods.get(path);
  }

  readonly accept = (stream: ServerDuplexStream<Buffer, Buffer>): void => {
    const session = new MuxSession(stream, this);
    this.#sessions.add(session);
    session.onEnd = () => this.#sessions.delete(session);
    if (this.#end === 'soft') session.goAway();
    if (this.#end === 'hard') session.refuse();
  };

  /** Clients send no new calls here; whatever still comes is served. */
  goAway(): void {
    this.#end ??= 'soft';
    for (const session of this.#sessions) session.goAway();
  }

  /** Nothing that comes from now on is looked at, and clients are told how much was; streams end with their last call. */
  refuse(): void {
    this.#end = 'hard';
    for (const session of this.#sessions) session.refuse();
  }

  /** Ends what runs with a status; its handlers hear that they are cancelled. */
  end(reason: Failure): void {
    for (const session of this.#sessions) session.endAll(reason);
  }
}
