/**
 * 32 bits of a text's UTF-8 bytes, the same everywhere: MurmurHash3_x86_32 of Austin Appleby (SMHasher, public domain).
 * Every seed gives another hash. Half a surrogate pair counts as U+FFFD, as when it is encoded.
 */
export function murmur3(text: string, seed: number): number {
  let hash = seed | 0;
  let block = 0;
  let bytes = 0;
  const take = (byte: number): void => {
    block |= byte << ((bytes & 3) << 3);
    bytes += 1;
    if ((bytes & 3) !== 0) return;
    hash ^= scramble(block);
    hash = (Math.imul(rotate(hash, 13), 5) + 0xe6546b64) | 0;
    block = 0;
  };
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) take(unit);
    else {
      const point = pointAt(text, i);
      if (point > 0xffff) i += 1;
      encode(point, take);
    }
  }
  if ((bytes & 3) !== 0) hash ^= scramble(block);
  return avalanche(hash ^ bytes);
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

function scramble(block: number): number {
  return Math.imul(rotate(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593);
}

/** Every bit of the input moves every bit of the output. */
function avalanche(word: number): number {
  let hash = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function pointAt(text: string, index: number): number {
  const point = text.codePointAt(index)!;
  return point >= 0xd800 && point <= 0xdfff ? 0xfffd : point;
}

/** The UTF-8 bytes of a code point above 0x7f. */
function encode(point: number, take: (byte: number) => void): void {
  if (point < 0x800) take(0xc0 | (point >> 6));
  else {
    if (point < 0x10000) take(0xe0 | (point >> 12));
    else {
      take(0xf0 | (point >> 18));
      take(0x80 | ((point >> 12) & 0x3f));
    }
    take(0x80 | ((point >> 6) & 0x3f));
  }
  take(0x80 | (point & 0x3f));
}
