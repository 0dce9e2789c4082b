import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../testing/seeded-random.js';
import { WeightedSampler } from './sampler.js';

interface Each {
  weight: number;
}

/** How often each is the first, or the other one, of `count` samples. */
function tally(sampler: WeightedSampler<Each>, all: readonly Each[], count: number) {
  const counts = { first: all.map(() => 0), other: all.map(() => 0) };
  const places = new Map(all.map((each, i) => [each, i]));
  let twice = 0;
  for (let i = 0; i < count; i += 1) {
    const first = sampler.first()!;
    const other = sampler.other();
    if (first === other) twice += 1;
    counts.first[places.get(first)!]! += 1;
    if (other) counts.other[places.get(other)!]! += 1;
  }
  expect(twice).toBe(0);
  return counts;
}

function expectShares(counts: readonly number[], all: readonly Each[], where: string): void {
  const [picked, weight] = [counts, all.map((each) => each.weight)].map((of) => of.reduce((a, b) => a + b, 0));
  counts.forEach((count, i) => {
    const share = all[i]!.weight / weight!;
    // Five standard deviations.
    const slack = 5 * Math.sqrt((share * (1 - share)) / picked!);
    expect(Math.abs(count / picked! - share), `${where}, weight ${all[i]!.weight}`).toBeLessThan(slack + 1e-9);
  });
}

describe('WeightedSampler', () => {
  it.each([1, 2, 3])('stays exact through what comes, goes and changes: seed %d', (seed) => {
    const random = seededRandom(seed);
    const sampler = new WeightedSampler<Each>(random);
    const all: Each[] = [];
    for (let step = 0; step < 300; step += 1) {
      const kind = random();
      const one = all[Math.floor(random() * all.length)];
      if (!one || kind < 0.5) {
        all.push({ weight: 1 + Math.floor(random() * 20) });
        sampler.add(all.at(-1)!);
      } else if (kind < 0.75) {
        one.weight = 1 + Math.floor(random() * 20);
        sampler.reweigh(one);
      } else {
        all.splice(all.indexOf(one), 1);
        sampler.remove(one);
      }
      expect(sampler.size).toBe(all.length);
      if (all.length > 0)
        expect(sampler.mean).toBeCloseTo(all.reduce((sum, each) => sum + each.weight, 0) / all.length);
      if (step % 60 === 59) expectShares(tally(sampler, all, 20_000).first, all, `seed ${seed}, step ${step}`);
    }
  });

  it('gives as the other one everybody else, by weight', () => {
    const all = [{ weight: 1 }, { weight: 1 }, { weight: 1 }, { weight: 1 }];
    const sampler = new WeightedSampler<Each>(seededRandom(1));
    for (const each of all) sampler.add(each);
    expectShares(tally(sampler, all, 20_000).other, all, 'others');
    all[0]!.weight = 1e6;
    sampler.reweigh(all[0]!);
    const counts = tally(sampler, all, 5000);
    // The heavy one is first almost always, so the others share.
    expectShares(counts.other.slice(1), all.slice(1), 'others of the heavy one');
  });

  it('takes weights that are not whole, and chance at its ends', () => {
    for (const edge of [0, 1 - 2 ** -53]) {
      const all = Array.from({ length: 40 }, (_, i) => ({ weight: 0.1 * (i + 1) }));
      const sampler = new WeightedSampler<Each>(() => edge);
      for (const each of all) sampler.add(each);
      for (const each of all.slice(0, 37)) sampler.remove(each);
      expect(all.slice(37)).toContain(sampler.first());
      expect(all.slice(37)).toContain(sampler.other());
    }
  });

  it('is empty where nobody is there', () => {
    const sampler = new WeightedSampler<Each>(seededRandom(1));
    const one = { weight: 3 };
    expect([sampler.first(), sampler.other(), sampler.mean]).toEqual([undefined, undefined, 0]);
    sampler.remove(one);
    sampler.reweigh(one);
    sampler.add(one);
    sampler.add(one);
    expect([sampler.size, sampler.first(), sampler.other()]).toEqual([1, one, undefined]);
  });
});
