/**
 * The frames of mux, version 1; docs/reference/mux.md is their definition.
 *
 * ```
 * 0 u8 type | 1 u8 flags | 2 u16 code | 4 u32 id | 8 u32 length | 12 body[length]      little-endian
 * ```
 */
export const MUX_VERSION = 1;
/** The version is in the path: who does not know it says UNIMPLEMENTED to the stream, and has processed nothing of it. */
export const MUX_PATH = `/rookery.mux.v${MUX_VERSION}.Mux/Calls`;

export const HEADER_BYTES = 12;

export const SETTINGS = 1;
export const NAME = 2;
export const REQUEST = 3;
export const CANCEL = 4;
export const RESPONSE = 5;
export const GOAWAY = 6;
/** From here on a type that is not known is skipped; below, it is an error. */
export const SKIPPABLE = 0x80;

/** Of a REQUEST: its body begins with the time that the call has, u32 ms. */
export const WITH_TIMEOUT = 1;
/** Of a REQUEST: metadata stands before the message. */
export const WITH_METADATA = 2;
/** Of a RESPONSE: initial metadata comes first. */
export const WITH_HEADERS = 1;
/** Of a RESPONSE: trailers come next. */
export const WITH_TRAILERS = 2;
/** Of a RESPONSE: the message goes on in another one. */
export const MORE = 4;

/** Keys of SETTINGS. */
export const MAX_CONCURRENT = 1;
export const MAX_REQUEST_BYTES = 2;
export const MAX_RESPONSE_BYTES = 3;

/** Of a name, and how many there may be. */
export const MAX_NAME_BYTES = 1024;
export const MAX_NAMES = 4096;

/** A time that is longer is sent as this, ms; Node's timers take no more than twice as much. */
export const LONGEST_MS = 0x3fffffff;

/** The other side broke the protocol: the stream ends, and what runs on it. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** Walks over the frames of one message, and allocates nothing. */
export class FrameCursor {
  type = 0;
  flags = 0;
  code = 0;
  id = 0;
  /** Of the body, in the batch. */
  start = 0;
  end = 0;
  #at = 0;

  constructor(readonly batch: Buffer) {}

  /**
   * Goes to the next frame; false at the end.
   * @throws {FrameError} where the batch ends in the middle of a frame
   */
  next(): boolean {
    const { batch } = this;
    const at = this.#at;
    if (at === batch.length) return false;
    if (at + HEADER_BYTES > batch.length) throw new FrameError('a batch ends within the header of a frame');
    this.type = batch[at]!;
    this.flags = batch[at + 1]!;
    this.code = batch[at + 2]! | (batch[at + 3]! << 8);
    this.id = readU32(batch, at + 4);
    this.start = at + HEADER_BYTES;
    this.end = this.#at = this.start + readU32(batch, at + 8);
    if (this.end > batch.length) throw new FrameError('a batch ends within a frame');
    return true;
  }
}

/** Whether a call, by its number on its stream from 0, is among the first `count` of it; both go on past 2^32. */
export function isAmong(sequence: number, count: number): boolean {
  return ((sequence - count) | 0) < 0;
}

export function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/**
 * Where a section ends that begins with its length.
 * @throws {FrameError} where that is behind the end of its frame
 */
export function sectionEnd(batch: Buffer, at: number, end: number): number {
  const after = at + 4 <= end ? at + 4 + readU32(batch, at) : Infinity;
  if (after > end) throw new FrameError('a section is longer than its frame');
  return after;
}
