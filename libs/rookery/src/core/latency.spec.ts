import { describe, expect, it } from 'vitest';
import { Latency } from './latency.js';

const OK = 0;
const UNAVAILABLE = 14;

/** What is known after the answers, each `[at, ms, code]`. */
function after(...answers: readonly (readonly [at: number, ms: number, code?: number])[]): Latency {
  const latency = new Latency();
  for (const [at, ms, code = OK] of answers) latency.observe({ code, ms, processed: true }, at);
  return latency;
}

describe('Latency', () => {
  it('is not known before the first call has ended', () => {
    expect(new Latency().at(5)).toBeUndefined();
  });

  it('jumps to what is worse, and follows what is better by the time that has passed', () => {
    expect(after([0, 10], [0, 300]).at(0)).toBe(300);
    expect(after([0, 300], [0, 10]).at(0)).toBe(300);
    const w = Math.exp(-1);
    expect(after([0, 300], [10_000, 10]).at(10_000)).toBeCloseTo(300 * w + 10 * (1 - w));
    expect(after([0, 300], [1e6, 10]).at(1e6)).toBeCloseTo(10);
  });

  it('fades while nobody asks', () => {
    const latency = after([0, 100]);
    expect(latency.at(10_000)).toBeCloseTo(100 / Math.E);
    expect(latency.at(1e9)).toBe(0);
  });

  it('is not known once it is forgotten, until the next answer', () => {
    const latency = after([0, 20], [0, 1, UNAVAILABLE], [0, 1, UNAVAILABLE]);
    latency.forget(100);
    expect(latency.at(100)).toBeUndefined();
    // It was sent before.
    latency.observe({ code: 4, ms: 5000, processed: true }, 5099);
    expect(latency.at(5099)).toBeUndefined();
    latency.observe({ code: OK, ms: 7, processed: true }, 5099);
    expect(latency.at(5099)).toBe(7);
  });

  it.each([
    ['that its caller gave up', { code: 1, processed: true }],
    ['that no handler has seen', { code: UNAVAILABLE, processed: false }],
  ])('learns nothing from a call %s', (_, outcome) => {
    const latency = new Latency();
    latency.observe({ ...outcome, ms: 3 }, 0);
    expect(latency.at(0)).toBeUndefined();
    latency.observe({ code: OK, processed: true, ms: 7 }, 0);
    latency.observe({ ...outcome, ms: 9000 }, 0);
    expect(latency.at(0)).toBe(7);
  });

  it.each([4, 8, UNAVAILABLE])('takes a failure (%d) for slow, however fast it came', (code) => {
    expect(after([0, 2, code]).at(0)).toBe(1000);
    expect(after([0, 20], [0, 1, code]).at(0)).toBe(40);
    expect(after([0, 20], [0, 1, code], [0, 1, code]).at(0)).toBe(80);
    expect(after([0, 20], [0, 7000, code]).at(0)).toBe(7000);
  });

  it('does not let failures alone shut one out for long', () => {
    const failures = Array.from({ length: 50 }, () => [0, 1, UNAVAILABLE] as const);
    expect(after([0, 20], ...failures).at(0)).toBe(5000);
    expect(after([0, 9000], ...failures).at(0)).toBe(9000);
  });

  it.each([2, 12, 13, 15])('is not lowered by what may be an error of the instance (%d)', (code) => {
    expect(after([0, 100], [10_000, 1, code]).at(10_000)).toBeCloseTo(100 / Math.E);
    expect(after([0, 100], [10_000, 200, code]).at(10_000)).toBe(200);
    expect(after([0, 30, code]).at(0)).toBe(30);
  });

  it('takes an answer that is an error of the caller for an answer', () => {
    const NOT_FOUND = 5;
    expect(after([0, 100], [1e6, 1, NOT_FOUND]).at(1e6)).toBeCloseTo(1);
  });
});
