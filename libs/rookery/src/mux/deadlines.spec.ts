import { describe, expect, it } from 'vitest';
import type { Time } from '../core/time.js';
import { fakeTime } from '../testing/fake-time.js';
import { Deadlines } from './deadlines.js';

/** Deadlines of calls, as the two sides of mux keep them. */
function stage() {
  const time = fakeTime(1000);
  const calls = new Set<number>();
  const rang: number[] = [];
  const expired: [deadline: number, at: number][] = [];
  const deadlines = new Deadlines(time, (now) => {
    rang.push(now);
    for (const deadline of calls)
      if (deadline <= now) {
        calls.delete(deadline);
        expired.push([deadline, now]);
      }
    return Math.min(Infinity, ...calls);
  });
  const add = (...due: readonly number[]) => {
    for (const deadline of due) {
      calls.add(deadline);
      deadlines.add(deadline, time.now());
    }
  };
  return { time, calls, deadlines, rang, expired, add };
}

describe('deadlines', () => {
  it('end what is due, none of it early, and all within 12 ms', () => {
    const { time, add, expired } = stage();
    const due = [1500, 1001, 1033, 1017, 1021, 2000, 1500.4];
    add(...due);
    time.advance(5000);
    const numeric = (a: number, b: number) => a - b;
    expect(expired.map(([deadline]) => deadline).toSorted(numeric)).toEqual(due.toSorted(numeric));
    for (const [deadline, at] of expired) {
      expect(at).toBeGreaterThanOrEqual(deadline);
      expect(at).toBeLessThan(deadline + 12);
    }
  });

  it('have one timer, and none while there is nothing to wait for', () => {
    const { time, add } = stage();
    expect(time.timers).toBe(0);
    for (let due = 2000; due > 1900; due -= 1) add(due);
    expect(time.timers).toBe(1);
    time.advance(2000);
    expect(time.timers).toBe(0);
  });

  it('cost nothing where they are met: the timer rings once for all of them', () => {
    const { time, calls, add, rang } = stage();
    for (let i = 0; i < 1000; i += 1) {
      add(time.now() + 5000);
      calls.clear();
      time.advance(1);
    }
    time.advance(10_000);
    expect(rang).toHaveLength(1);
  });

  it('are looked at every 10 ms at most, however many are due', () => {
    const { time, add, rang, expired } = stage();
    for (let due = 1000; due < 1100; due += 0.5) add(due);
    time.advance(200);
    expect(expired).toHaveLength(200);
    expect(rang.length).toBeLessThanOrEqual(11);
  });

  it('notice one that is added while others end', () => {
    const time = fakeTime();
    const rang: number[] = [];
    const deadlines: Deadlines = new Deadlines(time, (now) => {
      rang.push(now);
      if (rang.length === 1) deadlines.add(now + 50, now);
      return Infinity;
    });
    deadlines.add(5, 0);
    time.advance(1000);
    expect(rang).toEqual([6, 57]);
  });

  it('are over when they are closed, also while they ring', () => {
    const { time, deadlines, add, rang } = stage();
    add(1010);
    deadlines.close();
    add(1005);
    time.advance(100);
    expect([rang, time.timers]).toEqual([[], 0]);
    const other: Deadlines = new Deadlines(time, () => (other.close(), 1200));
    other.add(1110, 1100);
    time.advance(50);
    expect(time.timers).toBe(0);
  });

  it('set no timer that is longer than Node takes: it would ring at once', () => {
    const set: number[] = [];
    const time: Time = { now: () => 0, after: (ms) => (set.push(ms), { [Symbol.dispose]: () => {} }) };
    new Deadlines(time, () => Infinity).add(2 ** 31 - 1, 0);
    new Deadlines(time, () => Infinity).add(Number.MAX_SAFE_INTEGER, 0);
    expect(set.every((ms) => ms < 2 ** 31)).toBe(true);
  });
});
