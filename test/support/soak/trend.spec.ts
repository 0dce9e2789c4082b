import { describe, expect, it } from 'vitest';
import { trendOf } from './trend.js';

describe('the trend of samples', () => {
  it('is the slope of those on a line', () => {
    const samples = Array.from({ length: 9 }, (_, i) => ({ at: i * 10_000, value: 100 + i }));
    expect(trendOf(samples)).toEqual({ first: 101, last: 107, perHour: expect.closeTo(360) as number });
  });

  it('is none where they go up and down', () => {
    const samples = [1, 2, 2, 1, 1, 2, 2, 1].map((value, i) => ({ at: i * 10_000, value }));
    expect(trendOf(samples)).toEqual({ first: 1.5, last: 1.5, perHour: 0 });
  });
});
