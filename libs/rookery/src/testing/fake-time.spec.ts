import { describe, expect, it } from 'vitest';
import { fakeTime } from './fake-time.js';

describe('fakeTime', () => {
  it('runs timers in order, each at its own instant, also those set on the way', () => {
    const time = fakeTime(1000);
    const ran: [string, number][] = [];
    const set = (name: string, ms: number, then?: () => void) =>
      time.after(ms, () => {
        ran.push([name, time.now()]);
        then?.();
      });
    set('late', 30);
    set('first', 10, () => set('inner', 5));
    set('second', 10);
    const never = set('never', 20);
    set('beyond', 31);
    never[Symbol.dispose]();
    time.advance(30);
    expect(ran).toEqual([
      ['first', 1010],
      ['second', 1010],
      ['inner', 1015],
      ['late', 1030],
    ]);
    expect([time.now(), time.timers]).toEqual([1030, 1]);
  });

  it('lets promises settle between timers', async () => {
    const time = fakeTime();
    const at: number[] = [];
    void (async () => {
      for (let i = 0; i < 3; i += 1) {
        await new Promise<void>((resolve) => time.after(10, resolve));
        at.push(time.now());
      }
    })();
    await time.advanceAsync(25);
    expect([at, time.now()]).toEqual([[10, 20], 25]);
  });
});
