import { describe, expect, it } from 'vitest';
import { FrameCursor, FrameError, HEADER_BYTES, isAmong, readU32, REQUEST, RESPONSE, writeU32 } from './frames.js';
import { FrameWriter } from './frame-writer.js';

interface Seen {
  readonly type: number;
  readonly flags: number;
  readonly code: number;
  readonly id: number;
  readonly body: string;
}

function framesOf(batch: Buffer): Seen[] {
  const cursor = new FrameCursor(batch);
  const seen: Seen[] = [];
  while (cursor.next()) {
    const { type, flags, code, id, start, end } = cursor;
    seen.push({ type, flags, code, id, body: batch.toString('latin1', start, end) });
  }
  return seen;
}

function batchOf(...frames: readonly Seen[]): Buffer {
  const writer = new FrameWriter();
  for (const { type, flags, code, id, body } of frames) {
    writer.frame(type, flags, code, id, body.length);
    writer.body(Buffer.from(body, 'latin1'));
  }
  return Buffer.concat(writer.take());
}

const FRAMES: readonly Seen[] = [
  { type: REQUEST, flags: 3, code: 0xfffe, id: 0xffff_fffe, body: 'hello' },
  { type: RESPONSE, flags: 0, code: 0, id: 0, body: '' },
  { type: 0xff, flags: 0xff, code: 0x0102, id: 0x0304_0506, body: 'x'.repeat(70_000) },
];

describe('a cursor over frames', () => {
  it('gives back every field that was written, in order', () => {
    expect(framesOf(batchOf(...FRAMES))).toEqual(FRAMES);
  });

  it('finds nothing in an empty batch, and says so again', () => {
    const cursor = new FrameCursor(Buffer.alloc(0));
    expect([cursor.next(), cursor.next()]).toEqual([false, false]);
  });

  it('refuses a batch that is cut anywhere but between two frames', () => {
    const [first, second] = FRAMES;
    const batch = batchOf(first!, second!);
    const whole = [0, HEADER_BYTES + first!.body.length, batch.length];
    for (let length = 0; length <= batch.length; length += 1) {
      const cut = () => framesOf(batch.subarray(0, length));
      if (whole.includes(length)) expect(cut()).toHaveLength(whole.indexOf(length));
      else expect(cut, String(length)).toThrow(FrameError);
    }
  });

  it('refuses a length that no batch has, and reads nothing for it', () => {
    const batch = batchOf(FRAMES[0]!);
    writeU32(batch, 8, 0xffff_ffff);
    expect(() => framesOf(batch)).toThrow('a batch ends within a frame');
  });
});

describe('numbers of 32 bits', () => {
  it.each([0, 1, 0x7fff_ffff, 0x8000_0000, 0xdead_beef, 0xffff_ffff])('%d is read as it was written', (value) => {
    const bytes = Buffer.alloc(6);
    writeU32(bytes, 1, value);
    expect(readU32(bytes, 1)).toBe(value);
    expect(bytes.readUInt32LE(1)).toBe(value);
  });
});

describe('the count of a GOAWAY', () => {
  it('holds the calls before it', () => {
    expect([0, 4, 5, 6].map((sequence) => isAmong(sequence, 5))).toEqual([true, true, false, false]);
  });

  it('goes on over the 2^32nd call of a stream, which a busy one reaches in hours', () => {
    const first = 2 ** 32;
    for (const sequence of [first - 2, first - 1, first, first + 1])
      expect(isAmong(sequence, (first + 1) % 2 ** 32), String(sequence)).toBe(sequence <= first);
  });
});
