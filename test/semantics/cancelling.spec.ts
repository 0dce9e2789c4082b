import { Metadata, status } from '@grpc/grpc-js';
import { RpcException } from '@nestjs/microservices';
import { eventually } from 'rookery/testing';
import { Observable, Subject } from 'rxjs';
import { describe, expect } from 'vitest';
import { CANCELLED, failed } from './expected.js';
import { outcomeOf, plain, type Plain } from './record.js';
import { suiteOf, type SemanticsStage } from './semantics.stage.js';

const { alike } = suiteOf();

const ABORTED = { cause: 'AbortError: This operation was aborted' };
const aborted = failed(status.CANCELLED, 'Cancelled on client', ABORTED);

/** A handler that does not answer before the case says so, and what it hears. */
function holding({ script }: SemanticsStage) {
  const heard: Plain[] = [];
  const gate = new Subject<object>();
  let asked = 0;
  script.ask = (_, __, call) => {
    asked += 1;
    heard.push('asked', call.cancelled);
    call.on('cancelled', (why: unknown) => heard.push('cancelled', call.cancelled, plain(why)));
    return new Promise((resolve) => gate.subscribe({ next: resolve }));
  };
  return {
    heard,
    answer: (message: object) => gate.next(message),
    asked: (n = 1) => eventually(() => expect(asked).toBe(n)),
    cancelled: () => eventually(() => expect(heard).toContain('cancelled')),
  };
}

describe('a call that its client gives up', () => {
  alike(
    'before it was made is not made',
    async ({ semantics }, stage) => {
      const { heard } = holding(stage);
      return { outcome: await outcomeOf(semantics.ask({}, { signal: AbortSignal.abort() })), heard };
    },
    {
      outcome: failed(status.CANCELLED, 'Cancelled before it was sent', { ...ABORTED, instance: false, attempts: 0 }),
      heard: [],
    },
    'nothing',
  );

  alike(
    'in the turn in which it was made ends as cancelled',
    async ({ semantics }) => {
      const abort = new AbortController();
      const outcome = outcomeOf(semantics.ask({}, { signal: abort.signal }));
      abort.abort();
      // Behind it, it has arrived, if it does at all.
      await semantics.ask({});
      const { error } = (await outcome) as { error: { code: number; details: string; cause: string } };
      return { code: error.code, details: error.details, cause: error.cause };
    },
    { code: status.CANCELLED, details: 'Cancelled on client', ...ABORTED },
    'any',
  );

  alike(
    'while its handler works ends at once, and the handler hears of it',
    async ({ semantics }, stage) => {
      const { heard, asked, cancelled } = holding(stage);
      const abort = new AbortController();
      const outcome = outcomeOf(semantics.ask({}, { signal: abort.signal }));
      await asked();
      abort.abort();
      const ended = await outcome;
      await cancelled();
      return { ended, heard };
    },
    { ended: aborted, heard: ['asked', false, 'cancelled', true, 'cancelled'] },
  );

  alike(
    'has the reason of the signal as its cause',
    async ({ semantics }, stage) => {
      const { asked } = holding(stage);
      const abort = new AbortController();
      const outcome = outcomeOf(semantics.ask({}, { signal: abort.signal }));
      await asked();
      abort.abort(new RangeError('no longer wanted'));
      return outcome;
    },
    failed(status.CANCELLED, 'Cancelled on client', { cause: 'RangeError: no longer wanted' }),
  );

  alike(
    'by a signal of its time has that as its cause',
    async ({ semantics }, stage) => {
      const { asked } = holding(stage);
      const outcome = outcomeOf(semantics.ask({}, { signal: AbortSignal.timeout(300) }));
      await asked();
      return outcome;
    },
    failed(status.CANCELLED, 'Cancelled on client', {
      cause: 'TimeoutError: The operation was aborted due to timeout',
    }),
  );

  alike(
    'may be answered by its handler, and nobody hears it',
    async ({ semantics }, stage) => {
      const { answer, asked, cancelled } = holding(stage);
      const abort = new AbortController();
      const outcome = outcomeOf(semantics.ask({}, { signal: abort.signal }));
      await asked();
      abort.abort();
      await cancelled();
      answer({ text: 'late' });
      stage.script.ask = (message) => message;
      const next = await Promise.all(Array.from({ length: 20 }, (_, n) => semantics.ask({ n: n + 1 })));
      return { outcome: await outcome, next: next.map(({ n }) => n ?? null) };
    },
    { outcome: aborted, next: Array.from({ length: 20 }, (_, n) => n + 1) },
  );

  alike(
    'may be refused by its handler, and nobody hears it',
    async ({ semantics }, { script }) => {
      const abort = new AbortController();
      let cancelled = false;
      script.ask = (_, __, call) =>
        new Promise((_resolve, reject) => {
          call.on('cancelled', () => {
            cancelled = true;
            reject(new RpcException({ code: status.ABORTED, message: 'late' }));
          });
          setImmediate(() => abort.abort());
        });
      const outcome = await outcomeOf(semantics.ask({}, { signal: abort.signal }));
      await eventually(() => expect(cancelled).toBe(true));
      return outcome;
    },
    aborted,
  );

  alike(
    'and that has been answered stays answered',
    async ({ semantics }, { script }) => {
      const abort = new AbortController();
      script.ask = (message) => message;
      const outcome = await outcomeOf(semantics.ask({ text: 'a' }, { signal: abort.signal }));
      abort.abort();
      return { outcome, next: await outcomeOf(semantics.ask({ text: 'b' })) };
    },
    { outcome: { answer: { text: 'a' } }, next: { answer: { text: 'b' } } },
  );

  alike(
    'together with others by one signal ends each of them, and those of another go on',
    async ({ semantics }, stage) => {
      const { heard, answer, asked } = holding(stage);
      const abort = new AbortController();
      const other = new AbortController();
      const ask = (signal: AbortSignal) => outcomeOf(semantics.ask({}, { signal }));
      const all = Promise.all([...Array.from({ length: 10 }, () => ask(abort.signal)), ask(other.signal)]);
      await asked(11);
      abort.abort();
      await eventually(() => expect(heard.filter((one) => one === true)).toHaveLength(10));
      answer({ text: 'kept' });
      return all;
    },
    [...Array.from({ length: 10 }, () => aborted), { answer: { text: 'kept' } }],
  );

  alike(
    "has its handler's Observable left",
    async ({ semantics }, { script }) => {
      const heard: string[] = [];
      script.ask = (_, __, call) => {
        call.on('cancelled', () => heard.push('cancelled'));
        return new Observable(() => {
          heard.push('subscribed');
          return () => heard.push('left');
        });
      };
      const abort = new AbortController();
      const outcome = outcomeOf(semantics.ask({}, { signal: abort.signal }));
      await eventually(() => expect(heard).toEqual(['subscribed']));
      abort.abort();
      await eventually(() => expect(heard).toHaveLength(3));
      return { outcome: await outcome, heard: heard.toSorted() };
    },
    { outcome: aborted, heard: ['cancelled', 'left', 'subscribed'] },
  );
});

describe('a handler', () => {
  for (const [name, answer, expected] of [
    ['answered', () => ({ text: 'a' }), { answer: { text: 'a' } }],
    [
      'refused',
      () => {
        throw new RpcException({ code: status.ABORTED, message: 'no' });
      },
      failed(status.ABORTED, 'no'),
    ],
  ] as const)
    alike(
      `hears \`cancelled\`, as from grpc-js, of a call that it ${name}, when that is over`,
      async ({ semantics }, { script }) => {
        const heard: Plain[] = [];
        script.ask = (_, __, call) => {
          call.on('cancelled', (why: unknown) => heard.push('cancelled', call.cancelled, plain(why)));
          return answer();
        };
        const outcome = await outcomeOf(semantics.ask({}));
        await eventually(() => expect(heard).toContain('cancelled'));
        return { outcome, heard };
      },
      { outcome: expected, heard: ['cancelled', true, 'cancelled'] },
    );
});

describe('an Observable of a call', () => {
  alike(
    'that is left cancels it, and says nothing more',
    async ({ observables }, stage) => {
      const { heard, asked, cancelled, answer } = holding(stage);
      const told: Plain[] = [];
      const subscription = observables.ask({}).subscribe({
        next: (message) => told.push(plain(message)),
        error: (error: unknown) => told.push(plain(error)),
        complete: () => told.push('complete'),
      });
      await asked();
      subscription.unsubscribe();
      await cancelled();
      answer({});
      return { heard, told };
    },
    { heard: ['asked', false, 'cancelled', true, 'cancelled'], told: [] },
  );

  alike(
    "that is left has its handler's Observable left",
    async ({ observables }, { script }) => {
      const heard: string[] = [];
      script.ask = (_, __, call) => {
        call.on('cancelled', () => heard.push('cancelled'));
        return new Observable(() => {
          heard.push('subscribed');
          return () => heard.push('left');
        });
      };
      const subscription = observables.ask({}).subscribe({ error: () => heard.push('error') });
      await eventually(() => expect(heard).toEqual(['subscribed']));
      subscription.unsubscribe();
      await eventually(() => expect(heard).toHaveLength(3));
      return heard.toSorted();
    },
    ['cancelled', 'left', 'subscribed'],
  );

  alike(
    'makes no call before somebody subscribes, and one for each who does',
    async ({ observables }, { script }) => {
      let asked = 0;
      script.ask = () => ({ n: (asked += 1) });
      const answers = observables.ask({});
      const before = asked;
      const [one, two] = [await first(answers), await first(answers)];
      return { before, one, two };
    },
    { before: 0, one: [{ n: 1 }, 'complete'], two: [{ n: 2 }, 'complete'] },
  );

  alike(
    'that is left in the turn in which it was subscribed to says nothing',
    async ({ observables, semantics }, { script }) => {
      script.ask = (message) => message;
      const told: Plain[] = [];
      observables
        .ask({ text: 'left' })
        .subscribe({ next: () => told.push('next'), error: () => told.push('error') })
        .unsubscribe();
      return { told, next: await outcomeOf(semantics.ask({ text: 'next' })) };
    },
    { told: [], next: { answer: { text: 'next' } } },
  );
});

describe('a call of grpc-js', () => {
  alike(
    'that is cancelled ends alike',
    async ({ raw }, stage) => {
      const { heard, asked, cancelled } = holding(stage);
      const outcome = new Promise((resolve, reject) => {
        const call = raw.ask({}, new Metadata(), {}, (error, answer) => (error ? reject(error) : resolve(answer)));
        void asked().then(() => call.cancel());
      });
      const ended = await outcomeOf(outcome);
      await cancelled();
      return { ended, heard };
    },
    { ended: CANCELLED, heard: ['asked', false, 'cancelled', true, 'cancelled'] },
    'any',
  );

  alike(
    'says in its status what its callback says',
    async ({ raw }, stage) => {
      stage.script.ask = (message) => message;
      const events: Plain[] = [];
      await new Promise<void>((resolve) => {
        const call = raw.ask(
          { text: 'a' },
          new Metadata(),
          {},
          (error, answer) => void events.push(['callback', plain(error), plain(answer)]),
        );
        call.on('metadata', () => events.push('metadata'));
        call.on('status', ({ code }) => {
          events.push(['status', code]);
          setImmediate(resolve);
        });
      });
      return events;
    },
    ['metadata', ['callback', null, { text: 'a' }], ['status', 0]],
    'any',
  );
});

function first(answers: Observable<unknown>): Promise<Plain[]> {
  const told: Plain[] = [];
  return new Promise((resolve) =>
    answers.subscribe({
      next: (message) => told.push(plain(message)),
      complete: () => resolve([...told, 'complete']),
    }),
  );
}
