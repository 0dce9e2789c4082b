import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../testing/seeded-random.js';
import { costRatio, timeOf } from '../cost.stage.js';
import type { Picker } from '../picker.js';
import type { Random } from '../time.js';
import { weighted } from './weighted.js';

interface Weighted {
  readonly name: string;
  weight: number;
}

function candidates(...weights: number[]): Weighted[] {
  return weights.map((weight, i) => ({ name: `c${i}`, weight }));
}

function pickerOver(all: readonly Weighted[], random: Random): Picker<Weighted> {
  const picker = weighted<Weighted>(random);
  for (const candidate of all) picker.add(candidate);
  return picker;
}

const picks = (picker: Picker<Weighted>, count: number) => Array.from({ length: count }, () => picker.pick({})!);
const total = (all: readonly Weighted[]) => all.reduce((sum, { weight }) => sum + weight, 0);
const countsOf = (picked: readonly Weighted[], all: readonly Weighted[]) =>
  all.map((each) => picked.filter((other) => other === each).length);

/** The next picks are exact over a cycle, wherever the cycle begins. */
function expectExact(picker: Picker<Weighted>, all: readonly Weighted[], where: string): void {
  const cycle = total(all);
  const picked = picks(picker, 2 * cycle);
  const counts = new Map(all.map((candidate) => [candidate, 0]));
  const count = (candidate: Weighted, by: number) => counts.set(candidate, counts.get(candidate)! + by);
  let wrong = 0;
  for (const [i, candidate] of picked.entries()) {
    wrong += count(candidate, 1).get(candidate)! > candidate.weight ? 1 : 0;
    if (i + 1 >= cycle) count(picked[i + 1 - cycle]!, -1);
  }
  expect(wrong, where).toBe(0);
}

describe('weighted', () => {
  it('gives 300 and 100 of 400 at 3 to 1', () => {
    const all = candidates(3, 1);
    for (let seed = 0; seed < 50; seed += 1) {
      expect(countsOf(picks(pickerOver(all, seededRandom(seed)), 400), all), `seed ${seed}`).toEqual([300, 100]);
    }
  });

  it.each([1, 2, 10, 100, 1000])('is exact over any window of a cycle: %d candidates', (size) => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const random = seededRandom(seed);
      const all = candidates(...Array.from({ length: size }, () => 1 + Math.floor(random() * 10)));
      expectExact(pickerOver(all, random), all, `seed ${seed}`);
    }
  });

  it('stays exact when it has picked for long', () => {
    const all = candidates(7, 3, 1);
    const picker = pickerOver(all, seededRandom(9));
    picks(picker, 1_000_000);
    expectExact(picker, all, 'seed 9');
  });

  it('is smooth: at every moment nobody is far from his share', () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const all = candidates(5, 1, 1, 3);
      const picker = pickerOver(all, seededRandom(seed));
      const counts = all.map(() => 0);
      for (let n = 1; n <= 100; n += 1) {
        counts[all.indexOf(picker.pick({})!)]! += 1;
        // In a window each candidate is off by at most one pick of its own, and by its share of the others' one each.
        all.forEach(({ weight }, i) => {
          const share = weight / total(all);
          expect(Math.abs(counts[i]! - n * share), `seed ${seed}, pick ${n}`).toBeLessThanOrEqual(
            1 + all.length * share,
          );
        });
      }
    }
  });

  it('does not send a burst to the heavy one', () => {
    const all = candidates(100, 100, 100);
    const names = picks(pickerOver(all, seededRandom(5)), 300).map(({ name }) => name);
    for (let i = 0; i + 3 <= names.length; i += 1) expect(new Set(names.slice(i, i + 3)).size).toBe(3);
  });

  it.each([1, 2, 3, 4])('is exact again at once after adding, removing and reweighing: seed %d', (seed) => {
    const random = seededRandom(seed);
    const all = candidates(4, 9, 2);
    const picker = pickerOver(all, random);
    for (let step = 0; step < 60; step += 1) {
      picks(picker, Math.floor(random() * 20));
      const kind = random();
      const one = all[Math.floor(random() * all.length)]!;
      if (kind < 0.4) {
        one.weight = 1 + Math.floor(random() * 12);
        picker.reweigh(one);
      } else if (kind < 0.7 || all.length === 1) {
        const added = { name: `s${step}`, weight: 1 + Math.floor(random() * 12) };
        all.push(added);
        picker.add(added);
      } else {
        all.splice(all.indexOf(one), 1);
        picker.remove(one);
      }
      expectExact(picker, all, `seed ${seed}, step ${step}`);
    }
  });

  it('gives a newcomer its share and not more', () => {
    const all = candidates(100, 100);
    const picker = pickerOver(all, seededRandom(3));
    picks(picker, 12_345);
    const newcomer = { name: 'new', weight: 100 };
    picker.add(newcomer);
    expect(countsOf(picks(picker, 300), [...all, newcomer])).toEqual([100, 100, 100]);
  });

  it('gives nothing where there is nobody, or everybody is skipped', () => {
    const [one] = candidates(1);
    const picker = weighted<Weighted>(seededRandom(1));
    expect(picker.pick({})).toBeUndefined();
    picker.add(one!);
    expect(picker.pick({ skip: () => true })).toBeUndefined();
    expect(picker.pick({})).toBe(one);
    picker.remove(one!);
    expect(picker.pick({})).toBeUndefined();
  });

  it('passes over those that are skipped, and does not starve them afterwards', () => {
    const all = candidates(1, 1, 1);
    const picker = pickerOver(all, seededRandom(2));
    const skipped = picks(picker, 1)[0]!;
    for (let i = 0; i < 10; i += 1)
      expect(picker.pick({ skip: (candidate) => candidate === skipped })).not.toBe(skipped);
    expect(picks(picker, 30)).toContain(skipped);
  });

  it('takes the one that is due first of those that are not skipped, however many are', () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const random = seededRandom(seed + 100);
      const all = candidates(...Array.from({ length: 60 }, () => 1));
      // Of equal weights each comes once in a cycle: that is the order of their deadlines.
      const order = picks(pickerOver(all, seededRandom(seed)), all.length);
      const skipped = new Set(order.filter((_, i) => i < seed * 2 || random() < 0.5));
      const picked = pickerOver(all, seededRandom(seed)).pick({ skip: (each) => skipped.has(each) });
      expect(picked, `seed ${seed}`).toBe(order.find((each) => !skipped.has(each)));
    }
  });

  it('asks of no more than it passes over', () => {
    const all = candidates(...Array.from({ length: 1000 }, () => 1));
    const picker = pickerOver(all, seededRandom(4));
    let asked = 0;
    for (let i = 0; i < 100; i += 1) {
      const skipped = new Set(picks(pickerOver(all, seededRandom(i)), 3));
      picker.pick({ skip: (each) => (asked += 1) > 0 && skipped.has(each) });
    }
    expect(asked).toBeLessThanOrEqual(100 * 4);
  });

  it('gives one that was passed over for long no burst when it is back', () => {
    const all = candidates(1, 1, 2);
    const picker = pickerOver(all, seededRandom(2));
    for (let i = 0; i < 1000; i += 1) picker.pick({ skip: (candidate) => candidate === all[0] });
    const counts = countsOf(picks(picker, 400), all);
    all.forEach(({ weight }, i) => expect(Math.abs(counts[i]! - weight * 100)).toBeLessThanOrEqual(1));
  });

  it('ignores what it knows already, or does not know', () => {
    const [one, other] = candidates(1, 1);
    const picker = pickerOver([one!], seededRandom(1));
    picker.add(one!);
    picker.remove(other!);
    picker.reweigh(other!);
    picker.remove(one!);
    expect(picker.pick({})).toBeUndefined();
  });

  it('many pickers that start together do not march in step', () => {
    const all = candidates(...Array.from({ length: 10 }, () => 100));
    const firsts = Array.from({ length: 200 }, (_, seed) => pickerOver(all, seededRandom(seed)).pick({})!);
    for (const count of countsOf(firsts, all)) {
      expect(count).toBeGreaterThan(5);
      expect(count).toBeLessThan(45);
    }
  });

  it('costs about as much among ten thousand as among a hundred', () => {
    const cost = (size: number) => {
      const picker = pickerOver(candidates(...Array.from({ length: size }, (_, i) => 1 + (i % 7))), seededRandom(1));
      return () => timeOf(() => void picks(picker, 2000));
    };
    // The logarithm doubles; a linear picker would take a hundred times as long.
    expect(costRatio(cost(100), cost(10_000))).toBeLessThan(25);
  });
});
