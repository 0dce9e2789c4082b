import { Metadata, status, type sendUnaryData, type ServerDuplexStream } from '@grpc/grpc-js';
import { closeAnswered } from '../../grpc/close-answered.js';
import { copyOf } from '../copy.js';
import { Deadlines } from '../deadlines.js';
import { FrameWriter } from '../frame-writer.js';
import {
  CANCEL,
  FrameCursor,
  FrameError,
  GOAWAY,
  HEADER_BYTES,
  LONGEST_MS,
  MAX_CONCURRENT,
  MAX_NAME_BYTES,
  MAX_NAMES,
  MAX_REQUEST_BYTES,
  MAX_RESPONSE_BYTES,
  NAME,
  readU32,
  REQUEST,
  sectionEnd,
  SETTINGS,
  SKIPPABLE,
  WITH_METADATA,
  WITH_TIMEOUT,
} from '../frames.js';
import { decodeMetadata } from '../metadata-section.js';
import { AnswerWriter } from './answer-writer.js';
import type { MuxMethod, MuxServer } from './mux-server.js';
import { metadataOfStream } from './stream-metadata.js';
import { unknownMethod } from './unknown-method.js';
import { MuxServerCall, type CallOrigin, type Failure } from './server-call.js';

/** Calls that are begun in one turn: more of them would keep answers, timers and other clients waiting. */
const MOST_CALLS = 128;
/** And fewer would cost more writes than they save. */
const LEAST_CALLS = 16;
/** Batches of answers that wait for a client to read them: beyond, no more of its calls are read. */
const CONGESTED_BATCHES = 64;

/** One stream of calls, the server's side. */
export class MuxSession implements CallOrigin {
  onEnd: () => void = () => {};
  readonly peer: string;
  readonly authority: string;
  readonly #slots: (MuxServerCall | undefined)[] = [];
  readonly #methods: (MuxMethod | string)[] = [];
  readonly #writer = new FrameWriter();
  readonly #answers: AnswerWriter;
  readonly #deadlines: Deadlines;
  readonly #base: Metadata;
  /** What has come and waits for its turn. */
  #cursor: FrameCursor | undefined;
  #accepted = 0;
  #running = 0;
  #flushDue = false;
  /** Its client reads too slowly: it is served no further until it has. */
  #congested = false;
  #refusing = false;
  #leaving = false;
  #over = false;
  #now = 0;
  #slice = MOST_CALLS;

  constructor(
    private readonly stream: ServerDuplexStream<Buffer, Buffer>,
    private readonly server: MuxServer,
  ) {
    this.peer = stream.getPeer();
    this.authority = stream.getHost();
    this.#base = stream.metadata;
    this.#answers = new AnswerWriter(this.#writer, server.options);
    this.#deadlines = new Deadlines(server.options.time, (now) => this.#expire(now));
    const { maxConcurrent, maxRequestBytes } = server.options;
    this.#writer.settings([MAX_CONCURRENT, maxConcurrent], [MAX_REQUEST_BYTES, maxRequestBytes]);
    this.#flushSoon();
    stream.on('data', (batch: Buffer) => this.#read(batch));
    stream.on('end', () => {
      this.#leaving = true;
      this.#maybeEnd();
    });
    stream.on('drain', () => {
      this.#congested = false;
      if (!this.#cursor) stream.resume();
    });
    stream.on('cancelled', () => this.#gone());
    stream.on('error', () => this.#gone());
  }

  getAuthContext(): ReturnType<CallOrigin['getAuthContext']> {
    return this.stream.getAuthContext();
  }

  getMetricsRecorder(): ReturnType<CallOrigin['getMetricsRecorder']> {
    return this.stream.getMetricsRecorder();
  }

  goAway(): void {
    if (this.#over) return;
    this.#writer.frame(GOAWAY, 0, 0, 0, 0);
    this.#flushSoon();
  }

  refuse(): void {
    if (this.#over || this.#refusing) return;
    this.#refusing = this.#leaving = true;
    this.#writer.frame(GOAWAY, 0, 1, this.#accepted, 0);
    this.#flushSoon();
    this.#maybeEnd();
  }

  endAll(reason: Failure): void {
    for (const call of this.#slots) {
      if (!call) continue;
      this.#cancelled(call, 'the server stops');
      this.#respond(call, reason);
    }
  }

  /** A handler has answered. */
  answered(call: MuxServerCall, ...[failure, value, trailers]: Parameters<sendUnaryData<unknown>>): void {
    // What comes after the end is for nobody.
    if (call.over) return;
    if (failure) return this.#respond(call, failure, trailers);
    this.#answers.message(call, value, trailers);
    this.#close(call);
  }

  #respond(call: MuxServerCall, failure: Failure, trailers?: Metadata): void {
    // Its handler may have answered when it heard of its end, or before it threw.
    if (call.over) return;
    this.#answers.status(call, failure, trailers);
    this.#close(call);
  }

  #close(call: MuxServerCall): void {
    call.over = true;
    // grpc-js says so of every call once it is over, however it ended.
    if (!call.cancelled) this.#cancelled(call, 'cancelled');
    this.#slots[call.parts.slot] = undefined;
    this.#running -= 1;
    if (!this.#flushDue) this.#flushSoon();
    if (this.#leaving) this.#maybeEnd();
  }

  #flushSoon(): void {
    if (this.#flushDue) return;
    this.#flushDue = true;
    setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    this.#flushDue = false;
    if (this.#over) return;
    for (const batch of this.#writer.take()) this.stream.write(batch);
    this.#congested = this.stream.writableLength > CONGESTED_BATCHES;
    if (this.#congested) this.stream.pause();
    this.#maybeEnd();
  };

  /** The last call is answered, and nobody sends another one. */
  #maybeEnd(): void {
    if (!this.#leaving || this.#over || this.#running > 0 || this.#cursor || this.#flushDue) return;
    this.#finish();
    // A client that is alive ends its half; one that is frozen would hold the connection.
    if (this.#refusing) closeAnswered(this.stream, this.server.options.time);
    this.stream.end();
  }

  #finish(): void {
    this.#over = true;
    this.#deadlines.close();
    this.onEnd();
  }

  /** Its client is gone: whatever still runs is for nobody. */
  #gone(): void {
    if (this.#over) return;
    this.#finish();
    for (const call of this.#slots.splice(0)) {
      if (!call) continue;
      call.over = true;
      this.#cancelled(call, 'cancelled');
    }
  }

  #cancelled(call: MuxServerCall, reason: string): void {
    call.cancelled = true;
    if (call.listenerCount('cancelled') > 0) process.nextTick(() => call.emit('cancelled', reason));
  }

  #read(batch: Buffer): void {
    if (this.#over) return;
    this.#cursor = new FrameCursor(batch);
    this.#slice = sliceOf(batch);
    this.#work();
  }

  readonly #work = (): void => {
    const cursor = this.#cursor;
    if (!cursor || this.#over) return;
    // What the slice before has answered is on its way while this one runs.
    if (this.#flushDue) this.#flush();
    this.#now = this.server.options.time.now();
    try {
      for (let left = this.#slice; left > 0; left -= 1) {
        if (!cursor.next()) {
          this.#cursor = undefined;
          if (this.stream.isPaused() && !this.#congested) this.stream.resume();
          return this.#maybeEnd();
        }
        this.#take(cursor);
        if (this.#over) return;
      }
    } catch (error) {
      return this.#break(error as Error);
    }
    this.stream.pause();
    setImmediate(this.#work);
  };

  #take(frame: FrameCursor): void {
    const { type } = frame;
    if (type === REQUEST) this.#request(frame);
    else if (type === CANCEL) this.#cancel(frame);
    else if (type === NAME) this.#name(frame);
    else if (type === SETTINGS) this.#settings(frame);
    else if (type < SKIPPABLE) throw new FrameError(`a frame of type ${type}`);
  }

  #name({ batch, code, start, end }: FrameCursor): void {
    if (code !== this.#methods.length + 1 || code > MAX_NAMES) throw new FrameError(`name ${code} out of turn`);
    if (end - start > MAX_NAME_BYTES) throw new FrameError('a name that is too long');
    const path = batch.toString('latin1', start, end);
    this.#methods.push(this.server.method(path) ?? path);
  }

  #settings({ batch, start, end }: FrameCursor): void {
    if ((end - start) % 6 !== 0) throw new FrameError('settings of half a pair');
    for (let at = start; at < end; at += 6) {
      const key = batch.readUInt16LE(at);
      if (key === MAX_RESPONSE_BYTES) this.#answers.maxBytes = readU32(batch, at + 2);
    }
  }

  #request(frame: FrameCursor): void {
    // Its client knows by the count that it was not looked at.
    if (this.#refusing) return;
    const { batch, flags, code, id, end } = frame;
    let { start } = frame;
    const { maxConcurrent, maxRequestBytes } = this.server.options;
    if (id >= maxConcurrent || this.#slots[id]) throw new FrameError(`slot ${id} is taken, or is none`);
    if (end - start > maxRequestBytes + 8) throw new FrameError('a request that is too long');
    if (flags & ~(WITH_TIMEOUT | WITH_METADATA)) throw new FrameError(`a request with flags ${flags}`);
    const named = this.#methods[code - 1];
    // One that was added since.
    const method = typeof named === 'string' ? (this.server.method(named) ?? named) : named;
    if (method === undefined) throw new FrameError(`a request without a name (${code})`);
    let timeoutMs = Infinity;
    if (flags & WITH_TIMEOUT) {
      if (start + 4 > end) throw new FrameError('a request that ends within its time');
      timeoutMs = Math.min(readU32(batch, start), LONGEST_MS);
      start += 4;
    }
    let metadata: Metadata | undefined;
    if (flags & WITH_METADATA) {
      const from = start + 4;
      start = sectionEnd(batch, start, end);
      metadata = decodeMetadata(batch.subarray(from, start), this.#base.clone());
    }
    this.#accepted += 1;
    while (this.#slots.length <= id) this.#slots.push(undefined);
    this.#begin(method, id, timeoutMs, metadata ?? metadataOfStream(this.#base), copyOf(batch, start, end));
  }

  #begin(method: MuxMethod | string, slot: number, timeoutMs: number, metadata: Metadata, message: Buffer): void {
    const known = typeof method === 'string' ? unknownMethod(method) : method;
    let request: unknown;
    let failure: Failure | undefined;
    try {
      request = known.deserialize(message);
    } catch {
      failure = { code: status.INTERNAL, details: 'Error deserializing request' };
    }
    const deadline = this.#now + timeoutMs;
    const deadlineAt = timeoutMs === Infinity ? Infinity : Date.now() + timeoutMs;
    const parts = { origin: this, method: known, slot, metadata, request, deadline, deadlineAt };
    const call = new MuxServerCall(parts);
    this.#slots[slot] = call;
    this.#running += 1;
    if (failure) return this.#respond(call, failure);
    if (deadline !== Infinity) this.#deadlines.add(deadline, this.#now);
    try {
      known.handle(call, (refusal, value, trailers) => this.answered(call, refusal, value, trailers));
    } catch {
      // It may have answered before.
      if (!call.over) this.#respond(call, { code: status.UNKNOWN, details: 'Unknown error' });
    }
  }

  #cancel({ id }: FrameCursor): void {
    const call = this.#slots[id];
    // It may have been answered meanwhile.
    if (!call) return;
    this.#cancelled(call, 'cancelled');
    this.#respond(call, { code: status.CANCELLED, details: 'Cancelled on client' });
  }

  #expire(now: number): number {
    let next = Infinity;
    for (const call of this.#slots) {
      if (!call) continue;
      const { deadline } = call.parts;
      if (deadline > now) {
        next = Math.min(next, deadline);
        continue;
      }
      this.#cancelled(call, 'cancelled');
      this.#respond(call, { code: status.DEADLINE_EXCEEDED, details: 'Deadline exceeded' });
    }
    return next;
  }

  /** The client broke the protocol: nothing that comes after it can be understood. */
  #break(error: Error): void {
    if (!(error instanceof FrameError)) throw error;
    this.#gone();
    this.stream.emit('error', {
      code: status.INTERNAL,
      details: `mux: the client broke the protocol: ${error.message}`,
    });
  }
}

/**
 * How many calls of a batch are begun at a time. A small batch is all that its callers ask at once: they wait for its answers, and
 * its server then waits for them. In four parts, each side works while the other one does.
 */
function sliceOf(batch: Buffer): number {
  const calls = batch.length < HEADER_BYTES ? 0 : batch.length / (HEADER_BYTES + readU32(batch, 8));
  return calls >= MOST_CALLS ? MOST_CALLS : Math.max(LEAST_CALLS, Math.ceil(calls / 4));
}
