import { AsyncLocalStorage } from 'node:async_hooks';
import { setMaxListeners } from 'node:events';
import { Metadata, status } from '@grpc/grpc-js';
import { RpcException } from '@nestjs/microservices';
import { currentLane, withLane } from 'rookery';
import { eventually, seededRandom } from 'rookery/testing';
import { firstValueFrom, from, map, mergeMap, toArray, type Observable } from 'rxjs';
import { describe, expect } from 'vitest';
import type { Plain } from './record.js';
import { suiteOf } from './semantics.stage.js';

const { alike } = suiteOf({ client: { timeoutMs: 60_000 } });

/** A machine that has other work, too, takes its time for 10 000 plain calls. */
describe('many calls at once', { timeout: 120_000 }, () => {
  alike(
    'are each given their own answer: 10 000',
    async ({ semantics }, { script }) => {
      script.ask = ({ n, text }) => ({ n: n! * 2, text: `${text} answered` });
      const answers = await Promise.all(
        Array.from({ length: 10_000 }, (_, n) => semantics.ask({ n: n + 1, text: `call ${n}` })),
      );
      return answers.filter(({ n, text }, i) => n !== (i + 1) * 2 || text !== `call ${i} answered`).length;
    },
    0,
  );

  alike(
    'are each given their own end: answers, errors, late ones, cancelled ones and those whose time is over',
    async ({ semantics }, { script }) => {
      const random = seededRandom(7);
      script.ask = async ({ n }) => {
        if (n! % 5 === 1) throw new RpcException({ code: status.ABORTED, message: `of ${n}` });
        if (n! % 5 === 2) return new Promise(() => {});
        if (n! % 5 === 3) return new Promise(() => {});
        if (n! % 5 === 4) await new Promise((resolve) => setImmediate(resolve));
        return { n, data: Buffer.alloc(Math.floor(random() * 3000), n) };
      };
      const abort = new AbortController();
      setMaxListeners(0, abort.signal);
      // Node ends an HTTP/2 session that has a thousand of its calls given up at once.
      const calls = Array.from({ length: 500 }, (_, i) => {
        const n = i + 5;
        const options = n % 5 === 2 ? { timeoutMs: 300 } : n % 5 === 3 ? { signal: abort.signal } : {};
        return semantics.ask({ n }, options).then(
          (answer) => answer.n === n && (answer.data ?? []).every((byte) => byte === n % 256) && `answer ${n % 5}`,
          ({ code, details }: { code: number; details: string }) =>
            code === status.ABORTED ? details === `of ${n}` && `error ${n % 5}` : `code ${code} of ${n % 5}`,
        );
      });
      await calls[0];
      abort.abort();
      const counts: Record<string, number> = {};
      for (const ended of await Promise.all(calls)) counts[String(ended)] = (counts[String(ended)] ?? 0) + 1;
      return counts;
    },
    { 'answer 0': 100, 'error 1': 100, 'code 4 of 2': 100, 'code 1 of 3': 100, 'answer 4': 100 },
  );

  alike(
    'reach the handler in the order in which they were made',
    async ({ semantics }, { script }) => {
      const order: number[] = [];
      script.ask = ({ n }) => {
        order.push(n!);
        return {};
      };
      await semantics.ask({ n: 0 });
      await Promise.all(Array.from({ length: 500 }, (_, n) => semantics.ask({ n: n + 1 })));
      return order.every((n, i) => n === i);
    },
    true,
  );

  alike(
    'are answered in the order in which their handlers are done',
    async ({ semantics }, { script }) => {
      const gates: ((message: object) => void)[] = [];
      script.ask = ({ n }) => new Promise((resolve) => (gates[n! - 1] = resolve));
      const order: number[] = [];
      const calls = Array.from({ length: 100 }, (_, i) => semantics.ask({ n: i + 1 }).then(({ n }) => order.push(n!)));
      await eventually(() => expect(Object.keys(gates)).toHaveLength(100));
      for (let i = 99; i >= 0; i -= 1) gates[i]!({ n: i + 1 });
      await Promise.all(calls);
      return order;
    },
    Array.from({ length: 100 }, (_, i) => 100 - i),
  );

  alike(
    'do not wait for a slow one',
    async ({ semantics }, { script }) => {
      let open!: (message: object) => void;
      script.ask = (message) =>
        message.text === 'slow' ? new Promise((resolve) => (open = resolve)) : Promise.resolve(message);
      const ended: string[] = [];
      const slow = semantics.ask({ text: 'slow' }).then(() => ended.push('slow'));
      await eventually(() => expect(open).toBeTypeOf('function'));
      for (let n = 1; n <= 200; n += 1) await semantics.ask({ n });
      ended.push('200');
      open({});
      await slow;
      return ended;
    },
    ['200', 'slow'],
  );

  alike(
    'may each make another',
    async ({ semantics }, { script }) => {
      script.ask = async ({ n }) => ({ n: n === 0 ? 0 : (await semantics.ask({ n: n! - 1 })).n! + n! });
      const answers = await Promise.all(Array.from({ length: 50 }, () => semantics.ask({ n: 10 })));
      return answers.every(({ n }) => n === 55);
    },
    true,
  );

  alike(
    'may be made one for each value of an Observable',
    async ({ observables }, { script }) => {
      script.ask = ({ n }) => Promise.resolve({ n: n! * 2 });
      const numbers = Array.from({ length: 300 }, (_, i) => i + 1);
      const all = await firstValueFrom(
        from(numbers).pipe(
          mergeMap((n) => observables.ask({ n }).pipe(map((answer) => [n, answer.n] as const)), 20),
          toArray(),
        ),
      );
      return all.length === 300 && all.every(([n, twice]) => twice === n * 2);
    },
    true,
  );
});

describe('the context of asynchronous code', () => {
  const storage = new AsyncLocalStorage<string>();

  alike(
    'is that of the caller behind its Promise',
    async ({ semantics }) => {
      const ask = (name: string) =>
        storage.run(name, async () => {
          await semantics.ask({});
          return storage.getStore();
        });
      return Promise.all(['a', 'b', 'c'].map(ask));
    },
    ['a', 'b', 'c'],
  );

  alike(
    'is that of the caller in a callback of grpc-js, or none',
    async ({ raw }) => {
      const ask = (name: string) =>
        storage.run(
          name,
          () =>
            new Promise<Plain>((resolve) => raw.ask({}, new Metadata(), {}, () => resolve(storage.getStore() ?? null))),
        );
      return [await ask('a'), await ask('b'), await Promise.all(['c', 'd'].map(ask))];
    },
    ['a', 'b', ['c', 'd']],
    'any',
  );

  alike(
    'is that of the subscriber in an Observable',
    async ({ observables }) => {
      const ask = (name: string, answers: Observable<unknown>) =>
        storage.run(
          name,
          () => new Promise<Plain>((resolve) => answers.subscribe(() => resolve(storage.getStore() ?? null))),
        );
      return [
        await ask('a', observables.ask({})),
        await ask('b', observables.ask({})),
        await Promise.all(['c', 'd'].map((name) => ask(name, observables.ask({})))),
      ];
    },
    ['a', 'b', ['c', 'd']],
  );

  alike(
    'of a caller is not that of the handler',
    async ({ semantics }, { script }) => {
      const heard: Plain[] = [];
      script.ask = () => {
        heard.push(storage.getStore() ?? null);
        return {};
      };
      await semantics.ask({});
      await storage.run('caller', () => semantics.ask({}));
      await storage.run('caller', () => Promise.all([semantics.ask({}), semantics.ask({})]));
      return heard;
    },
    [null, null, null, null],
  );

  alike(
    'that a handler enters is its own: calls one after the other',
    async ({ semantics }, { script }) => {
      const heard: Plain[] = [];
      script.ask = async ({ text }) => {
        heard.push(storage.getStore() ?? null);
        storage.enterWith(text!);
        await Promise.resolve();
        heard.push(storage.getStore() ?? null);
        return {};
      };
      for (const text of ['a', 'b', 'c']) await semantics.ask({ text });
      return heard;
    },
    [null, 'a', null, 'b', null, 'c'],
  );

  alike(
    'that a handler enters is its own: handlers that answer in their turn',
    async ({ semantics }, { script }) => {
      const heard: Plain[] = [];
      script.ask = ({ text }) => {
        heard.push(storage.getStore() ?? null);
        storage.enterWith(text!);
        return {};
      };
      for (const text of ['a', 'b', 'c']) await semantics.ask({ text });
      await Promise.all(['d', 'e', 'f'].map((text) => semantics.ask({ text })));
      return heard;
    },
    Array(6).fill(null),
  );

  alike(
    'that a handler enters is its own: calls at once',
    async ({ semantics }, { script }) => {
      let wrong = 0;
      script.ask = async ({ text }) => {
        if (storage.getStore() !== undefined) wrong += 1;
        storage.enterWith(text!);
        for (let i = 0; i < 3; i += 1) {
          await new Promise((resolve) => setImmediate(resolve));
          if (storage.getStore() !== text) wrong += 1;
        }
        return {};
      };
      await Promise.all(Array.from({ length: 200 }, (_, i) => semantics.ask({ text: `call ${i}` })));
      return wrong;
    },
    0,
  );

  alike(
    'of a lane goes from the caller to the handler, and to no other call',
    async ({ semantics }, { script }) => {
      script.ask = async () => {
        await Promise.resolve();
        return { text: currentLane() ?? 'none' };
      };
      const ask = () => semantics.ask({}).then(({ text }) => text);
      return Promise.all([ask(), withLane('canary', ask), ask(), withLane('blue', ask), ask()]);
    },
    ['none', 'canary', 'none', 'blue', 'none'],
  );

  alike(
    'of a call is that of its `cancelled` listener, wherever that was added',
    async ({ semantics }, { script }) => {
      const heard: Plain[] = [];
      script.ask = (_, __, call) => {
        withLane('of-the-handler', () => call.on('cancelled', () => heard.push(currentLane() ?? null)));
        return {};
      };
      await withLane('canary', () => semantics.ask({}));
      await semantics.ask({});
      await eventually(() => expect(heard).toHaveLength(2));
      return heard;
    },
    ['canary', null],
  );
});
