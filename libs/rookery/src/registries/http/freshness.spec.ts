import { describe, expect, it } from 'vitest';
import { intervalOf } from './freshness.js';

describe('intervalOf', () => {
  it.each([
    [{}, 5000],
    [{ 'cache-control': 'max-age=10' }, 10_000],
    [{ 'cache-control': 'private, MAX-AGE="10", must-revalidate' }, 10_000],
    [{ 'cache-control': 'max-age=10', age: '4' }, 6000],
    [{ 'cache-control': 'max-age=10', age: 'x' }, 10_000],
    [{ 'cache-control': 'max-age=10', age: '40' }, 1000],
    [{ 'cache-control': 'max-age=0' }, 1000],
    [{ 'cache-control': 'max-age=31536000' }, 60_000],
    [{ 'cache-control': 's-maxage=10' }, 5000],
    [{ 'cache-control': 'max-age=-1' }, 5000],
    [{ 'cache-control': 'max-age=10, no-cache' }, 5000],
    [{ 'cache-control': 'no-store' }, 5000],
  ])('%j', (headers, interval) => expect(intervalOf(headers, 5000)).toBe(interval));
});
