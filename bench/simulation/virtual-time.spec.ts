import { seededRandom } from 'rookery/testing';
import { describe, expect, it } from 'vitest';
import { VirtualTime } from './virtual-time.js';

describe('VirtualTime', () => {
  it('runs timers by time, and in the order in which they were set where that is the same', async () => {
    const time = new VirtualTime();
    const random = seededRandom(1);
    const ran: [due: number, order: number][] = [];
    for (let order = 0; order < 2000; order += 1) {
      const due = Math.floor(random() * 100);
      time.after(due, () => ran.push([time.now(), order]));
    }
    await time.run(100);
    expect(ran).toHaveLength(2000);
    expect(ran).toEqual(ran.toSorted(([a, x], [b, y]) => a - b || x - y));
  });

  it('stops at the end, forgets what is disposed, and runs what timers set', async () => {
    const time = new VirtualTime();
    const ran: string[] = [];
    time.after(5, () => ran.push('disposed'))[Symbol.dispose]();
    time.after(10, () => time.after(10, () => ran.push('set on the way')));
    time.after(21, () => ran.push('later'));
    await time.run(20);
    expect([ran, time.now()]).toEqual([['set on the way'], 20]);
    await time.run(30);
    expect(ran.at(-1)).toBe('later');
  });

  it('lets promises settle before it moves on, where it is told to', async () => {
    const time = new VirtualTime();
    const ran: string[] = [];
    time.after(1, () => {
      void Promise.resolve()
        .then(() => {})
        .then(() => ran.push(`settled at ${time.now()}`));
      time.settle();
    });
    time.after(2, () => ran.push('next'));
    await time.run(10);
    expect(ran).toEqual(['settled at 1', 'next']);
  });
});
