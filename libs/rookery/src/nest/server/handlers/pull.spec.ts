import { EventEmitter } from 'node:events';
import { lastValueFrom, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../../testing/eventually.js';
import { isIterable, pull } from './pull.js';

class FakeOutlet extends EventEmitter {
  writableNeedDrain = false;
}

function counting(many: number) {
  const state = { produced: 0, closed: 0, messages: generate() };
  async function* generate(): AsyncGenerator<number> {
    try {
      while (state.produced < many) yield (state.produced += 1);
    } finally {
      state.closed += 1;
    }
  }
  return state;
}

describe('messages that are pulled', () => {
  it.each([
    ['an array', [1, 2, 3]],
    ['an async generator', counting(3).messages],
  ] satisfies [string, Parameters<typeof pull<number>>[0]][])('are those of %s', async (_, messages) => {
    expect(await lastValueFrom(pull(messages, new FakeOutlet()).pipe(toArray()))).toEqual([1, 2, 3]);
  });

  it('wait for the outlet', async () => {
    const outlet = new FakeOutlet();
    const source = counting(3);
    outlet.writableNeedDrain = true;
    const seen: number[] = [];
    pull(source.messages, outlet).subscribe((n) => seen.push(n));
    for (const n of [1, 2, 3]) {
      await eventually(() => expect(outlet.listenerCount('drain')).toBe(1));
      expect([seen.length, source.produced]).toEqual([n, n]);
      outlet.emit('drain');
    }
    await eventually(() => expect(source.closed).toBe(1));
  });

  it('fail as their source does, and do not close it then', async () => {
    let closed = false;
    const broken = {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.reject(new Error('broken')),
        return: () => Promise.resolve({ done: true as const, value: (closed = true) }),
      }),
    };
    await expect(lastValueFrom(pull(broken, new FakeOutlet()))).rejects.toThrow('broken');
    expect(closed).toBe(false);
  });

  it('are waited for where they are promises, one at a time', async () => {
    const resolvers: ((n: number) => void)[] = [];
    function* generate(): Generator<Promise<number>> {
      for (let i = 0; i < 10; i += 1) yield new Promise((resolve) => resolvers.push(resolve));
    }
    const seen: unknown[] = [];
    const subscription = pull<unknown>(generate(), new FakeOutlet()).subscribe((n) => seen.push(n));
    for (const n of [1, 2, 3]) {
      await eventually(() => expect(resolvers).toHaveLength(n));
      await new Promise((resolve) => setImmediate(resolve));
      expect([seen.length, resolvers.length]).toEqual([n - 1, n]);
      resolvers[n - 1]!(n);
    }
    await eventually(() => expect(seen).toEqual([1, 2, 3]));
    subscription.unsubscribe();
  });

  it('fail with the first promise that is refused, and close their source', async () => {
    let closed = false;
    function* generate(): Generator<Promise<number>> {
      try {
        yield Promise.resolve(1);
        yield Promise.reject(new Error('refused'));
      } finally {
        closed = true;
      }
    }
    await expect(lastValueFrom(pull(generate(), new FakeOutlet()))).rejects.toThrow('refused');
    expect(closed).toBe(true);
  });

  it('close their source where nobody wants them any more, while it waits for the outlet, too', async () => {
    const outlet = new FakeOutlet();
    outlet.writableNeedDrain = true;
    const source = counting(3);
    const subscription = pull(source.messages, outlet).subscribe();
    await eventually(() => expect(outlet.listenerCount('drain')).toBe(1));
    subscription.unsubscribe();
    await eventually(() => expect(source.closed).toBe(1));
    expect(source.produced).toBe(1);
  });
});

it('takes what can be iterated for messages, but not bytes and texts', () => {
  expect([[], counting(0).messages, new Set()].map(isIterable)).toEqual([true, true, true]);
  expect([new Uint8Array(1), 'text', {}, null, undefined].map(isIterable)).toEqual([false, false, false, false, false]);
});
