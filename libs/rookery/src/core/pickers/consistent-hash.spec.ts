import { describe, expect, it } from 'vitest';
import { consistentHash, MAX_POINTS } from './consistent-hash.js';
import { PickerStage, sharesOf } from './pickers.stage.js';

const KEYS = Array.from({ length: 10_000 }, (_, i) => `user-${i}`);
const equal = (size: number) => Array.from({ length: size }, () => 100);
const stageOf = (weights: readonly number[], seed = 1) => new PickerStage(consistentHash(), seed, weights);

const ownersOf = (stage: PickerStage) => KEYS.map((hashKey) => stage.picker.pick({ hashKey })!.address);
const movedBetween = (before: readonly string[], after: readonly string[]) =>
  before.filter((owner, i) => owner !== after[i]).length / before.length;

function keyShares(stage: PickerStage): number[] {
  const owners = ownersOf(stage);
  return sharesOf(stage.endpoints.map(({ address }) => owners.filter((owner) => owner === address).length));
}

describe('consistentHash', () => {
  it('gives a key to the same one each time', () => {
    const stage = stageOf(equal(10));
    const first = stage.picker.pick({ hashKey: 'user-1' });
    for (let i = 0; i < 100; i += 1) expect(stage.picker.pick({ hashKey: 'user-1' })).toBe(first);
    expect(new Set(ownersOf(stage)).size).toBe(10);
  });

  it('agrees in all clients, whatever order and history they have seen', () => {
    const stage = stageOf([100, 200, 50, 100, 300, 100], 1);
    const other = new PickerStage(consistentHash(), 99);
    const passing = Array.from({ length: 2000 }, (_, i) => other.add(10_000, `x${i}:1`));
    other.picker.pick({ hashKey: 'a' });
    for (const { address, weight } of stage.endpoints.toReversed()) other.reweigh(other.add(1, address), weight);
    other.picker.pick({ hashKey: 'b' });
    for (const each of passing) other.remove(each);
    expect(ownersOf(other)).toEqual(ownersOf(stage));
  });

  it.each([2, 3, 10, 50, 400])('moves no more than its share when one of %d comes or goes, and back', (size) => {
    const stage = stageOf(equal(size));
    const before = ownersOf(stage);
    const added = stage.add(100);
    const after = ownersOf(stage);
    expect(movedBetween(before, after)).toBeLessThanOrEqual(2 / (size + 1));
    expect(movedBetween(before, after)).toBeGreaterThan(0.3 / (size + 1));
    // Whatever moved, moved to it.
    expect(after.filter((owner, i) => owner !== before[i] && owner !== added.address)).toEqual([]);
    stage.remove(added);
    expect(ownersOf(stage)).toEqual(before);
  });

  it('gives shares by weight', () => {
    const shares = keyShares(stageOf([100, 100, 200, 400]));
    [1 / 8, 1 / 8, 1 / 4, 1 / 2].forEach((share, i) => expect(Math.abs(shares[i]! / share - 1)).toBeLessThan(0.25));
  });

  it.each([1, 100, 10_000])('spreads keys evenly where everybody weighs %d', (weight) => {
    const shares = keyShares(stageOf(Array.from({ length: 10 }, () => weight)));
    for (const share of shares) expect(Math.abs(share - 0.1)).toBeLessThan(0.035);
  });

  it('moves to the one that becomes heavier, and from nobody else to anybody else', () => {
    const stage = stageOf(equal(20));
    const before = ownersOf(stage);
    const heavy = stage.endpoints[3]!;
    stage.reweigh(heavy, 200);
    const after = ownersOf(stage);
    const moved = after.filter((owner, i) => owner !== before[i]);
    expect(new Set(moved)).toEqual(new Set([heavy.address]));
    expect(moved.length / KEYS.length).toBeLessThan(2 / 20);
    stage.reweigh(heavy, 100);
    expect(ownersOf(stage)).toEqual(before);
  });

  it('passes one that is skipped, and takes the next on the ring', () => {
    const stage = stageOf(equal(10));
    const [owner] = [stage.picker.pick({ hashKey: 'user-1' })!];
    const next = stage.picker.pick({ hashKey: 'user-1', skip: (each) => each === owner })!;
    expect(next).not.toBe(owner);
    const third = stage.picker.pick({ hashKey: 'user-1', skip: (each) => each === owner || each === next })!;
    expect([owner, next]).not.toContain(third);
    expect(stage.picker.pick({ hashKey: 'user-1', skip: () => true })).toBeUndefined();
    // It is the one that takes over where the owner goes.
    stage.remove(owner);
    expect(stage.picker.pick({ hashKey: 'user-1' })).toBe(next);
  });

  it('sends what has no key anywhere', () => {
    const shares = sharesOf(stageOf(equal(5)).tally(5000));
    for (const share of shares) expect(share).toBeGreaterThan(0.1);
  });

  it('gives nothing where nobody is, ignores what it knows or does not know, and starts again', () => {
    const stage = stageOf([100]);
    const one = stage.endpoints[0]!;
    stage.picker.add(one);
    stage.picker.remove(one);
    expect(stage.picker.pick({ hashKey: 'a' })).toBeUndefined();
    stage.picker.remove(one);
    stage.picker.reweigh(one);
    expect(stage.picker.pick({ hashKey: 'a' })).toBeUndefined();
    stage.picker.add(one);
    expect(stage.picker.pick({ hashKey: 'a' })).toBe(one);
  });

  it('is bounded: ten thousand of the greatest weight cost no more than ten thousand', () => {
    let reads = 0;
    const heavy = Array.from({ length: 10_000 }, (_, i) => ({
      get key() {
        reads += 1;
        return `h${i}:1`;
      },
      weight: 10_000,
      running: 0,
      runningUnary: 0,
      latencyMs: undefined,
    }));
    const picker = consistentHash()<(typeof heavy)[number]>(() => 0.5);
    for (const each of heavy) picker.add(each);
    const points = new Set<unknown>();
    picker.pick({ hashKey: 'a', skip: (each) => points.size < MAX_POINTS && points.add(each) !== undefined });
    expect(points.size).toBe(10_000);
    expect(reads).toBeLessThanOrEqual(20_000);
  });

  it.each([
    ['x-user-id' as never, 'at consistentHash: found "x-user-id". Name the header in an object'],
    [null as never, 'at consistentHash: found null.'],
    [{ headr: 'x' } as never, 'at consistentHash.headr: there is no such option. Did you mean `header`?'],
  ])('takes no %o for a source of keys', (source, message) => {
    expect(() => consistentHash(source)).toThrow(message);
  });

  it.each(['', 'a b', 'x-bytes-bin', 'ä', 7 as never])('takes no %o for the name of a header', (header) => {
    expect(() => consistentHash({ header })).toThrow(
      expect.objectContaining({ code: 'ROOKERY_OPTION_INVALID', path: 'consistentHash.header' }),
    );
  });
});
