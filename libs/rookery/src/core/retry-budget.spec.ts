import { expect, it } from 'vitest';
import { fakeTime } from '../testing/fake-time.js';
import { RetryBudget } from './retry-budget.js';

/** How many retries there are now. */
function drain(budget: RetryBudget): number {
  let count = 0;
  while (budget.withdraw()) count += 1;
  return count;
}

it('has ten seconds of its rate to begin with', () => {
  expect(drain(new RetryBudget(fakeTime()))).toBe(100);
  expect(drain(new RetryBudget(fakeTime(), { perSecond: 0 }))).toBe(0);
});

it('earns a share of every call', () => {
  const budget = new RetryBudget(fakeTime(), { perSecond: 0 });
  for (let i = 0; i < 1000; i += 1) budget.deposit();
  expect(drain(budget)).toBe(200);
});

it('forgets what is older than ten seconds: calls as well as retries', () => {
  const time = fakeTime();
  const budget = new RetryBudget(time, { perSecond: 1 });
  for (let i = 0; i < 100; i += 1) budget.deposit();
  expect(drain(budget)).toBe(30);
  time.advance(9000);
  expect(drain(budget)).toBe(0);
  time.advance(1000);
  expect(drain(budget)).toBe(10);
  time.advance(60_000);
  expect(drain(budget)).toBe(10);
});

it.each([1, 2, 3])('never gives more than a share of the calls and its rate: seed %d', (seed) => {
  const time = fakeTime();
  const budget = new RetryBudget(time, { ratio: 0.2, perSecond: 10 });
  let calls = 0;
  let retries = 0;
  for (let second = 0; second < 100; second += 1) {
    for (let i = 0; i < (second * seed * 37) % 500; i += 1) {
      budget.deposit();
      calls += 1;
      if (budget.withdraw()) retries += 1;
    }
    time.advance(1000);
    expect(retries).toBeLessThanOrEqual(0.2 * calls + 10 * (second + 1) + 100);
  }
});
