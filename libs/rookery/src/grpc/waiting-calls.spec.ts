import { describe, expect, it } from 'vitest';
import { eventually } from '../testing/eventually.js';
import { MAX_WAITING, WaitingCalls } from './waiting-calls.js';

/** As grpc-js does: everybody who still waits is picked again, and told to wait again. */
function stage(stillWaiting: () => number) {
  const seen = { published: 0, refused: 0 };
  const calls: WaitingCalls = new WaitingCalls(() => {
    seen.published += 1;
    for (let i = stillWaiting(); i > 0; i -= 1) if (!calls.admit()) seen.refused += 1;
  });
  return { seen, calls };
}

describe('WaitingCalls', () => {
  it('picks again once a turn, however much happens in it', async () => {
    const { seen, calls } = stage(() => 1);
    calls.admit();
    for (let i = 0; i < 100; i += 1) calls.wake();
    expect(seen.published).toBe(0);
    await new Promise(setImmediate);
    expect(seen.published).toBe(1);
    calls.wake();
    await new Promise(setImmediate);
    expect(seen.published).toBe(2);
  });

  it('does nothing while nobody waits', async () => {
    const { seen, calls } = stage(() => 0);
    calls.wake();
    await new Promise(setImmediate);
    expect(seen.published).toBe(0);
  });

  it('refuses one call more than it may hold, while all of them wait', async () => {
    const { seen, calls } = stage(() => MAX_WAITING);
    calls.flush();
    expect(seen).toEqual({ published: 1, refused: 0 });
    await eventually(async () => {
      // Counted anew, since some might have ended; none has.
      calls.admit();
      await Promise.resolve();
      expect(seen.published).toBe(2);
    });
    expect(calls.admit()).toBe(false);
  });

  it('does not count calls that ended for long', async () => {
    const { calls } = stage(() => 0);
    calls.flush();
    let refused = 0;
    for (let i = 0; i < MAX_WAITING; i += 1) if (!calls.admit()) refused += 1;
    expect(refused).toBe(0);
    await eventually(() => expect(calls.admit()).toBe(true));
    await Promise.resolve();
    expect(Array.from({ length: 100 }, () => calls.admit())).not.toContain(false);
  });
});
