import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../testing/seeded-random.js';
import { costRatio, timeOf } from '../cost.stage.js';
import type { PickerFactory } from '../picker.js';
import { consistentHash } from './consistent-hash.js';
import { leastRequest } from './least-request.js';
import { p2c } from './p2c.js';
import { PickerStage } from './pickers.stage.js';
import { weighted } from './weighted.js';

const byChance: [string, PickerFactory][] = [
  ['weighted', weighted],
  ['p2c', p2c],
  ['leastRequest', leastRequest],
];
const all: [string, PickerFactory][] = [...byChance, ['consistentHash', consistentHash()]];

describe('many clients that start together', () => {
  it.each(byChance)('do not march in step with %s: 100 clients, 10 instances, 100 calls each', (_, factory) => {
    for (let seed = 0; seed < 10; seed += 1) {
      const loads = Array.from({ length: 10 }, () => 0);
      const clients = Array.from({ length: 100 }, (__, i) => {
        return new PickerStage(
          factory,
          seed * 1000 + i,
          loads.map(() => 100),
        );
      });
      // Whatever the number of calls by then.
      for (let call = 1; call <= 100; call += 1) {
        for (const client of clients) loads[client.endpoints.indexOf(client.picker.pick({})!)]! += 1;
        if (call !== 10 && call !== 100) continue;
        const mean = (clients.length * call) / loads.length;
        expect(Math.max(...loads) / mean, `seed ${seed}, call ${call}`).toBeLessThanOrEqual(call === 100 ? 1.2 : 1.5);
      }
    }
  });
});

/** What so many runs take, ms. */
function costOf(run: () => void, times: number): () => number {
  return () =>
    timeOf(() => {
      for (let i = 0; i < times; i += 1) run();
    });
}

describe.each(all)('%s among ten thousand', (_, factory) => {
  const stages = [100, 10_000].map((size) => {
    const random = seededRandom(size);
    return new PickerStage(
      factory,
      1,
      Array.from({ length: size }, () => 50 + Math.floor(random() * 100)),
    );
  });

  it('costs about as much a pick as among a hundred', () => {
    const [few, many] = stages.map((stage) => {
      let i = 0;
      const run = () => void stage.picker.pick({ hashKey: `k${(i += 1)}` });
      return costOf(run, 2000);
    });
    // The logarithm doubles, and memory is further away; a linear picker would take a hundred times as long.
    expect(costRatio(few!, many!)).toBeLessThan(25);
  });

  it('costs about as much a change of weight as among a hundred', () => {
    const [few, many] = stages.map((stage) => {
      let i = 0;
      const run = () => {
        const endpoint = stage.endpoints[(i * 7919) % stage.endpoints.length]!;
        stage.reweigh(endpoint, i++ & 1 ? 100 : 50);
        if (i % 50 === 0) stage.picker.pick({ hashKey: 'a' });
      };
      return costOf(run, 500);
    });
    expect(costRatio(few!, many!)).toBeLessThan(25);
  });
});
