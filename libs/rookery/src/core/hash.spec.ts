import { describe, expect, it } from 'vitest';
import { murmur3 } from './hash.js';

describe('murmur3', () => {
  // Of SMHasher, by way of Wikipedia ("MurmurHash") and the tests of other implementations.
  it.each([
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['', 0xffffffff, 0x81f16f39],
    ['a', 0x9747b28c, 0x7fa09ea6],
    ['aa', 0x9747b28c, 0x5d211726],
    ['aaa', 0x9747b28c, 0x283e0130],
    ['aaaa', 0x9747b28c, 0x5a97808a],
    ['abc', 0, 0xb3dd93fa],
    ['test', 0, 0xba6bd213],
    ['test', 0x9747b28c, 0x704b81dc],
    ['Hello, world!', 0, 0xc0363e43],
    ['Hello, world!', 0x9747b28c, 0x24884cba],
    ['The quick brown fox jumps over the lazy dog', 0, 0x2e4ff723],
    ['The quick brown fox jumps over the lazy dog', 0x9747b28c, 0x2fa826cd],
    ['ππππππππ', 0x9747b28c, 0xd58063c1],
  ])('of %j with the seed %d', (text, seed, hash) => {
    expect(murmur3(text, seed)).toBe(hash);
  });

  it('is that of the UTF-8 bytes, and half a pair is U+FFFD', () => {
    expect(murmur3('a\ud83d', 1)).toBe(murmur3('a\ufffd', 1));
    expect(murmur3('\ude00b', 1)).toBe(murmur3('\ufffdb', 1));
    const hashes = ['😀', '€', 'é', 'e', '\ufffd', '\ufffd\ufffd'].map((text) => murmur3(text, 1));
    expect(new Set(hashes).size).toBe(6);
  });

  it('spreads texts that differ in little', () => {
    const buckets = Array.from({ length: 64 }, () => 0);
    for (let i = 0; i < 64_000; i += 1) buckets[murmur3(`10.0.0.1:${i}`, 0) >>> 26]! += 1;
    for (const count of buckets) expect(Math.abs(count - 1000)).toBeLessThan(200);
  });
});
