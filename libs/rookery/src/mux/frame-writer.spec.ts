import { describe, expect, it } from 'vitest';
import { FrameCursor, REQUEST } from './frames.js';
import { FrameWriter } from './frame-writer.js';

const BATCH_BYTES = 65_536;

function write(writer: FrameWriter, id: number, length: number): void {
  writer.frame(REQUEST, 0, 1, id, length);
  writer.body(Buffer.alloc(length, id));
}

/** The ids of the frames of each batch; every body is what was written for its id. */
function idsOf(batches: readonly Buffer[], headroom = 0): number[][] {
  return batches.map((batch) => {
    const cursor = new FrameCursor(batch.subarray(headroom));
    const ids: number[] = [];
    while (cursor.next()) {
      const { id, start, end } = cursor;
      expect(cursor.batch.subarray(start, end).equals(Buffer.alloc(end - start, id))).toBe(true);
      ids.push(id);
    }
    return ids;
  });
}

describe('a writer of frames', () => {
  it('has nothing to give before the first frame, nor after it was taken', () => {
    const writer = new FrameWriter(5);
    expect([writer.bytes, writer.take()]).toEqual([0, []]);
    write(writer, 1, 3);
    expect(writer.bytes).toBe(20);
    expect(idsOf(writer.take(), 5)).toEqual([[1]]);
    expect([writer.bytes, writer.take()]).toEqual([0, []]);
  });

  it('writes bodies of any length, short or long, as they are', () => {
    for (const length of [0, 1, 31, 47, 48, 49, 1011, 1012, 1013, 65_523, 65_524, 65_525, 200_000]) {
      const writer = new FrameWriter();
      write(writer, 7, length);
      write(writer, 8, length);
      expect(idsOf(writer.take()).flat(), String(length)).toEqual([7, 8]);
    }
  });

  it('grows a batch up to 64 KiB, and begins another one then', () => {
    const writer = new FrameWriter();
    for (let id = 0; id < 200; id += 1) write(writer, id, 1000);
    const batches = writer.take();
    expect(batches.map(({ length }) => length)).toEqual([64 * 1012, 64 * 1012, 64 * 1012, 8 * 1012]);
    expect(idsOf(batches).flat()).toEqual(Array.from({ length: 200 }, (_, id) => id));
  });

  it('gives a frame that is longer than a batch one to itself', () => {
    const writer = new FrameWriter();
    for (const [id, length] of [100, BATCH_BYTES, 100, 3 * BATCH_BYTES, 100].entries()) write(writer, id, length);
    const batches = writer.take();
    expect(idsOf(batches)).toEqual([[0], [1], [2], [3], [4]]);
    expect(batches.every(({ length }) => length < 3 * BATCH_BYTES + 100)).toBe(true);
  });

  it('leaves room before the frames of each batch', () => {
    const writer = new FrameWriter(5);
    for (let id = 0; id < 150; id += 1) write(writer, id, 1000);
    const batches = writer.take();
    expect(batches.length).toBeGreaterThan(1);
    expect(idsOf(batches, 5).flat()).toEqual(Array.from({ length: 150 }, (_, id) => id));
  });

  it('holds little where it carries little, whatever it has carried before', () => {
    const writer = new FrameWriter();
    for (let id = 0; id < 100; id += 1) write(writer, id, 1000);
    writer.take();
    const held: number[] = [];
    for (let i = 0; i < 3; i += 1) {
      write(writer, 1, 10);
      held.push(writer.take()[0]!.buffer.byteLength);
    }
    expect(held.at(-1)).toBeLessThanOrEqual(16_384);
  });

  it('gives the buffers away: what is written later does not change them', () => {
    const writer = new FrameWriter();
    write(writer, 1, 100);
    const first = writer.take();
    const copy = first.map((batch) => Buffer.from(batch));
    write(writer, 2, 100);
    writer.take();
    expect(first).toEqual(copy);
  });
});
