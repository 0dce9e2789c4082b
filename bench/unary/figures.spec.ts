import { describe, expect, it } from 'vitest';
import { brief, medianOf, orderOf, percentileOf, ratioOf } from './figures.js';

describe('a percentile', () => {
  const hundred = Float64Array.from({ length: 100 }, (_, i) => i + 1);

  it('is the smallest value that at least this share does not exceed', () => {
    expect([0.5, 0.99, 0.999, 1].map((share) => percentileOf(hundred, share))).toEqual([50, 99, 100, 100]);
    expect(percentileOf([7], 0.001)).toBe(7);
  });

  it('of nothing is no number', () => {
    expect(percentileOf([], 0.5)).toBeNaN();
  });
});

describe('a median', () => {
  it('is the value in the middle, or the mean of the two that are', () => {
    expect(medianOf([3, 100, 1])).toBe(3);
    expect(medianOf([4, 1, 100, 2])).toBe(3);
  });
});

describe('a ratio', () => {
  it('is taken round by round, so that a slow spell of the machine changes nothing', () => {
    expect(ratioOf([20, 2, 20], [10, 1, 10])).toBe(2);
  });

  it('is not moved by one round that went wrong', () => {
    expect(ratioOf([20, 20, 1], [10, 10, 10])).toBe(2);
  });
});

describe('the order of the subjects', () => {
  it('is reversed in every other round', () => {
    const orders = [0, 1, 2, 3].map((round) => orderOf(['a', 'b', 'c'], round).join(''));
    expect(orders).toEqual(['abc', 'cba', 'abc', 'cba']);
  });
});

describe('a figure', () => {
  it('is shown with three digits, or as a whole number where it has more', () => {
    expect([1234.5, 999.9, 12.345, 0.012345, 0].map(brief)).toEqual([1235, 1000, 12.3, 0.0123, 0]);
  });
});
