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

describe('a split by hash keys', () => {
  const KEYS = Array.from({ length: 10_000 }, (_, i) => `user-${i}`);
  const groupsOf = (shares: Record<string, number>, usable: (group: string) => boolean = all) => {
    const chooser = new SplitChooser(seededRandom(1));
    return KEYS.map((key) => chooser.choose(shares, usable, key));
  };
  const shareOf = (groups: readonly unknown[], group: string) =>
    groups.filter((each) => each === group).length / groups.length;

  it('keeps a key in its group, in every client and between calls without a key', () => {
    const chooser = new SplitChooser(seededRandom(2));
    const shares = { stable: 70, canary: 30 };
    for (const [i, group] of groupsOf(shares).entries()) {
      chooser.choose(shares, all);
      expect(chooser.choose({ ...shares }, all, KEYS[i])).toBe(group);
    }
  });

  it('gives each group its share of the keys', () => {
    const groups = groupsOf({ stable: 70, canary: 25, '': 5, off: 0 });
    expect(shareOf(groups, 'stable')).toBeCloseTo(0.7, 1);
    expect(shareOf(groups, 'canary')).toBeCloseTo(0.25, 1);
    expect(shareOf(groups, '')).toBeCloseTo(0.05, 1);
    expect(shareOf(groups, 'off')).toBe(0);
  });

  it('moves only the keys that must move when shares change', () => {
    const steps = [0, 1, 10, 50, 100].map((canary) => groupsOf({ stable: 100 - canary, canary }));
    expect(shareOf(steps[0]!, 'stable')).toBe(1);
    expect(shareOf(steps[3]!, 'canary')).toBeCloseTo(0.5, 1);
    for (const [i, step] of steps.entries()) {
      // Who has come to the canary never goes back while its share grows.
      if (i > 0) expect(KEYS.filter((_, k) => steps[i - 1]![k] === 'canary' && step[k] !== 'canary')).toEqual([]);
    }
    expect(groupsOf({ stable: 9, canary: 1 })).toEqual(steps[2]);
  });

  it('moves only the keys of a group that is away, over the others by their shares', () => {
    const shares = { A: 50, B: 30, C: 20 };
    const before = groupsOf(shares);
    for (const away of ['A', 'B', 'C']) {
      const after = groupsOf(shares, (group) => group !== away);
      expect(after.filter((group, i) => before[i] !== away && group !== before[i])).toEqual([]);
      expect(shareOf(after, away)).toBe(0);
    }
    const moved = groupsOf(shares, (group) => group !== 'A').filter((_, i) => before[i] === 'A');
    expect(shareOf(moved, 'B')).toBeCloseTo(0.6, 1);
    expect(groupsOf(shares, () => false)[0]).toBeUndefined();
  });

  it('takes any text as a key', () => {
    const chooser = new SplitChooser(seededRandom(1));
    for (const key of ['', '\ud800', '🐦', 'x'.repeat(10_000)])
      expect(['A', 'B']).toContain(chooser.choose({ A: 1, B: 1 }, all, key));
  });
});
