import { EventEmitter } from 'node:events';
import { Metadata, type ServerDuplexStream } from '@grpc/grpc-js';
import fc from 'fast-check';
import { createInstance } from '../core/instance.js';
import type { CarrierLink, StreamListener } from '../grpc/carrier.js';
import { fakeTime } from '../testing/fake-time.js';
import { MuxStream } from './client/mux-stream.js';
import { CANCEL, GOAWAY, MORE, NAME, REQUEST, RESPONSE, SETTINGS } from './frames.js';
import { encodeMetadata } from './metadata-section.js';
import { batchOf, caller, u32, type Frame } from './mux.stage.js';

/** More than either side of a stage takes. */
const SLOTS = 10;
const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const anyFrame: fc.Arbitrary<Frame> = fc.record({
  type: fc.nat(255),
  flags: fc.oneof(fc.nat(7), fc.nat(255)),
  code: fc.oneof(fc.nat(5), fc.nat(0xffff)),
  id: fc.oneof(fc.nat(SLOTS), fc.nat(0xffff_ffff)),
  body: bytes(40),
});

const metadata = new Metadata();
metadata.set('a', 'one');
metadata.set('b-bin', Buffer.of(0, 255));
const valid = encodeMetadata(metadata)!;
const sized = (section: Buffer) => Buffer.concat([u32(section.length), section]);
export const sections = fc.oneof(
  { weight: 6, arbitrary: fc.constant(valid) },
  { weight: 1, arbitrary: fc.constant(Buffer.of(0, 0)) },
  { weight: 1, arbitrary: bytes(30) },
);

/** A body that is what its flags say. */
function body(frame: Frame, [timeoutMs, first, second, message]: [number, Buffer, Buffer, Buffer]): Frame {
  const { type, flags = 0 } = frame;
  const head = type === REQUEST ? u32(timeoutMs) : sized(first);
  const parts = [...(flags & 1 ? [head] : []), ...(flags & 2 ? [sized(second)] : []), message];
  return { ...frame, body: Buffer.concat(parts) };
}
const parts = fc.tuple(fc.oneof(fc.nat(200), fc.nat(0xffff_ffff)), sections, sections, bytes(20));
const id = fc.nat(SLOTS - 1);
const flags = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3) });
const settings = fc.array(fc.tuple(fc.nat(4), fc.nat(0xffff)), { maxLength: 3 });
const settingsOf = (pairs: [number, number][]) =>
  Buffer.concat(pairs.map(([key, value]) => Buffer.concat([Buffer.of(key, 0), u32(value)])));

/** What a client sends, mostly. */
export const clientFrame: fc.Arbitrary<Frame> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.record({ type: fc.constant(REQUEST), code: fc.integer({ min: 1, max: 3 }), id, flags }), parts)
      .map(([frame, of]) => body(frame, of)),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant(CANCEL), id }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant(NAME),
      code: fc.integer({ min: 3, max: 6 }),
      body: fc.constantFrom('/s.S/Echo', '/s.S/None', '', '\xff'),
    }),
  },
  { weight: 1, arbitrary: settings.map((pairs) => ({ type: SETTINGS, body: settingsOf(pairs) })) },
  { weight: 1, arbitrary: anyFrame },
);

/** What a server sends, mostly. */
export const serverFrame: fc.Arbitrary<Frame> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.record({ type: fc.constant(RESPONSE), code: fc.oneof(fc.constant(0), fc.nat(20)), id, flags }), parts)
      .map(([frame, of]) => body(frame, of)),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant(RESPONSE), id, flags: fc.constant(MORE), body: bytes(20) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant(GOAWAY), code: fc.nat(1), id: fc.nat(20) }) },
  { weight: 1, arbitrary: settings.map((pairs) => ({ type: SETTINGS, body: settingsOf(pairs) })) },
  { weight: 1, arbitrary: anyFrame },
);

type Mutation = readonly [kind: number, at: number, value: number];

/** Bits, bytes, lengths, cuts, repetitions, another order. */
function mutated(batch: Buffer, [kind, where, value]: Mutation): Buffer {
  if (batch.length === 0) return Buffer.of(value);
  const at = where % batch.length;
  const copy = Buffer.from(batch);
  if (kind === 0) copy[at]! ^= 1 << (value & 7);
  else if (kind === 1) copy[at] = value;
  else if (kind === 2) copy.subarray(at, at + 4).fill(0xff);
  else if (kind === 3) return copy.subarray(0, at);
  else if (kind === 4) return Buffer.concat([copy, copy.subarray(at)]);
  else return Buffer.concat([copy.subarray(at), copy.subarray(0, at)]);
  return copy;
}
const mutations = fc.oneof(
  { weight: 1, arbitrary: fc.constant<Mutation[]>([]) },
  { weight: 2, arbitrary: fc.array(fc.tuple(fc.nat(5), fc.nat(0xffff), fc.nat(255)), { minLength: 1, maxLength: 3 }) },
);

/** Messages of such frames, of which most are broken somewhere. */
export const messages = (frame: fc.Arbitrary<Frame>): fc.Arbitrary<Buffer> =>
  fc
    .tuple(fc.array(frame, { maxLength: 6 }), mutations)
    .map(([frames, changes]) => changes.reduce(mutated, batchOf(...frames)));
export const brokenSections = fc
  .tuple(sections, mutations)
  .map(([section, changes]) => changes.reduce(mutated, section));

/** As much of a stream of grpc-js as a session uses: a real one would make a hundred thousand cases impossible. */
export class FakeDuplex extends EventEmitter {
  readonly written: Buffer[] = [];
  readonly metadata = new Metadata();
  readonly errors: { code: number; details: string }[] = [];
  ended = false;
  readonly writableLength = 0;
  #paused = false;

  constructor() {
    super();
    this.on('error', (error: { code: number; details: string }) => this.errors.push(error));
  }

  get stream(): ServerDuplexStream<Buffer, Buffer> {
    return this as never;
  }
  getPeer = () => 'peer';
  getHost = () => 'host';
  isPaused = () => this.#paused;
  pause = () => void (this.#paused = true);
  resume = () => void (this.#paused = false);
  write = (batch: Buffer) => this.written.push(batch) < 16;
  end = () => void (this.ended = true);
}

/** The client's side of a stream, whose other side is the spec. */
export function fakeServer() {
  const time = fakeTime();
  let listener!: StreamListener;
  const seen = { reads: 0, cancelled: [] as string[], halfClosed: 0, errors: [] as unknown[], written: [] as Buffer[] };
  const link: CarrierLink = {
    instance: createInstance({ id: 'i', service: 's', address: '127.0.0.1:1' }),
    offer: { version: 1, maxConcurrent: SLOTS, maxRequestBytes: 1024 },
    open: (_, given) => {
      listener = given;
      return {
        write: (framed, written) => (seen.written.push(framed.subarray(5)), written()),
        read: () => (seen.reads += 1),
        end: () => (seen.halfClosed += 1),
        cancel: (_code, details) => void seen.cancelled.push(details),
      };
    },
    callStarted: (record) => (record.attempts += 1),
    callEnded: () => false,
    draining: () => {},
  };
  const stream = new MuxStream({
    link,
    time,
    maxResponseBytes: 64,
    random: () => 0,
    onIdle: () => {},
    onEnd: (error) => seen.errors.push(error),
  });
  return { stream, time, seen, listener, call: caller(stream, () => time.now()) };
}

/** Bytes of buffers that `run` makes: whatever a length claims, they are bounded by what has come. */
export function allocatedBy(run: () => void): number {
  // oxlint-disable-next-line typescript/unbound-method -- applied to Buffer, below
  const { allocUnsafe, from, concat, alloc } = Buffer;
  let sum = 0;
  const counted =
    (make: (...args: never[]) => Buffer) =>
    (...args: unknown[]) => {
      const made = make.apply(Buffer, args as never[]);
      sum += made.length;
      return made;
    };
  Object.assign(Buffer, {
    allocUnsafe: counted(allocUnsafe),
    from: counted(from),
    concat: counted(concat),
    alloc: counted(alloc),
  });
  try {
    run();
  } finally {
    Object.assign(Buffer, { allocUnsafe, from, concat, alloc });
  }
  return sum;
}
