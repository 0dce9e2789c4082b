import { status } from '@grpc/grpc-js';
import { detached } from 'rookery';
import { NEVER, Observable } from 'rxjs';
import { eventually } from 'rookery/testing';
import { describe, expect } from 'vitest';
import { BY_DEFAULT, failed, TIMED_OUT } from './expected.js';
import { observed, suiteOf, both, twice, type Caller, type SemanticsStage } from './semantics.stage.js';
import { outcomeOf, plain, type Plain } from './record.js';

const { alike } = suiteOf({
  clients: { hasty: { timeoutMs: 150 }, calm: { timeoutMs: 3000 }, patient: { timeoutMs: 0 } },
});

const MINUTE = 60_000;
const REASON = { reason: 'ROOKERY_CALL_TIMEOUT' };

/** How long a handler may take, in parts of what is expected: between the half and all of it counts as it. */
function left(deadline: Date | number, expected: number): Plain {
  if (deadline === Infinity) return 'none';
  const ms = Number(deadline) - Date.now();
  return ms > expected / 2 && ms <= expected + 20 ? 'as expected' : `${ms} of ${expected} ms`;
}

/** What the handler sees of the deadlines of two calls. */
async function told(
  { semantics, observables }: Caller,
  { script }: SemanticsStage,
  options: object,
  expected: number,
): Promise<Plain[]> {
  const all: Plain[] = [];
  script.ask = (message, _, call) => {
    const deadline = call.getDeadline();
    all.push(typeof deadline, left(deadline, expected));
    return message;
  };
  await semantics.ask({}, options);
  await observed(observables.ask({}, options));
  return all;
}

describe('a deadline', () => {
  for (const [name, options, expected, client] of [
    ['of the default', {}, 5000, 'semantics'],
    ['of the call', { timeoutMs: MINUTE }, MINUTE, 'semantics'],
    ['of the call, for longer than the default', { timeoutMs: 10 * MINUTE }, 10 * MINUTE, 'semantics'],
    ['of hours', { timeoutMs: 100 * 60 * MINUTE }, 100 * 60 * MINUTE, 'semantics'],
    ['of the client', {}, 3000, 'calm'],
    ['of a call of a client without one', { timeoutMs: MINUTE }, MINUTE, 'patient'],
  ] as const)
    alike(`${name} is told to the handler`, (caller, stage) => told(caller.named(client), stage, options, expected), [
      'number',
      'as expected',
      'number',
      'as expected',
    ]);

  for (const [name, deadline] of [
    ['a Date', () => new Date(Date.now() + MINUTE)],
    ['a number', () => Date.now() + MINUTE],
  ] as const)
    alike(
      `given as ${name} is told to the handler`,
      (caller, stage) => told(caller, stage, { deadline: deadline() }, MINUTE),
      ['number', 'as expected', 'number', 'as expected'],
    );

  for (const [name, options, client] of [
    ['of 0', { timeoutMs: 0 }, 'semantics'],
    ['of a client without one', {}, 'patient'],
    ['beyond the longest timer', { timeoutMs: 2 ** 31 }, 'semantics'],
    ['that is infinite', { deadline: Infinity }, 'semantics'],
  ] as const)
    alike(`${name} is none`, (caller, stage) => told(caller.named(client), stage, options, 0), [
      'number',
      'none',
      'number',
      'none',
    ]);

  for (const [name, answer] of [
    ['a promise', () => new Promise(() => {})],
    ['an Observable', () => NEVER],
  ] as const)
    alike(
      `ends the call of a handler that never answers: ${name}`,
      (caller, { script }) => {
        script.ask = answer;
        return both(caller, {}, { timeoutMs: 150 });
      },
      twice(TIMED_OUT),
    );

  alike(
    'of the client names itself in the error',
    (caller, { script }) => {
      script.ask = () => NEVER;
      return both(caller.named('hasty'));
    },
    twice(
      failed(status.DEADLINE_EXCEEDED, 'Deadline exceeded after #s,remote_addr=127.0.0.1:#', {
        ...REASON,
        note: BY_DEFAULT.replace('5000', '150'),
      }),
    ),
  );

  for (const [name, options] of [
    ['a number', () => ({ deadline: Date.now() - 1000 })],
    ['a Date', () => ({ deadline: new Date(0) })],
  ] as const)
    alike(
      `that is over is known before the call is sent: ${name}`,
      async (caller, { script }) => {
        let asked = 0;
        script.ask = (message) => {
          asked += 1;
          return message;
        };
        return { ...(await both(caller, {}, options())), asked };
      },
      {
        ...twice(
          failed(status.DEADLINE_EXCEEDED, 'Deadline exceeded before the call was made', {
            ...REASON,
            instance: false,
            attempts: 0,
          }),
        ),
        asked: 0,
      },
      'nothing',
    );

  for (const [name, options, message] of [
    ['negative', { timeoutMs: -1 }, 'timeoutMs: found -1. Use milliseconds, or 0 for none.'],
    ['no number', { timeoutMs: '5' }, 'timeoutMs: found "5". Use milliseconds, or 0 for none.'],
    ['no time', { deadline: 'soon' }, 'deadline: found "soon". Use a Date, or milliseconds since 1970.'],
  ] as const)
    alike(
      `that is ${name} is refused where the call is made`,
      async ({ semantics, observables }) => ({
        promise: plain(await semantics.ask({}, options as object).catch((error: unknown) => error)),
        observable: plain(
          await observed(observables.ask({}, options)).then(({ error }: any) => error.message as string),
        ),
      }),
      {
        promise: `RookeryError: ROOKERY_OPTION_INVALID at call of semantics (semantics.Semantics/Ask), options.${message}`,
        observable: `ROOKERY_OPTION_INVALID at call of semantics (semantics.Semantics/Ask), options.${message}`,
      },
      'nothing',
    );

  alike(
    'is heard of by the handler as a cancelled call, and what it answers later is for nobody',
    async (caller, { script }) => {
      const all: Plain[] = [];
      let answer!: (message: object) => void;
      script.ask = (_, __, call) => {
        all.push(call.cancelled);
        call.on('cancelled', (why: unknown) => all.push('cancelled', call.cancelled, plain(why)));
        return new Promise((resolve) => (answer = resolve));
      };
      const outcome = await outcomeOf(caller.semantics.ask({}, { timeoutMs: 150 }));
      await eventually(() => expect(all).toHaveLength(4));
      answer({ text: 'late' });
      script.ask = (message) => message;
      return { outcome, all, next: await outcomeOf(caller.semantics.ask({ text: 'next' })) };
    },
    { outcome: TIMED_OUT, all: [false, 'cancelled', true, 'cancelled'], next: { answer: { text: 'next' } } },
  );

  alike(
    "unsubscribes from the handler's Observable",
    async (caller, { script }) => {
      const all: string[] = [];
      script.ask = () =>
        new Observable(() => {
          all.push('subscribed');
          return () => all.push('unsubscribed');
        });
      const outcome = await outcomeOf(caller.semantics.ask({}, { timeoutMs: 150 }));
      await eventually(() => expect(all).toHaveLength(2));
      return { outcome, all };
    },
    { outcome: TIMED_OUT, all: ['subscribed', 'unsubscribed'] },
  );

  alike(
    'is that of each call alone, however many there are',
    async ({ semantics }, { script }) => {
      script.ask = () => new Promise(() => {});
      const times = Array.from({ length: 50 }, (_, i) => 20 + 3 * i);
      const startedAt = Date.now();
      const order: number[] = [];
      await Promise.all(
        times.map((timeoutMs, i) =>
          semantics.ask({}, { timeoutMs }).catch(() => {
            // Not before its time; a millisecond is what the clocks differ by.
            if (Date.now() - startedAt >= timeoutMs - 2) order.push(i);
          }),
        ),
      );
      script.ask = (message) => message;
      const after = await Promise.all(times.map((n) => semantics.ask({ n })));
      return { count: order.length, after: after.every(({ n }, i) => n === times[i]) };
    },
    { count: 50, after: true },
  );

  alike(
    'that a handler says itself is a status like any other',
    (caller, { script }) => {
      script.ask = () => Promise.reject(Object.assign(new Error(), { getError: () => ({ code: 4, message: 'mine' }) }));
      return both(caller, {}, { timeoutMs: MINUTE });
    },
    twice(failed(status.DEADLINE_EXCEEDED, 'mine', REASON)),
  );
});

describe('the deadline of a call that is made for another', () => {
  /** The outer call, whose handler makes the inner one. */
  async function nested(
    { semantics }: Caller,
    { script }: SemanticsStage,
    [outer, inner, expected]: readonly [object, object, number],
    around: <T>(fn: () => T) => T = (fn) => fn(),
  ): Promise<Plain> {
    let all: Plain = null;
    script.ask = async (message, _, call) => {
      if (message.text === 'outer') return around(() => semantics.ask({ text: 'inner' }, inner));
      all = left(call.getDeadline(), expected);
      return message;
    };
    return plain({ outcome: await outcomeOf(semantics.ask({ text: 'outer' }, outer)), inner: all });
  }

  for (const [name, times, inner] of [
    ['is capped by it', [{ timeoutMs: 2000 }, { timeoutMs: MINUTE }, 2000], 'as expected'],
    ['is capped by it where it says nothing', [{ timeoutMs: 2000 }, {}, 2000], 'as expected'],
    ['is capped by it where it wants none', [{ timeoutMs: 2000 }, { timeoutMs: 0 }, 2000], 'as expected'],
    ['is its own where that is shorter', [{ timeoutMs: MINUTE }, { timeoutMs: 2000 }, 2000], 'as expected'],
    ['is the default where the other has none', [{ timeoutMs: 0 }, {}, 5000], 'as expected'],
    ['is none where both have none', [{ timeoutMs: 0 }, { timeoutMs: 0 }, 0], 'none'],
  ] as const)
    alike(name, (caller, stage) => nested(caller, stage, times), { outcome: { answer: { text: 'inner' } }, inner });

  alike(
    'is its own where it is detached',
    (caller, stage) => nested(caller, stage, [{ timeoutMs: 2000 }, { timeoutMs: MINUTE }, MINUTE], detached),
    { outcome: { answer: { text: 'inner' } }, inner: 'as expected' },
  );

  alike(
    'says in the error whose it was',
    async ({ semantics }, { script }) => {
      let inner: Plain = null;
      script.ask = async ({ text }) => {
        if (text === 'inner') return new Promise(() => {});
        inner = plain(await outcomeOf(semantics.ask({ text: 'inner' }, { timeoutMs: MINUTE })));
        return {};
      };
      await semantics.ask({ text: 'outer' }, { timeoutMs: 300 }).catch(() => {});
      await eventually(() => expect(inner).not.toBeNull());
      return inner;
    },
    failed(status.DEADLINE_EXCEEDED, 'Deadline exceeded after #s,remote_addr=127.0.0.1:#', {
      ...REASON,
      note: ' (the deadline of the incoming call that it was made for: its client waits no longer. Give that call more time, or run what outlives it in detached())',
    }),
  );
});
