import { describe, expect, it } from 'vitest';
import { fakeTime } from '../../testing/fake-time.js';
import { hostPolicies } from './host-policy.js';

class Away extends Error {}

/** The package, as far as it heeds policies: a call goes to hosts in turn, and past those that are not asked. */
function setUp(count: number) {
  const time = fakeTime();
  const { global, host } = hostPolicies(count, time, (error) => error instanceof Away);
  const hosts = Array.from({ length: count }, (_, i) => ({ policy: host!(`h${i}`), asked: 0 }));
  /** What each host says; one that says nothing hangs. */
  const answers: ((() => unknown) | undefined)[] = [];
  let next = 0;
  const ask = async (): Promise<unknown> => {
    let last: unknown;
    for (let tries = 0; tries < count; tries += 1) {
      const i = next;
      next = (next + 1) % count;
      let through = false;
      try {
        return await hosts[i]!.policy.execute(() => {
          through = true;
          hosts[i]!.asked += 1;
          const answer = answers[i];
          return answer ? answer() : new Promise(() => {});
        });
      } catch (error) {
        if (through) throw error;
        last = error;
      }
    }
    throw last;
  };
  const call = () => Promise.resolve(global!.execute(ask));
  return { time, answers, call, asked: () => hosts.map(({ asked }) => asked), startAt: (i: number) => (next = i) };
}

const away = () => {
  throw new Away('nobody there');
};

describe('calls to one host', () => {
  it('go to it once, again and again', async () => {
    const { answers, call, asked } = setUp(1);
    answers[0] = away;
    await expect(call()).rejects.toThrow('nobody there');
    await expect(call()).rejects.toThrow('nobody there');
    expect(asked()).toEqual([2]);
  });
});

describe('calls to several hosts', () => {
  it('go on to the next where one fails, and pass it over for two seconds', async () => {
    const { time, answers, call, asked, startAt } = setUp(3);
    answers.push(
      away,
      () => 'b',
      () => 'c',
    );
    expect(await call()).toBe('b');
    startAt(0);
    expect(await call()).toBe('b');
    expect(asked()).toEqual([1, 2, 0]);
    await time.advanceAsync(2000);
    startAt(0);
    expect(await call()).toBe('b');
    expect(asked()).toEqual([2, 3, 0]);
  });

  it('ask another one as well after a second of silence, and pass the silent one over', async () => {
    const { time, answers, call, asked, startAt } = setUp(2);
    answers.push(undefined, () => 'b');
    const first = call();
    await time.advanceAsync(999);
    expect(asked()).toEqual([1, 0]);
    await time.advanceAsync(1);
    expect(await first).toBe('b');
    startAt(0);
    expect(await call()).toBe('b');
    expect(asked()).toEqual([1, 2]);
    expect(time.timers).toBe(0);
  });

  it('do not take a stream for an answer: it was made, and nobody need be there', async () => {
    const { time, answers, call, asked, startAt } = setUp(2);
    answers.push(undefined, () => ({ write() {} }));
    void call();
    await time.advanceAsync(1000);
    startAt(0);
    void call();
    expect(asked()).toEqual([2, 1]);
  });

  it('end with a refusal at once: others would say the same', async () => {
    const { answers, call, asked } = setUp(3);
    const refuse = () => {
      throw new Error('permission denied');
    };
    answers.push(refuse, refuse, refuse);
    await expect(call()).rejects.toThrow('permission denied');
    expect(asked()).toEqual([1, 0, 0]);
  });

  it('fail with what the hosts said where all of them fail, also while none is asked', async () => {
    const { answers, call, asked, time } = setUp(2);
    answers.push(away, away);
    await expect(call()).rejects.toThrow('nobody there');
    await expect(call()).rejects.toThrow('nobody there');
    expect([asked(), time.timers]).toEqual([[1, 1], 0]);
  });

  it('wait for one that is slow where nobody else is left', async () => {
    const { time, answers, call } = setUp(2);
    let answer: ((text: string) => void) | undefined;
    answers.push(() => new Promise<string>((resolve) => (answer = resolve)), away);
    const slow = call();
    await time.advanceAsync(1500);
    answer!('a');
    expect(await slow).toBe('a');
  });
});
