import { Metadata } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { LANE_HEADER } from '../grpc/lane.js';
import { FrameError } from './frames.js';
import { decodeMetadata, encodeMetadata } from './metadata-section.js';

function metadataOf(...pairs: readonly (readonly [key: string, value: string | Buffer])[]): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of pairs) metadata.add(key, value);
  return metadata;
}

/** What nobody of good will would write. */
function sectionOf(...pairs: readonly (readonly [key: string, value: string])[]): Buffer {
  const parts = pairs.map(([key, value]) => {
    const pair = Buffer.alloc(6 + key.length + value.length);
    pair.writeUInt16LE(key.length, 0);
    pair.write(key, 2, 'latin1');
    pair.writeUInt32LE(value.length, 2 + key.length);
    pair.write(value, 6 + key.length, 'latin1');
    return pair;
  });
  return Buffer.concat([Buffer.of(parts.length, 0), ...parts]);
}

const there = (metadata: Metadata, lane?: string) => decodeMetadata(encodeMetadata(metadata, lane)!).toJSON();

describe('a section of metadata', () => {
  it('is none where there is nothing to say', () => {
    expect(encodeMetadata(undefined)).toBeUndefined();
    expect(encodeMetadata(new Metadata())).toBeUndefined();
    expect(encodeMetadata(metadataOf([LANE_HEADER, 'mine']))).toBeUndefined();
  });

  it('carries texts and bytes as they are', () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const metadata = metadataOf(['a', 'one'], ['b', ''], ['c-bin', bytes], ['d-bin', Buffer.alloc(0)]);
    expect(there(metadata)).toEqual(metadata.toJSON());
  });

  it('joins several texts of a key, as HTTP/2 does, and keeps several bytes apart', () => {
    const metadata = metadataOf(
      ['a', '1'],
      ['a', '2, 3'],
      ['b-bin', Buffer.of(1)],
      ['b-bin', Buffer.of(2)],
      ['a', '4'],
    );
    expect(there(metadata)).toEqual({ a: ['1, 2, 3, 4'], 'b-bin': [Buffer.of(1), Buffer.of(2)] });
  });

  it('says the lane of the call, whatever its caller has written there', () => {
    expect(there(metadataOf([LANE_HEADER, 'mine'], ['a', '1']), 'canary')).toEqual({
      [LANE_HEADER]: ['canary'],
      a: ['1'],
    });
    expect(decodeMetadata(encodeMetadata(undefined, 'canary')!).toJSON()).toEqual({ [LANE_HEADER]: ['canary'] });
  });

  it('is added to what the stream was opened with, of which it keeps nothing', () => {
    const section = encodeMetadata(metadataOf(['a-bin', Buffer.of(1, 2, 3)]))!;
    const metadata = decodeMetadata(section, metadataOf(['user-agent', 'grpc']));
    section.fill(0xff);
    expect(metadata.toJSON()).toEqual({ 'user-agent': ['grpc'], 'a-bin': [Buffer.of(1, 2, 3)] });
  });

  it('is refused where it is cut, or goes on behind its pairs', () => {
    const section = encodeMetadata(metadataOf(['a', 'one'], ['b-bin', Buffer.of(1, 2)]))!;
    for (let length = 0; length < section.length; length += 1)
      expect(() => decodeMetadata(section.subarray(0, length)), String(length)).toThrow(FrameError);
    expect(() => decodeMetadata(Buffer.concat([section, Buffer.of(0)]))).toThrow(FrameError);
  });

  it('is refused where a length says more than there is', () => {
    const section = encodeMetadata(metadataOf(['a', 'one']))!;
    for (const [at, bytes] of [
      [0, 2],
      [2, 2],
      [5, 4],
    ] as const) {
      const broken = Buffer.from(section).fill(0xff, at, at + bytes);
      expect(() => decodeMetadata(broken), String(at)).toThrow(FrameError);
    }
  });

  it.each([
    ['a key of no letters', sectionOf(['', 'x'])],
    ['a key with a space', sectionOf(['a b', 'x'])],
    ['a key beyond ASCII', sectionOf(['\xe9', 'x'])],
    ['a text with a line break', sectionOf(['a', 'x\r\ny'])],
    ['a text beyond ASCII', sectionOf(['a', '\xe9'])],
    ['bytes under a key in capitals', sectionOf(['A-BIN', 'x'])],
    ['a header of HTTP/2 itself', sectionOf([':path', '/'])],
  ])('is refused with %s', (_, section) => {
    expect(() => decodeMetadata(section)).toThrow(FrameError);
  });

  it('leaves out what no stream of HTTP/2 would hand over', () => {
    expect(encodeMetadata(metadataOf([':path', '/']))).toBeUndefined();
  });

  it('says what it cannot carry instead of writing half of it', () => {
    const metadata = new Metadata();
    for (let i = 0; i <= 65_535; i += 1) metadata.add('a', '');
    expect(() => encodeMetadata(metadata)).toThrow(RangeError);
  });
});
