import { describe, expect, it } from 'vitest';
import { Backoff } from './backoff.js';

describe('Backoff', () => {
  it('doubles its bound from 100 ms to 5 s', () => {
    const backoff = new Backoff(() => 1);
    expect(Array.from({ length: 8 }, () => backoff.next())).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    backoff.reset();
    expect(backoff.next()).toBe(100);
  });

  it('draws each delay from nothing to the bound', () => {
    const draws = [0, 0.5, 0.25];
    const backoff = new Backoff(() => draws.shift()!, { baseMs: 8, capMs: 1000 });
    expect([backoff.next(), backoff.next(), backoff.next()]).toEqual([0, 8, 8]);
  });

  it('stays at its cap, however often it fails', () => {
    const backoff = new Backoff(() => 1, { capMs: 300 });
    for (let i = 0; i < 5000; i += 1) backoff.next();
    expect(backoff.next()).toBe(300);
  });
});
