import { EventEmitter } from 'node:events';
import {
  status,
  type Metadata,
  type sendUnaryData,
  type ServerErrorResponse,
  type ServerUnaryCall,
  type StatusObject,
} from '@grpc/grpc-js';
import type { MuxMethod } from './mux-server.js';

type AuthContext = ReturnType<ServerUnaryCall<unknown, unknown>['getAuthContext']>;
type MetricsRecorder = ReturnType<ServerUnaryCall<unknown, unknown>['getMetricsRecorder']>;

/** The stream that calls came over. */
export interface CallOrigin {
  readonly peer: string;
  readonly authority: string;
  getAuthContext(): AuthContext;
  getMetricsRecorder(): MetricsRecorder;
  answered(call: MuxServerCall, ...answer: Parameters<sendUnaryData<unknown>>): void;
}

export interface ServerCallParts {
  readonly origin: CallOrigin;
  readonly method: MuxMethod;
  readonly slot: number;
  readonly metadata: Metadata;
  readonly request: unknown;
  /** Monotonic ms; Infinity where it has none. */
  readonly deadline: number;
  /** The same, ms since 1970. */
  readonly deadlineAt: number;
}

/**
 * A call as its handler has it: a `ServerUnaryCall` of grpc-js, as far as anybody can see. It is an emitter whose
 * constructor never runs, since nearly nobody listens: state is made by the first listener.
 */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- its prototype is that of an emitter, below
export class MuxServerCall implements ServerUnaryCall<unknown, unknown> {
  cancelled = false;
  readonly metadata: Metadata;
  readonly request: unknown;
  /** It has been answered, by its handler or for it. */
  over = false;
  /** That the handler has sent before its answer. */
  headers: Metadata | undefined;

  constructor(readonly parts: ServerCallParts) {
    this.metadata = parts.metadata;
    this.request = parts.request;
  }

  getPeer(): string {
    return this.parts.origin.peer;
  }

  sendMetadata(metadata: Metadata): void {
    this.headers ??= metadata;
  }

  getDeadline(): number {
    return this.parts.deadlineAt;
  }

  getPath(): string {
    return this.parts.method.path;
  }

  getHost(): string {
    return this.parts.origin.authority;
  }

  getAuthContext(): AuthContext {
    return this.parts.origin.getAuthContext();
  }

  getMetricsRecorder(): MetricsRecorder {
    return this.parts.origin.getMetricsRecorder();
  }
}

// oxlint-disable-next-line typescript/no-unsafe-declaration-merging
export interface MuxServerCall extends EventEmitter {}
Object.setPrototypeOf(MuxServerCall.prototype, EventEmitter.prototype);

/** What a handler answers when it fails. */
export type Failure = ServerErrorResponse | Partial<StatusObject>;

/** As grpc-js makes a status of what a handler gives. */
export function statusOf(failure: Failure, trailers: Metadata | undefined) {
  const { code, details, metadata } = failure;
  const { message = 'Unknown Error' } = failure as { readonly message?: string };
  // As its client would find out: an answer that says OK has a message.
  if (code === status.OK) return { code: status.UNIMPLEMENTED, details: 'No message received', metadata: null };
  // A frame has 16 bits for it.
  const known = typeof code === 'number' && Number.isInteger(code) && code > 0 && code <= 0xffff;
  return {
    code: known ? code : status.UNKNOWN,
    details: known && typeof details === 'string' ? details : message,
    metadata: trailers ?? metadata,
  };
}
