import type { CallOptions, Metadata, requestCallback } from '@grpc/grpc-js';
import type { RookeryCallOptions } from './call-options.js';
import type { CallCapture } from './capture.js';

/** Of all calls of a client. */
export interface CallClient {
  readonly service: string;
  readonly capture: CallCapture;
}

/** A unary method of a client, and its way through grpc-js. */
export interface UnaryMethod {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly serialize: (message: unknown) => Buffer;
  readonly deserialize: (bytes: Buffer) => unknown;
  /** Calls it as any client does; of a request that is serialized already where `bytes` says so. */
  readonly plain: (call: PlainCall) => Ongoing;
}

export interface PlainCall {
  readonly request: unknown;
  readonly bytes?: Buffer | undefined;
  readonly metadata: Metadata;
  readonly options: CallOptions;
  readonly answered: requestCallback<unknown>;
}

/** A call that can be given up. */
export interface Ongoing {
  cancel(): void;
}

/** Makes a unary call, over whatever carries it. */
export type StartUnary = (
  request: unknown,
  metadata: Metadata | undefined,
  options: CallOptions & RookeryCallOptions,
  answered: requestCallback<unknown>,
) => Ongoing;
