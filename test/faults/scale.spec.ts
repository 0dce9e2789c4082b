import { describe, expect, it } from 'vitest';
import { measureChange } from '../support/scale/change.js';
import { measurePropagation } from '../support/scale/propagation.js';
import { measureReRegistration } from '../support/scale/re-registration.js';
import { measureView } from '../support/scale/view.js';

// A small form of `npm run bench -- registry`: counts and ratios, since times are the machine's.

describe('200 registrations of one process whose leases are lost', { timeout: 120_000 }, () => {
  it.each(['hang', 'wipe'] as const)('are all back with one write each (%s)', async (outage) => {
    const measured = await measureReRegistration({ registrations: 200, ttlMs: 2000, outage });
    expect(measured).toMatchObject({ back: 200, lost: 0 });
    expect(measured.writes).toBeGreaterThanOrEqual(200);
    expect(measured.writes).toBeLessThanOrEqual(1.2 * 200);
  });
});

describe('2 000 instances of one service', () => {
  it('are all in the first view', async () => {
    expect(await measureView(2000)).toMatchObject({ instances: 2000 });
  });

  it.each([false, true])('make a change no dearer than 100 do (balancer: %s)', async (withBalancer) => {
    const few = await measureChange({ instances: 100, withBalancer, batches: 20 });
    const many = await measureChange({ instances: 2000, withBalancer, batches: 20 });
    expect(many.bytes).toBeLessThan(1.5 * few.bytes);
    // What walks through all of them would take 20 times as long.
    expect(many.us).toBeLessThan(8 * few.us);
  });
});

describe('an edit in etcd', () => {
  it('reaches the picks not much later than a bare watch tells of it', async () => {
    const { puts, ratio } = await measurePropagation({ puts: 100, instances: 100 });
    expect(puts).toBe(100);
    expect(ratio).toBeLessThan(3);
  });
});
