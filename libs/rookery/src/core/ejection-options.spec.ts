import { expect, it } from 'vitest';
import { checkEjection } from './ejection-options.js';

it.each([false, {}, { consecutiveFailures: 1 }, { baseEjectionMs: 10, maxEjectionMs: 10 }, { successRate: false }])(
  '%j is taken',
  (value) => expect(checkEjection(value, 'x')).toBe(value),
);

it.each<[unknown, string, string]>([
  [true, 'x', 'found true. Use false, or options: consecutiveFailures, baseEjectionMs'],
  [null, 'x', 'found null.'],
  [[], 'x', 'found an array.'],
  [{ consecutiveFailure: 5 }, 'x.consecutiveFailure', 'Did you mean `consecutiveFailures`?'],
  [{ consecutiveFailures: 0 }, 'x.consecutiveFailures', 'found 0. Use a whole number, at least 1.'],
  [{ consecutiveFailures: 1.5 }, 'x.consecutiveFailures', 'found 1.5.'],
  [{ consecutiveFailures: '5' }, 'x.consecutiveFailures', 'found "5".'],
  [{ baseEjectionMs: 0 }, 'x.baseEjectionMs', 'Use milliseconds above 0, or `ejection: false` for none.'],
  [{ baseEjectionMs: NaN }, 'x.baseEjectionMs', 'found NaN.'],
  [{ maxEjectionMs: 1000 }, 'x.maxEjectionMs', 'found 1000. Use at least baseEjectionMs, which is 5000.'],
  [{ maxEjectionMs: Infinity }, 'x.maxEjectionMs', 'found Infinity.'],
  [{ successRate: 1 }, 'x.successRate', 'found 1. Use true or false.'],
])('%j is refused', (value, path, message) => {
  expect(() => checkEjection(value, 'x')).toThrow(expect.objectContaining({ code: 'ROOKERY_OPTION_INVALID', path }));
  expect(() => checkEjection(value, 'x')).toThrow(message);
});
