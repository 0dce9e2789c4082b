import { status, type Metadata } from '@grpc/grpc-js';
import type { FrameWriter } from '../frame-writer.js';
import { MORE, RESPONSE, WITH_HEADERS, WITH_TRAILERS } from '../frames.js';
import { encodeMetadata } from '../metadata-section.js';
import type { MuxServerOptions } from './mux-server.js';
import { statusOf, type Failure, type MuxServerCall } from './server-call.js';

/** Of an answer that is longer, this much goes in a frame, bytes: small ones get in between. */
const PART_BYTES = 32_768;

interface Sections {
  readonly headers?: Buffer | undefined;
  readonly trailers?: Buffer | undefined;
}

/** Writes the answers of one stream: of each call one RESPONSE, or several parts of one. */
export class AnswerWriter {
  /** Of a message, as the client has said. */
  maxBytes = 0xffff_ffff;

  constructor(
    private readonly frames: FrameWriter,
    private readonly options: MuxServerOptions,
  ) {}

  /** The message that a handler has given; a status, where that cannot be sent. */
  message(call: MuxServerCall, value: unknown, trailing: Metadata | undefined): void {
    let message: Buffer;
    try {
      message = call.parts.method.serialize(value);
    } catch {
      return this.status(call, { code: status.INTERNAL, details: 'Error serializing response' });
    }
    const tooLong = this.#tooLong(message);
    if (tooLong) return this.status(call, tooLong);
    const headers = this.#section(call, call.headers);
    const trailers = this.#section(call, trailing);
    if (headers || trailers || message.length > PART_BYTES)
      return this.#inFull(call, status.OK, message, { headers, trailers });
    this.frames.frame(RESPONSE, 0, status.OK, call.parts.slot, message.length);
    this.frames.body(message);
  }

  status(call: MuxServerCall, failure: Failure, trailing?: Metadata): void {
    const { code, details, metadata } = statusOf(failure, trailing);
    const message = Buffer.from(this.options.text(details)).subarray(0, PART_BYTES);
    const headers = this.#section(call, call.headers);
    this.#inFull(call, code, message, { headers, trailers: this.#section(call, metadata) });
  }

  /** The texts are those of grpc-js. */
  #tooLong({ length }: Buffer): Failure | undefined {
    const { maxSendBytes } = this.options;
    const code = status.RESOURCE_EXHAUSTED;
    if (maxSendBytes >= 0 && length > maxSendBytes)
      return { code, details: `Sent message larger than max (${length + 5} vs. ${maxSendBytes})` };
    if (length > this.maxBytes)
      return { code, details: `Received message larger than max (${length} vs ${this.maxBytes})` };
    return undefined;
  }

  #inFull(call: MuxServerCall, code: status, whole: Buffer, { headers, trailers }: Sections): void {
    const { frames } = this;
    const { slot } = call.parts;
    let message = whole;
    for (; message.length > PART_BYTES; message = message.subarray(PART_BYTES)) {
      frames.frame(RESPONSE, MORE, status.OK, slot, PART_BYTES);
      frames.body(message.subarray(0, PART_BYTES));
    }
    const sections = [headers, trailers].reduce((sum, section) => sum + (section ? 4 + section.length : 0), 0);
    const flags = (headers ? WITH_HEADERS : 0) | (trailers ? WITH_TRAILERS : 0);
    frames.frame(RESPONSE, flags, code, slot, sections + message.length);
    for (const section of [headers, trailers]) {
      if (!section) continue;
      frames.u32(section.length);
      frames.body(section);
    }
    frames.body(message);
  }

  #section(call: MuxServerCall, metadata: unknown): Buffer | undefined {
    if (metadata === undefined || metadata === null) return undefined;
    return encodeMetadata(this.options.metadata(call.parts.method.path, metadata));
  }
}
