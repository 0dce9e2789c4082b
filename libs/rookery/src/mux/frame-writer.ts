import { BY_HAND } from './copy.js';
import { HEADER_BYTES, SETTINGS, writeU32 } from './frames.js';

/** A batch is full at this size, bytes; a frame that is longer has one to itself. */
const BATCH_BYTES = 65_536;
/** What a batch begins with: a stream that carries little holds little. */
const LEAST_BYTES = 1024;

/** Gathers frames in batches, each of which is sent as one message of gRPC. */
export class FrameWriter {
  #batch: Buffer | undefined;
  #at = 0;
  #full: Buffer[] = [];
  #fullBytes = 0;
  /** Of the last batch: the next one is likely to be as long. */
  #last = LEAST_BYTES;

  /** @param headroom bytes before the frames of each batch, for whoever sends it */
  constructor(private readonly headroom = 0) {}

  /** Bytes that are gathered. */
  get bytes(): number {
    return this.#fullBytes + this.#at;
  }

  /** A frame whose body is written by `u32` and `body`, `length` bytes in all. */
  frame(type: number, flags: number, code: number, id: number, length: number): void {
    const size = HEADER_BYTES + length;
    if (this.#batch === undefined || this.#at + size > this.#batch.length) this.#make(size);
    const batch = this.#batch!;
    const at = this.#at;
    batch[at] = type;
    batch[at + 1] = flags;
    batch[at + 2] = code;
    batch[at + 3] = code >>> 8;
    writeU32(batch, at + 4, id);
    writeU32(batch, at + 8, length);
    this.#at = at + HEADER_BYTES;
  }

  settings(...pairs: readonly (readonly [key: number, value: number])[]): void {
    this.frame(SETTINGS, 0, 0, 0, 6 * pairs.length);
    for (const [key, value] of pairs) {
      this.body(Uint8Array.of(key, key >>> 8));
      this.u32(value);
    }
  }

  u32(value: number): void {
    writeU32(this.#batch!, this.#at, value);
    this.#at += 4;
  }

  body(bytes: Uint8Array): void {
    const { length } = bytes;
    const batch = this.#batch!;
    if (length > BY_HAND) batch.set(bytes, this.#at);
    else for (let i = 0; i < length; i += 1) batch[this.#at + i] = bytes[i]!;
    this.#at += length;
  }

  /** What was gathered since the last time; the buffers are the caller's from then on. */
  take(): readonly Buffer[] {
    if (this.#batch) this.#seal(this.#batch);
    const full = this.#full;
    this.#full = [];
    this.#fullBytes = 0;
    return full;
  }

  #make(size: number): void {
    const before = this.#batch;
    if (before && this.#at + size <= BATCH_BYTES) return this.#grow(before, size);
    if (before) this.#seal(before);
    const least = this.headroom + size;
    this.#batch = Buffer.allocUnsafe(Math.max(least, Math.min(2 * this.#last, BATCH_BYTES)));
    this.#at = this.headroom;
  }

  #grow(before: Buffer, size: number): void {
    const larger = Buffer.allocUnsafe(Math.min(BATCH_BYTES, Math.max(2 * before.length, this.#at + size)));
    before.copy(larger, 0, 0, this.#at);
    this.#batch = larger;
  }

  #seal(batch: Buffer): void {
    this.#full.push(batch.subarray(0, this.#at));
    this.#fullBytes += this.#at;
    this.#last = Math.max(LEAST_BYTES, this.#at);
    this.#batch = undefined;
    this.#at = 0;
  }
}
