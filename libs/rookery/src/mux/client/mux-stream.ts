import { Metadata, status } from '@grpc/grpc-js';
import type { Random, Time } from '../../core/time.js';
import type { CarrierLink, MessageStream, StreamEnd } from '../../grpc/carrier.js';
import { PUSHBACK } from '../../grpc/complete-pick.js';
import { FRAME_HEADER } from '../../grpc/subchannel-call.js';
import { Deadlines } from '../deadlines.js';
import { FrameWriter } from '../frame-writer.js';
import {
  CANCEL,
  FrameCursor,
  FrameError,
  GOAWAY,
  isAmong,
  LONGEST_MS,
  MAX_NAME_BYTES,
  MAX_NAMES,
  MAX_RESPONSE_BYTES,
  MORE,
  MUX_PATH,
  NAME,
  REQUEST,
  RESPONSE,
  sectionEnd,
  SETTINGS,
  SKIPPABLE,
  WITH_HEADERS,
  WITH_METADATA,
  WITH_TIMEOUT,
  WITH_TRAILERS,
} from '../frames.js';
import { copyOf } from '../copy.js';
import { decodeMetadata } from '../metadata-section.js';
import type { CallStatus, MuxCall } from './mux-call.js';

/** A stream with this much on its way to the other side takes no more calls, bytes. */
const CONGESTED_BYTES = 1 << 20;
/** A stream without calls is ended after this long, ms: an open one would hold the process. */
const IDLE_MS = 1000;
/** The other side has this long to end its half, ms. */
const LINGER_MS = 1000;
/** Between the first attempt and the second, at most, ms; as for calls that go by themselves. */
const FIRST_BACKOFF_MS = 10;

export interface MuxStreamParts {
  readonly link: CarrierLink;
  readonly time: Time;
  readonly random: Random;
  /** Of an answer, bytes. */
  readonly maxResponseBytes: number;
  /** It has had no calls for a while, and takes no more: the next one begins another. */
  readonly onIdle: () => void;
  /** It has ended, by the other side's word or by an error; nothing runs on it any more. */
  readonly onEnd: (error: CallStatus | undefined) => void;
}

/**
 * One stream of calls, the client's side. An id is a slot: it is free again only when its RESPONSE has come, also where
 * nobody waits for that any more, so that a late answer can reach no other call.
 */
export class MuxStream {
  readonly #slots: (MuxCall | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #names = new Map<string, number>();
  readonly #writer = new FrameWriter(FRAME_HEADER);
  readonly #deadlines: Deadlines;
  readonly #stream: MessageStream;
  /** REQUESTs so far, and of those how many were handed over. */
  #count = 0;
  #handed = 0;
  /** Calls that somebody waits for; others keep their slots until their RESPONSE comes. */
  #live = 0;
  #onItsWay = 0;
  #flushDue = false;
  #leaving = false;
  #halfClosed = false;
  #ended = false;
  /** The other side has sent something. */
  #heard = false;
  #usedAt = 0;
  #idle: Disposable | undefined;

  constructor(private readonly parts: MuxStreamParts) {
    const { link, time, maxResponseBytes } = parts;
    this.#deadlines = new Deadlines(time, (now) => this.#expire(now));
    this.#stream = link.open(MUX_PATH, {
      onMessage: (batch) => this.#read(batch),
      onEnd: (ended) => this.#end(ended),
    });
    this.#writer.settings([MAX_RESPONSE_BYTES, maxResponseBytes]);
    this.#flushSoon();
    this.#rest(time.now());
  }

  /** Sends a call; false where it can take none now. */
  send(call: MuxCall, bytes: Buffer, metadata: Buffer | undefined): boolean {
    if (this.#leaving || this.#onItsWay + this.#writer.bytes > CONGESTED_BYTES) return false;
    const name = this.#names.get(call.method.path) ?? this.#name(call.method.path);
    if (name > MAX_NAMES) return false;
    const slot = this.#free.pop() ?? this.#slots.length;
    if (slot >= this.parts.link.offer.maxConcurrent) return false;
    const { record } = call.captured;
    const { deadline } = record;
    const now = record.madeAt!;
    const timed = deadline !== Infinity;
    const flags = (timed ? WITH_TIMEOUT : 0) | (metadata ? WITH_METADATA : 0);
    const writer = this.#writer;
    writer.frame(REQUEST, flags, name, slot, (timed ? 4 : 0) + (metadata ? 4 + metadata.length : 0) + bytes.length);
    if (timed) writer.u32(Math.min(LONGEST_MS, Math.max(1, Math.ceil(deadline - now))));
    if (metadata) {
      writer.u32(metadata.length);
      writer.body(metadata);
    }
    writer.body(bytes);
    this.#slots[slot] = call;
    this.#live += 1;
    call.sequence = this.#count++;
    call.slot = slot;
    call.stream = this;
    call.sentAt = now;
    if (timed) this.#deadlines.add(deadline, now);
    this.parts.link.callStarted(record);
    if (!this.#flushDue) this.#flushSoon();
    return true;
  }

  /** Takes no more calls, and ends when the last one has. */
  leave(): void {
    this.#leaving = true;
    if (this.#live === 0) this.#halfClose();
  }

  /** A call is given up. */
  cancel(call: MuxCall): void {
    this.#writer.frame(CANCEL, 0, 0, call.slot, 0);
    if (!this.#flushDue) this.#flushSoon();
    call.over = true;
    this.#ends(call, status.CANCELLED, true);
    call.fail({ code: status.CANCELLED, details: 'Cancelled on client' });
  }

  #name(path: string): number {
    const number = path.length > MAX_NAME_BYTES ? Infinity : this.#names.size + 1;
    if (number > MAX_NAMES) return number;
    this.#names.set(path, number);
    const bytes = Buffer.from(path, 'latin1');
    this.#writer.frame(NAME, 0, number, 0, bytes.length);
    this.#writer.body(bytes);
    return number;
  }

  #flushSoon(): void {
    this.#flushDue = true;
    // What is called in one turn goes out in one write.
    setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    this.#flushDue = false;
    if (this.#ended) return;
    this.#handed = this.#count;
    for (const batch of this.#writer.take()) {
      this.#onItsWay += batch.length;
      this.#stream.write(batch, () => (this.#onItsWay -= batch.length));
    }
    if (this.#halfClosed) this.#endHalf();
  };

  #read(batch: Buffer): void {
    if (this.#ended) return;
    this.#heard = true;
    try {
      this.#take(new FrameCursor(batch), batch);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      return this.#break(error);
    }
    this.#stream.read();
  }

  #take(frame: FrameCursor, batch: Buffer): void {
    const now = this.parts.time.now();
    while (frame.next()) {
      const { type } = frame;
      if (type === RESPONSE) this.#response(frame, batch, now);
      else if (type === GOAWAY) this.#goAway(frame);
      else if (type !== SETTINGS && type < SKIPPABLE) throw new FrameError(`a frame of type ${type}`);
    }
  }

  #response(frame: FrameCursor, batch: Buffer, now: number): void {
    const { id, flags, code } = frame;
    const call = this.#slots[id];
    if (!call) throw new FrameError(`an answer to ${id}, where nothing was asked`);
    // The last flag stands alone: it is the greatest of them.
    if (flags > MORE) throw new FrameError(`an answer with flags ${flags}`);
    if (flags === MORE) return this.#keep(call, batch.subarray(frame.start, frame.end));
    let { start } = frame;
    let trailers: Buffer | undefined;
    // Nobody asks for the initial metadata of a call that is answered in one piece.
    if (flags & WITH_HEADERS) start = sectionEnd(batch, start, frame.end);
    if (flags & WITH_TRAILERS) {
      const from = start + 4;
      start = sectionEnd(batch, start, frame.end);
      trailers = batch.subarray(from, start);
    }
    if (code === status.OK) this.#fits(call, frame.end - start);
    // While it still is among those that hear of a breach.
    const metadata = trailers && code !== status.OK && !call.over ? decodeMetadata(trailers) : undefined;
    this.#slots[id] = undefined;
    this.#free.push(id);
    if (call.over) return;
    const body = copyOf(batch, start, frame.end);
    if (code === status.OK) {
      this.#ends(call, code, true, now);
      call.answer(call.parts ? Buffer.concat([...call.parts, body]) : body);
    } else {
      this.#fail(call, { code, details: body.toString(), ...(metadata && { metadata }) }, true, now);
    }
  }

  #keep(call: MuxCall, part: Buffer): void {
    if (call.over) return;
    if (part.length === 0) throw new FrameError('an empty part of an answer');
    this.#fits(call, part.length);
    call.parts ??= [];
    call.parts.push(Buffer.from(part));
    call.partBytes += part.length;
  }

  #fits(call: MuxCall, bytes: number): void {
    const { maxResponseBytes } = this.parts;
    if (call.partBytes + bytes > maxResponseBytes)
      throw new FrameError(`an answer of more than ${maxResponseBytes} bytes`);
  }

  /** @param processed whether a handler may have seen it */
  #fail(call: MuxCall, ended: CallStatus, processed: boolean, now = this.parts.time.now()): void {
    call.over = true;
    const { record } = call.captured;
    const pushback = ended.code === status.UNAVAILABLE ? Number(ended.metadata?.get(PUSHBACK)[0] ?? NaN) : NaN;
    const again = this.#ends(call, ended.code, processed, now, pushback < 0);
    if (again && processed) {
      // What it is told if there is nobody else to ask.
      record.answered = { ...ended, metadata: ended.metadata ?? new Metadata() };
      const ms = pushback >= 0 ? pushback : this.parts.random() * FIRST_BACKOFF_MS;
      return call.goPlainAfter(Math.min(ms, record.deadline - now), ended);
    }
    // As grpc-js does it, whatever the policy says, once: nobody has seen it.
    if (again || (!processed && record.attempts === 1)) call.goPlain(ended);
    else call.fail(ended);
  }

  #ends(call: MuxCall, code: number, processed: boolean, now = this.parts.time.now(), pushedBack = false): boolean {
    this.#live -= 1;
    if (this.#live === 0) this.#rest(now);
    return this.parts.link.callEnded(call.captured.record, {
      code,
      processed,
      pushedBack,
      ms: now - call.sentAt,
      at: now,
    });
  }

  #goAway({ code, id }: FrameCursor): void {
    if (!this.#leaving) this.parts.link.draining();
    this.leave();
    if (code === 0) return;
    // What came after those that it has counted was not looked at.
    const refused = { code: status.UNAVAILABLE, details: 'the server takes no more calls' };
    for (const [slot, call] of this.#slots.entries()) {
      if (!call || isAmong(call.sequence, id)) continue;
      this.#slots[slot] = undefined;
      if (!call.over) this.#fail(call, refused, false);
    }
  }

  /** One timer, however often the last call ends. */
  #rest(now: number): void {
    this.#usedAt = now;
    if (this.#leaving) return this.#halfClose();
    this.#idle ??= this.parts.time.after(IDLE_MS, this.#lookIdle);
  }

  readonly #lookIdle = (): void => {
    const { time } = this.parts;
    this.#idle = undefined;
    if (this.#live > 0 || this.#ended) return;
    const left = this.#usedAt + IDLE_MS - time.now();
    if (left <= 0) {
      this.parts.onIdle();
      this.leave();
    } else this.#idle = time.after(left, this.#lookIdle);
  };

  #halfClose(): void {
    if (this.#halfClosed || this.#ended) return;
    this.#halfClosed = true;
    if (!this.#flushDue) this.#flushSoon();
  }

  /** Who is alive answers with his own; who is frozen would hold the stream, and that the process. */
  #endHalf(): void {
    this.#stream.end();
    this.#idle?.[Symbol.dispose]();
    this.#idle = this.parts.time.after(LINGER_MS, () => this.#stream.cancel(status.CANCELLED, 'mux: nobody waits'));
  }

  #expire(now: number): number {
    let next = Infinity;
    for (const call of this.#slots) {
      if (!call || call.over) continue;
      const { deadline } = call.captured.record;
      if (deadline > now) next = Math.min(next, deadline);
      else this.#timeOut(call, now);
    }
    return next;
  }

  #timeOut(call: MuxCall, now: number): void {
    const seconds = ((now - call.sentAt) / 1000).toFixed(3);
    const { address } = this.parts.link.instance;
    // Its own clock may have stood still: it must not begin what nobody waits for.
    this.#writer.frame(CANCEL, 0, 0, call.slot, 0);
    if (!this.#flushDue) this.#flushSoon();
    call.over = true;
    this.#ends(call, status.DEADLINE_EXCEEDED, true, now);
    call.fail({
      code: status.DEADLINE_EXCEEDED,
      details: `Deadline exceeded after ${seconds}s,remote_addr=${address}`,
    });
  }

  #break(error: FrameError): void {
    const details = `mux: the server broke the protocol: ${error.message}`;
    const broken = { code: status.INTERNAL, details };
    this.#finish(broken, (call) => call.sequence < this.#handed, broken);
    this.#stream.cancel(status.INTERNAL, details);
  }

  #end({ code, details, metadata, refused }: StreamEnd): void {
    if (this.#ended) return;
    // Whoever does not know the method has processed nothing of what was sent to it.
    const unseen = !this.#heard && (refused || code === status.UNIMPLEMENTED);
    const answer: CallStatus = unseen
      ? { code: status.UNAVAILABLE, details }
      : code === status.OK
        ? { code: status.UNAVAILABLE, details: 'the server ended the stream of mux before it had answered' }
        : { code, details, metadata };
    // Once it was to end, how it does is nobody's concern.
    const error = code === status.OK || (this.#halfClosed && this.#live === 0) ? undefined : { code, details };
    this.#finish(answer, (call) => !unseen && call.sequence < this.#handed, error);
  }

  #finish(answer: CallStatus, processed: (call: MuxCall) => boolean, error: CallStatus | undefined): void {
    this.#ended = this.#leaving = true;
    this.#deadlines.close();
    this.#idle?.[Symbol.dispose]();
    // First: whoever is told may call again.
    this.parts.onEnd(error);
    const calls = this.#slots.splice(0);
    for (const call of calls) if (call && !call.over) this.#fail(call, answer, processed(call));
  }
}
