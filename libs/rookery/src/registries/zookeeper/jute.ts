/** Writes one frame of ZooKeeper's serialization, jute: big-endian numbers, lengths before texts, the frame's before all. */
export class JuteWriter {
  readonly #parts: Buffer[] = [Buffer.alloc(4)];

  int(value: number): this {
    const part = Buffer.allocUnsafe(4);
    part.writeInt32BE(value);
    this.#parts.push(part);
    return this;
  }

  long(value: bigint): this {
    const part = Buffer.allocUnsafe(8);
    part.writeBigInt64BE(value);
    this.#parts.push(part);
    return this;
  }

  bool(value: boolean): this {
    this.#parts.push(Buffer.from([value ? 1 : 0]));
    return this;
  }

  bytes(value: Buffer): this {
    this.int(value.length).#parts.push(value);
    return this;
  }

  text(value: string): this {
    return this.bytes(Buffer.from(value));
  }

  frame(): Buffer {
    const frame = Buffer.concat(this.#parts);
    frame.writeInt32BE(frame.length - 4);
    return frame;
  }
}

/** Reads one frame, without its length. Whatever does not fit throws: the bytes come from outside. */
export class JuteReader {
  #at = 0;

  constructor(private readonly frame: Buffer) {}

  get left(): number {
    return this.frame.length - this.#at;
  }

  int(): number {
    return this.frame.readInt32BE(this.#skip(4));
  }

  long(): bigint {
    return this.frame.readBigInt64BE(this.#skip(8));
  }

  bool(): boolean {
    return this.frame[this.#skip(1)] !== 0;
  }

  /** An absent value has length -1: it is empty to us. */
  bytes(): Buffer {
    const length = Math.max(this.int(), 0);
    const from = this.#skip(length);
    return this.frame.subarray(from, from + length);
  }

  text(): string {
    return this.bytes().toString();
  }

  /** A list of what `read` reads. */
  list<T>(read: () => T): T[] {
    const length = Math.max(this.int(), 0);
    const items: T[] = [];
    for (let i = 0; i < length; i += 1) items.push(read());
    return items;
  }

  #skip(length: number): number {
    const from = this.#at;
    if (from + length > this.frame.length) throw new Error('ZooKeeper sent a frame that ends too early');
    this.#at += length;
    return from;
  }
}

/** Cuts the stream of a connection into frames. */
export class FrameCutter {
  #chunks: Buffer[] = [];
  #length = 0;

  /** @throws {Error} where what comes is longer than any frame, so that it is not ZooKeeper that speaks */
  *cut(chunk: Buffer): Generator<Buffer> {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    for (let size = this.#size(); size !== undefined && this.#length >= size + 4; size = this.#size()) {
      const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
      this.#chunks = [all.subarray(size + 4)];
      this.#length = all.length - size - 4;
      yield all.subarray(4, size + 4);
    }
  }

  #size(): number | undefined {
    if (this.#length < 4) return undefined;
    if (this.#chunks[0]!.length < 4) this.#chunks = [Buffer.concat(this.#chunks)];
    const size = this.#chunks[0]!.readInt32BE();
    if (size < 0 || size > MAX_FRAME) throw new Error('what answers there does not speak the protocol of ZooKeeper');
    return size;
  }
}

/** Far above what ZooKeeper sends with any sensible `jute.maxbuffer`, bytes; "HTTP" as a length is above it. */
const MAX_FRAME = 128 * 1024 * 1024;
