import { describe, expect, it } from 'vitest';
import { weightsOf } from './weights.js';

describe('weightsOf', () => {
  it.each([
    ['whole shares that fit stay themselves', [60, 20, 10_000], [60, 20, 10_000]],
    ['equal shares are the default, also zeros', [0, 0], [100, 100]],
    ['equal shares are the default, whatever they are', [33, 33, 33], [100, 100, 100]],
    ['zero beside others is a very small chance', [0, 1], [1, 10_000]],
    ['zero beside others changes no ratio of theirs', [0, 5, 10], [1, 5000, 10_000]],
    ['large ones are scaled down', [65_535, 13_107], [10_000, 2000]],
    ['what is scaled down to nothing is a call now and then', [65_535, 1], [10_000, 1]],
    ['parts are scaled up', [0.5, 1], [5000, 10_000]],
    ['nobody', [], []],
  ])('%s', (_title, shares, weights) => expect(weightsOf(shares)).toEqual(weights));
});
