import { Metadata } from '@grpc/grpc-js';
import { LANE_HEADER } from '../grpc/lane.js';
import { FrameError, readU32, writeU32 } from './frames.js';

/** What gRPC and HTTP/2 write themselves, and the lane: a caller's own is not sent. */
const OWNED = new Set(
  `te content-type user-agent grpc-timeout grpc-encoding grpc-accept-encoding accept-encoding ${LANE_HEADER}`.split(
    ' ',
  ),
);
/** Node sends no header that begins or ends with spaces. */
const PADDED = /^\s|\s$/;

/**
 * Metadata in a frame: `u16 pairs`, then for each pair `u16 keyLength, key, u32 valueLength, value`. Keys are lower-case
 * ASCII, the values of `-bin` keys plain bytes; several values of a key are several pairs, in order.
 *
 * @param lane takes the place of what the caller may have written there by himself
 * @returns nothing where there is no metadata
 */
export function encodeMetadata(metadata: Metadata | undefined, lane?: string): Buffer | undefined {
  const pairs: [key: string, value: string | Buffer][] = lane === undefined ? [] : [[LANE_HEADER, lane]];
  for (const key of metadata ? Object.keys(metadata.getMap()) : []) {
    if (OWNED.has(key) || isReserved(key)) continue;
    for (const value of metadata!.get(key))
      if (typeof value !== 'string' || !PADDED.test(value)) pairs.push([key, value]);
  }
  if (pairs.length === 0) return undefined;
  const section = Buffer.allocUnsafe(2 + pairs.reduce((sum, [key, value]) => sum + 6 + key.length + value.length, 0));
  section.writeUInt16LE(pairs.length, 0);
  let at = 2;
  for (const [key, value] of pairs) {
    section.writeUInt16LE(key.length, at);
    at += 2 + section.write(key, at + 2, 'latin1');
    const length = typeof value === 'string' ? section.write(value, at + 4, 'latin1') : value.copy(section, at + 4);
    writeU32(section, at, length);
    at += 4 + length;
  }
  return section;
}

/**
 * As HTTP/2 hands it over: several texts under one key are joined.
 * @throws {FrameError} where the section is malformed
 */
export function decodeMetadata(section: Buffer, metadata = new Metadata()): Metadata {
  const texts = new Map<string, string>();
  for (const [key, value] of pairsOf(section)) {
    if (key.endsWith('-bin')) added(metadata, key, Buffer.from(value));
    else texts.set(key, joined(key, texts.get(key), value.toString('latin1')));
  }
  for (const [key, value] of texts) added(metadata, key, value);
  return metadata;
}

function joined(key: string, before: string | undefined, text: string): string {
  return before === undefined ? text : `${before}${key === 'cookie' ? '; ' : ', '}${text}`;
}

/** HTTP/2 has them to itself, and grpc-js hands none of them over. */
function isReserved(key: string): boolean {
  return key.startsWith(':');
}

function added(metadata: Metadata, key: string, value: string | Buffer): void {
  if (isReserved(key)) throw new FrameError(`metadata under ${key}`);
  try {
    metadata.add(key, value);
  } catch {
    throw new FrameError('metadata that cannot be any');
  }
}

/** @throws {FrameError} where the section is malformed */
function* pairsOf(section: Buffer): Iterable<[key: string, value: Buffer]> {
  let at = 2;
  let left = section.length < 2 ? -1 : section.readUInt16LE(0);
  for (; left > 0; left -= 1) {
    const key = at + 2;
    const value = key + 2 <= section.length ? key + section.readUInt16LE(at) + 4 : Infinity;
    const end = value <= section.length ? value + readU32(section, value - 4) : Infinity;
    if (end > section.length) break;
    yield [section.toString('latin1', key, value - 4), section.subarray(value, end)];
    at = end;
  }
  if (left !== 0 || at !== section.length) throw new FrameError('a section of metadata is malformed');
}
