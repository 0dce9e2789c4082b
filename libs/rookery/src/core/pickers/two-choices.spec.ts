import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../testing/seeded-random.js';
import { leastRequest } from './least-request.js';
import { p2c } from './p2c.js';
import { PickerStage, sharesOf } from './pickers.stage.js';

const SEEDS = [1, 2, 3];
const pickers = { p2c, leastRequest };

describe.each(Object.entries(pickers))('%s', (_, picker) => {
  it.each(SEEDS)('gives shares by weight while nobody is busy: seed %d', (seed) => {
    const stage = new PickerStage(picker, seed, [100, 200, 300, 400]);
    sharesOf(stage.tally(20_000)).forEach((share, i) => {
      const wanted = (i + 1) / 10;
      expect(Math.abs(share / wanted - 1), `seed ${seed}, weight ${(i + 1) * 100}`).toBeLessThan(0.1);
    });
  });

  it.each(SEEDS)('gives shares by weight while all are busy, where all are as fast: seed %d', (seed) => {
    const stage = new PickerStage(picker, seed, [100, 200, 300, 400]);
    const noise = seededRandom(seed + 100);
    const shares = sharesOf(stage.closedLoop(100, 4000, () => 15 + 10 * noise()));
    shares.forEach((share, i) => {
      const wanted = (i + 1) / 10;
      expect(Math.abs(share / wanted - 1), `seed ${seed}, weight ${(i + 1) * 100}`).toBeLessThan(0.1);
    });
  });

  it.each(SEEDS)('gives one that is ten times as slow far less: seed %d', (seed) => {
    const stage = new PickerStage(picker, seed, [100, 100, 100, 100, 100]);
    const slow = stage.endpoints[2]!;
    const shares = sharesOf(stage.closedLoop(50, 4000, (endpoint) => (endpoint === slow ? 200 : 20)));
    expect(shares[2], `seed ${seed}`).toBeLessThan(0.05);
    expect(shares[2], `seed ${seed}`).toBeGreaterThan(0);
  });

  it('takes the less busy of two, for its weight', () => {
    const stage = new PickerStage(picker, 1, [100, 300]);
    const [light, heavy] = stage.endpoints;
    for (let i = 0; i < 3; i += 1) heavy!.callStarted({ deadline: Infinity, attempts: 0 });
    for (let i = 0; i < 2; i += 1) light!.callStarted({ deadline: Infinity, attempts: 0 });
    expect(stage.tally(50)).toEqual([0, 50]);
  });

  it('follows who comes, goes and changes, and keeps what is known of the load', () => {
    const stage = new PickerStage(picker, 7, [100]);
    expect(stage.tally(10)).toEqual([10]);
    const second = stage.add(100);
    second.callStarted({ unary: true, deadline: Infinity, attempts: 0 });
    expect(stage.tally(10)).toEqual([10, 0]);
    stage.picker.remove(second);
    stage.picker.add(second);
    stage.picker.add(second);
    expect(stage.tally(10)).toEqual([10, 0]);
    stage.ran(second, { ms: 1 });
    second.callEnded({ unary: true, deadline: Infinity, attempts: 0 }, { code: 0, processed: true, ms: 1 });
    stage.ran(stage.endpoints[0]!, { ms: 1 });
    stage.reweigh(second, 900);
    expect(sharesOf(stage.tally(2000))[1]).toBeGreaterThan(0.85);
    stage.remove(second);
    stage.picker.remove(second);
    stage.picker.reweigh(second);
    expect(stage.tally(10)).toEqual([10]);
    stage.remove(stage.endpoints[0]!);
    expect(stage.picker.pick({})).toBeUndefined();
  });

  it.each([2, 3, 50])('passes over those that are skipped, of %d', (size) => {
    const stage = new PickerStage(
      picker,
      4,
      Array.from({ length: size }, (_each, i) => 1 + i * 50),
    );
    // All but the one of almost no weight, which is hardly ever sampled.
    const [rare, ...others] = stage.endpoints;
    const skipped = new Set(others);
    for (let i = 0; i < 20; i += 1) expect(stage.picker.pick({ skip: (each) => skipped.has(each) })).toBe(rare);
    expect(stage.picker.pick({ skip: () => true })).toBeUndefined();
    const first = stage.picker.pick({ skip: (each) => each === others[0] });
    expect(first === undefined || first === others[0]).toBe(false);
  });

  it('takes the best of those that are left where it looks at everybody', () => {
    const stage = new PickerStage(picker, 4, [1000, 1, 1]);
    const [skipped, busy, idle] = stage.endpoints;
    busy!.callStarted({ deadline: Infinity, attempts: 0 });
    for (let i = 0; i < 20; i += 1) expect(stage.picker.pick({ skip: (each) => each === skipped })).toBe(idle);
  });
});

describe('p2c', () => {
  it('prefers the faster one, and leaves what differs by chance to the weights', () => {
    const stage = new PickerStage(p2c, 3, [100, 100]);
    const [a, b] = stage.endpoints;
    stage.ran(a!, { ms: 10 });
    stage.ran(b!, { ms: 12 });
    sharesOf(stage.tally(2000)).forEach((share) => expect(Math.abs(share - 0.5)).toBeLessThan(0.05));
    stage.ran(b!, { ms: 20 });
    expect(stage.tally(20)).toEqual([20, 0]);
    // Nobody asks it any more: what is known of it fades, as that of the other does not.
    stage.time.advance(30_000);
    stage.ran(a!, { ms: 10 });
    expect(stage.tally(20)).toEqual([0, 20]);
  });

  it('asks one that has not answered yet once, and again when it has', () => {
    const stage = new PickerStage(p2c, 5, [100, 100]);
    const [known, fresh] = stage.endpoints;
    stage.ran(known!, { ms: 50 });
    known!.callStarted({ unary: true, deadline: Infinity, attempts: 0 });
    expect(stage.tally(5)).toEqual([0, 5]);
    fresh!.callStarted({ unary: true, deadline: Infinity, attempts: 0 });
    for (let i = 0; i < 100; i += 1) known!.callStarted({ unary: true, deadline: Infinity, attempts: 0 });
    expect(stage.tally(5)).toEqual([5, 0]);
    fresh!.callEnded({ unary: true, deadline: Infinity, attempts: 0 }, { code: 0, processed: true, ms: 1 });
    expect(stage.tally(5)).toEqual([0, 5]);
  });

  it('does not take a stream that stays open for a first answer that does not come', () => {
    const stage = new PickerStage(p2c, 5, [100, 100]);
    const [known, streaming] = stage.endpoints;
    for (const each of stage.endpoints) each.callStarted({ deadline: Infinity, attempts: 0 });
    stage.ran(known!, { ms: 50 });
    expect(stage.tally(1000)[stage.endpoints.indexOf(streaming!)]).toBeGreaterThan(400);
  });

  it('does not take one that fails at once for a fast one', () => {
    const stage = new PickerStage(p2c, 5, [100, 100]);
    const [good, broken] = stage.endpoints;
    for (let i = 0; i < 10; i += 1) {
      stage.time.advance(10);
      stage.ran(good!, { ms: 20 });
      stage.ran(broken!, { ms: 1, code: 14 });
    }
    good!.callStarted({ unary: true, deadline: Infinity, attempts: 0 });
    expect(stage.tally(20)).toEqual([20, 0]);
  });
});
