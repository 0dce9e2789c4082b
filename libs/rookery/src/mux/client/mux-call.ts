import { Metadata, status, type CallOptions, type requestCallback, type ServiceError } from '@grpc/grpc-js';
import { describeError } from '../../grpc/call-error.js';
import { prepare } from '../../grpc/capturing.js';
import type { CallCapture, Captured } from '../../grpc/capture.js';

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

/** What a call was told. */
export interface CallStatus {
  readonly code: status;
  readonly details: string;
  readonly metadata?: Metadata;
}

/** Of all calls of a client. */
export interface CallClient {
  readonly service: string;
  readonly capture: CallCapture;
}

export interface MuxCallParts {
  readonly method: UnaryMethod;
  readonly captured: Captured;
  readonly request: unknown;
  readonly metadata: Metadata | undefined;
  readonly options: CallOptions;
  readonly answered: requestCallback<unknown>;
}

const NOTHING: Ongoing = { cancel: () => {} };

/** One call over a stream of mux, from its making to its end; it may yet have to go through grpc-js. */
export class MuxCall implements Ongoing {
  readonly method: UnaryMethod;
  readonly captured: Captured;
  /** When it was sent, monotonic ms. */
  sentAt = 0;
  /** Its number on its stream, from 0, and its slot. */
  sequence = -1;
  slot = -1;
  /** Parts of an answer that comes in several. */
  parts: Buffer[] | undefined;
  partBytes = 0;
  /** Its caller has been told, or it goes on through grpc-js. */
  over = false;
  /** Who has to be told that it is given up. */
  carrier: { cancel(call: MuxCall): void } | undefined;
  #plain: Ongoing | undefined;

  constructor(
    private readonly asked: MuxCallParts,
    private readonly client: CallClient,
  ) {
    this.method = asked.method;
    this.captured = asked.captured;
  }

  cancel(): void {
    if (this.#plain) this.#plain.cancel();
    else if (!this.over) this.carrier?.cancel(this);
  }

  /** Its answer is there. */
  answer(message: Buffer): void {
    this.over = true;
    let value: unknown;
    try {
      value = this.method.deserialize(message);
    } catch (error) {
      const details = `Response message parsing error: ${error instanceof Error ? error.message : String(error)}`;
      return this.fail({ code: status.INTERNAL, details });
    }
    this.asked.answered(null, value);
  }

  fail({ code, details, metadata = new Metadata() }: CallStatus): void {
    this.over = true;
    const { record, time } = this.captured;
    const { service, capture } = this.client;
    const { registry } = capture.defaults;
    const error: ServiceError = Object.assign(new Error(`${code} ${status[code]}: ${details}`), {
      code,
      details,
      metadata,
    });
    this.asked.answered(describeError(error, { service, registry, record, deadlineOrigin: time.origin }));
  }

  /** Goes on through grpc-js, as the same call: what was captured, picked and counted so far holds. */
  goPlain(bytes?: Buffer): Ongoing {
    this.over = true;
    const { request, metadata, options, answered } = this.asked;
    try {
      const ready = prepare(this.client.capture, this.captured, metadata, options);
      return (this.#plain = this.method.plain({ request, bytes, ...ready, answered }));
    } catch (error) {
      // A channel that is closed throws, and here that would end the process.
      answered(error as ServiceError);
      return (this.#plain = NOTHING);
    }
  }
}
