import { describe, expect, it } from 'vitest';
import { seededRandom } from '../testing/seeded-random.js';
import { SplitChooser } from './split.js';

function count(
  chooser: SplitChooser,
  shares: Record<string, number>,
  usable: (group: string) => boolean,
  calls: number,
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < calls; i += 1) {
    const group = chooser.choose(shares, usable) ?? 'none';
    counts[group] = (counts[group] ?? 0) + 1;
  }
  return counts;
}

const all = () => true;

describe('SplitChooser', () => {
  it('gives each group exactly its share', () => {
    const chooser = new SplitChooser(seededRandom(1));
    expect(count(chooser, { stable: 95, canary: 5, off: 0 }, all, 1000)).toEqual({ stable: 950, canary: 50 });
  });

  it('renormalises over the groups that are usable', () => {
    const chooser = new SplitChooser(seededRandom(1));
    const shares = { A: 2, B: 1, C: 1 };
    expect(count(chooser, shares, (group) => group !== 'A', 100)).toEqual({ B: 50, C: 50 });
    expect(count(chooser, shares, () => false, 3)).toEqual({ none: 3 });
  });

  it('gives a group that was away no more than its share when it is back', () => {
    const chooser = new SplitChooser(seededRandom(1));
    const shares = { A: 1, B: 1 };
    count(chooser, shares, all, 10);
    count(chooser, shares, (group) => group === 'B', 1000);
    const { A = 0, B = 0 } = count(chooser, shares, all, 100);
    expect(Math.abs(A - B)).toBeLessThanOrEqual(2);
  });

  it('takes new shares at once', () => {
    const chooser = new SplitChooser(seededRandom(1));
    count(chooser, { A: 1 }, all, 10);
    expect(count(chooser, { A: 1, B: 3 }, all, 400)).toEqual({ A: 100, B: 300 });
  });
});
