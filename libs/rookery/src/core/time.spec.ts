import { describe, expect, it } from 'vitest';
import { fakeTime } from '../testing/fake-time.js';
import { pause } from './time.js';

describe('pause', () => {
  it('lasts as long as it should', async () => {
    const time = fakeTime();
    let over = false;
    void pause(time, 100, new AbortController().signal).then(() => (over = true));
    await time.advanceAsync(99);
    expect(over).toBe(false);
    await time.advanceAsync(1);
    expect(over).toBe(true);
  });

  it('ends at once when the signal aborts, and leaves no timer', async () => {
    const time = fakeTime();
    const abort = new AbortController();
    const pausing = pause(time, 100, abort.signal);
    abort.abort();
    await pausing;
    await pause(time, 100, abort.signal);
    expect(time.timers).toBe(0);
  });
});
