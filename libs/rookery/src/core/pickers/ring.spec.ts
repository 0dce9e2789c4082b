import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../testing/seeded-random.js';
import { Ring } from './ring.js';

interface Point {
  readonly at: number;
  readonly owner: string;
}

/** What a sorted list would say. */
function nextOf(points: readonly Point[], at: number, skip: (owner: string) => boolean): string | undefined {
  const sorted = points.toSorted((a, b) => a.at - b.at || (a.owner < b.owner ? -1 : 1));
  const around = [...sorted.filter((point) => point.at >= at), ...sorted.filter((point) => point.at < at)];
  return around.find(({ owner }) => !skip(owner))?.owner;
}

describe('Ring', () => {
  it.each([1, 2, 3])('is what a sorted list would be, while it grows and shrinks: seed %d', (seed) => {
    const random = seededRandom(seed);
    const ring = new Ring<string>();
    const points: Point[] = [];
    const word = () => Math.floor(random() * 2 ** 32);
    for (let step = 0; step < 6000; step += 1) {
      const growing = step < 2500;
      if (points.length === 0 || random() < (growing ? 0.9 : 0.15)) {
        // Some at one place, and some at the ends.
        const at = random() < 0.1 ? [0, 2 ** 32 - 1, 77][Math.floor(random() * 3)]! : word();
        const point = { at, owner: `o${Math.floor(random() * 50)}` };
        if (points.some((other) => other.at === at && other.owner === point.owner)) continue;
        points.push(point);
        ring.add(point.at, point.owner, point.owner);
      } else {
        const [gone] = points.splice(Math.floor(random() * points.length), 1);
        ring.remove(gone!.at, gone!.owner);
      }
      expect(ring.size).toBe(points.length);
      if (step % 20 > 0) continue;
      for (const at of [word(), 0, 2 ** 32 - 1, points[0]?.at ?? 5]) {
        const skipped = `o${Math.floor(random() * 50)}`;
        const skip = (owner: string) => owner === skipped;
        expect(ring.next(at, skip), `seed ${seed}, step ${step}, at ${at}`).toBe(nextOf(points, at, skip));
      }
    }
  });

  it('is empty, and stays so', () => {
    const ring = new Ring<string>();
    expect(ring.next(5)).toBeUndefined();
    ring.remove(5, 'a');
    expect(ring.size).toBe(0);
  });
});
