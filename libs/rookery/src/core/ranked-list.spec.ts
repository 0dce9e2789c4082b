import { describe, expect, it } from 'vitest';
import { seededRandom } from '../testing/seeded-random.js';
import { byRank, RankedList, type Ranked } from './ranked-list.js';

describe('RankedList', () => {
  it.each([1, 2, 3])('is in order whatever is put in and taken out, also of equal rank: seed %d', (seed) => {
    const random = seededRandom(seed);
    const list = new RankedList<Ranked>();
    const all: Ranked[] = [];
    for (let step = 0; step < 300; step += 1) {
      // Now one, now enough to be sorted in.
      const count = random() < 0.1 ? 40 : 1;
      const some = Array.from({ length: count }, (_, i) => ({
        rank: Math.floor(random() * 50),
        address: `${step}-${i}`,
      }));
      if (random() < 0.6) {
        list.addAll(some);
        all.push(...some);
      } else if (all.length > 0) {
        const [one] = all.splice(Math.floor(random() * all.length), 1);
        list.remove(one!);
      }
      expect([...list], `seed ${seed}, step ${step}`).toEqual(all.toSorted(byRank));
      expect(list.size).toBe(all.length);
    }
  });
});
