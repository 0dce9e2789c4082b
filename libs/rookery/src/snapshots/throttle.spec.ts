import { beforeEach, describe, expect, it } from 'vitest';
import { fakeTime, type FakeTime } from '../testing/fake-time.js';
import { Throttle } from './throttle.js';

let time: FakeTime;
let runs: number[];
let done: (() => void)[];
let throttle: Throttle;

beforeEach(() => {
  time = fakeTime();
  runs = [];
  done = [];
  throttle = new Throttle(time, 1000, () => {
    runs.push(time.now());
    return new Promise((resolve) => done.push(resolve));
  });
});

describe('a throttle', () => {
  it('runs at once, then once for all that was asked meanwhile, when its time has come', async () => {
    throttle.ask();
    done[0]!();
    await time.advanceAsync(10);
    for (let i = 0; i < 5; i += 1) throttle.ask();
    await time.advanceAsync(989);
    expect(runs).toEqual([0]);
    await time.advanceAsync(1);
    expect(runs).toEqual([0, 1000]);
    done[1]!();
    await time.advanceAsync(10_000);
    throttle.ask();
    expect(runs).toEqual([0, 1000, 11_000]);
  });

  it('never runs beside itself: what is asked for during a run is done after it', async () => {
    throttle.ask();
    await time.advanceAsync(5000);
    throttle.ask();
    expect(runs).toEqual([0]);
    done[0]!();
    await time.advanceAsync(0);
    expect(runs).toEqual([0, 5000]);
  });

  it('is flushed without waiting, also of what runs', async () => {
    throttle.ask();
    throttle.ask();
    let flushed = false;
    const flush = throttle.flush().then(() => (flushed = true));
    await time.advanceAsync(0);
    expect([runs, flushed]).toEqual([[0], false]);
    done[0]!();
    await time.advanceAsync(0);
    expect([runs, flushed]).toEqual([[0, 0], false]);
    done[1]!();
    await flush;
    expect(time.timers).toBe(0);
  });

  it('has nothing to flush where nothing was asked', async () => {
    await throttle.flush();
    expect(runs).toEqual([]);
  });
});
