import { expect, it } from 'vitest';
import { jumpClock } from './clock.js';

it('the wall clock jumps, other clocks and given dates do not, and it can be set right', () => {
  const wall = Date.now();
  const monotonic = performance.now();
  const jump = jumpClock(3_600_000);
  expect(Date.now() - wall).toBeGreaterThanOrEqual(3_600_000);
  expect(new Date().getTime() - wall).toBeGreaterThanOrEqual(3_600_000);
  expect(new Date(5).getTime()).toBe(5);
  expect(new Date(2026, 0, 1).getFullYear()).toBe(2026);
  expect(performance.now() - monotonic).toBeLessThan(60_000);
  jump[Symbol.dispose]();
  expect(Date.now() - wall).toBeLessThan(60_000);
});
