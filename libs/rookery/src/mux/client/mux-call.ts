import { Metadata, status, type CallOptions, type requestCallback, type ServiceError } from '@grpc/grpc-js';
import { describeError } from '../../grpc/call-error.js';
import { prepare } from '../../grpc/capturing.js';
import type { Captured } from '../../grpc/capture.js';
import type { CallClient, Ongoing, UnaryMethod } from '../../grpc/unary-call.js';

/** What a call was told. */
export interface CallStatus {
  readonly code: status;
  readonly details: string;
  readonly metadata?: Metadata;
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
  /** As it was serialized when it was made; whoever made it may change the request. */
  bytes: Buffer | undefined;
  /** As it was when it was made. */
  metadata: Metadata | undefined;
  /** Parts of an answer that comes in several. */
  parts: Buffer[] | undefined;
  partBytes = 0;
  /** Its caller has been told, or it goes on through grpc-js. */
  over = false;
  /** Who has to be told that it is given up. */
  stream: { cancel(call: MuxCall): void } | undefined;
  #plain: Ongoing | undefined;

  constructor(
    private readonly asked: MuxCallParts,
    private readonly client: CallClient,
  ) {
    this.method = asked.method;
    this.captured = asked.captured;
    this.metadata = asked.metadata;
  }

  cancel(): void {
    if (this.#plain) this.#plain.cancel();
    else if (!this.over) this.stream?.cancel(this);
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
    this.#tell(null, value);
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
    this.#tell(describeError(error, { service, registry, record, deadlineOrigin: time.origin }));
  }

  /**
   * Goes on through grpc-js, as the same call: what was captured, picked, counted and serialized so far holds.
   *
   * @param otherwise what it is told where the client has been closed meanwhile; default what grpc-js says of that
   */
  goPlain(otherwise?: CallStatus): Ongoing {
    this.over = true;
    const { request, options, answered } = this.asked;
    try {
      const ready = prepare(this.client.capture, this.captured, this.metadata, options);
      return (this.#plain = this.method.plain({ request, bytes: this.bytes, ...ready, answered }));
    } catch (error) {
      // A channel that is closed throws, and where a stream has ended that would end the process.
      if (otherwise) this.fail(otherwise);
      else this.#tell(error as ServiceError);
      return (this.#plain = NOTHING);
    }
  }

  /** The same, in `ms`; a call that is given up meanwhile is over. */
  goPlainAfter(ms: number, otherwise: CallStatus): void {
    this.over = true;
    // One that holds the process: whoever waits for a call has nothing else that does.
    const timer = setTimeout(() => void this.goPlain(otherwise), ms);
    this.#plain = {
      cancel: () => {
        clearTimeout(timer);
        this.#plain = NOTHING;
        this.fail({ code: status.CANCELLED, details: 'Cancelled on client' });
      },
    };
  }

  /** What the caller throws is his, as in any call; here it would keep the others from their answers. */
  #tell(...answer: Parameters<requestCallback<unknown>>): void {
    try {
      this.asked.answered(...answer);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
