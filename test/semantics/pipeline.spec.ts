import { Metadata, status } from '@grpc/grpc-js';
import {
  BadRequestException,
  ForbiddenException,
  RequestTimeoutException,
  UnauthorizedException,
} from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { eventually } from 'rookery/testing';
import { catchError, map, NEVER, of, switchMap, tap, throwError, timeout } from 'rxjs';
import { describe, expect } from 'vitest';
import type { ScopedRequest, Script } from './controller.js';
import { failed } from './expected.js';
import { outcomeOf, plain, type Plain } from './record.js';
import { piped, suiteOf, twice } from './semantics.stage.js';
import type { Message } from './contract.js';

const { alike } = suiteOf();

const gone = () => new RpcException({ code: status.NOT_FOUND, message: 'gone' });
const INTERNAL_ERROR = failed(status.UNKNOWN, 'Internal server error');

describe('a guard', () => {
  const forbidden = failed(status.PERMISSION_DENIED, 'Forbidden resource');
  for (const [name, guard, expected] of [
    ['lets through', () => true, { answer: { text: 'a' } }],
    ['lets through later', async () => true, { answer: { text: 'a' } }],
    ['refuses', () => false, forbidden],
    ['refuses later', async () => false, forbidden],
    ['refuses by an Observable', () => of(false), forbidden],
    [
      'throws',
      () => {
        throw new UnauthorizedException('who are you');
      },
      failed(status.UNAUTHENTICATED, 'who are you'),
    ],
    ['throws later', () => Promise.reject(gone()), failed(status.NOT_FOUND, 'gone')],
    ['fails', () => Promise.reject(new Error('secret')), INTERNAL_ERROR],
  ] as const)
    alike(
      `${name}`,
      async (caller, { script }) => {
        let asked = 0;
        script.guard = guard;
        script.piped = (message) => {
          asked += 1;
          return message;
        };
        return { ...(await piped(caller, { text: 'a' })), asked };
      },
      { ...twice(expected), asked: 'answer' in expected ? 2 : 0 },
    );

  alike(
    'sees the message, the metadata, the call, the handler and its class',
    async (caller, { script }) => {
      let all: unknown;
      script.guard = (context) => {
        const rpc = context.switchToRpc();
        const [message, metadata, call] = context.getArgs<[Message, Metadata, { getPath(): string }]>();
        all = {
          type: context.getType(),
          handler: context.getHandler().name,
          class: context.getClass().name,
          data: rpc.getData<Message>(),
          context: rpc.getContext<Metadata>(),
          same: [rpc.getData() === message, rpc.getContext() === metadata],
          path: call.getPath(),
          args: context.getArgs().length,
        };
        return true;
      };
      await caller.semantics.piped({ text: 'a' }, { metadata: { 'x-a': '1' } });
      return all;
    },
    {
      type: 'rpc',
      handler: 'piped',
      class: 'SemanticsController',
      data: { text: 'a' },
      context: { 'user-agent': ['grpc-node-js/#'], 'x-a': ['1'] },
      same: [true, true],
      path: '/semantics.Semantics/Piped',
      args: 3,
    },
  );
});

describe('a pipe', () => {
  alike(
    'changes the message',
    (caller, { script }) => {
      script.pipe = (message) => ({ ...(message as Message), n: 7 });
      return piped(caller, { text: 'a' });
    },
    twice({ answer: { text: 'a', n: 7 } }),
  );
  alike(
    'refuses it',
    (caller, { script }) => {
      script.pipe = () => {
        throw new BadRequestException(['text must be longer', 'n must be a number']);
      };
      return piped(caller);
    },
    twice(failed(status.INVALID_ARGUMENT, 'text must be longer, n must be a number')),
  );
  alike(
    'refuses it later',
    (caller, { script }) => {
      script.pipe = () => Promise.reject(gone());
      return piped(caller);
    },
    twice(failed(status.NOT_FOUND, 'gone')),
  );
});

describe('an interceptor', () => {
  for (const [name, intercept, expected] of [
    [
      'maps the answer',
      (_, next) => next.handle().pipe(map(() => ({ text: 'mapped' }))),
      { answer: { text: 'mapped' } },
    ],
    [
      'waits for something',
      (_, next) => next.handle().pipe(switchMap((answer) => Promise.resolve(answer))),
      { answer: { text: 'a' } },
    ],
    ['answers itself', () => of({ text: 'cached' }), { answer: { text: 'cached' } }],
    [
      'throws before',
      () => {
        throw new ForbiddenException('closed');
      },
      failed(status.PERMISSION_DENIED, 'closed'),
    ],
    [
      'fails behind',
      (_, next) => next.handle().pipe(switchMap(() => throwError(gone))),
      failed(status.NOT_FOUND, 'gone'),
    ],
    [
      'fails in its own code',
      (_, next) =>
        next.handle().pipe(
          map(() => {
            throw new Error('secret');
          }),
        ),
      INTERNAL_ERROR,
    ],
    [
      'has no answer',
      () => of(undefined),
      failed(
        status.INTERNAL,
        "the handler of semantics.Semantics/Piped gave no message. Return one, or throw new RpcException({ code: status.NOT_FOUND, message: '…' }).",
      ),
    ],
  ] as const satisfies readonly (readonly [string, Script['intercept'], object])[])
    alike(
      `${name}`,
      (caller, { script }) => {
        script.intercept = intercept;
        return piped(caller, { text: 'a' });
      },
      twice(expected),
    );

  alike(
    'makes another error of an error',
    (caller, { script }) => {
      script.piped = () => throwError(gone);
      script.intercept = (_, next) =>
        next
          .handle()
          .pipe(catchError(() => throwError(() => new RpcException({ code: status.ABORTED, message: 'other' }))));
      return piped(caller);
    },
    twice(failed(status.ABORTED, 'other')),
  );

  alike(
    'ends a handler that takes too long',
    (caller, { script }) => {
      script.piped = () => NEVER;
      script.intercept = (_, next) =>
        next
          .handle()
          .pipe(timeout({ each: 20, with: () => throwError(() => new RequestTimeoutException('too slow')) }));
      return piped(caller);
    },
    twice(
      failed(status.DEADLINE_EXCEEDED, 'too slow', {
        reason: 'ROOKERY_CALL_TIMEOUT',
        note: ' (the default of 5000 ms: set timeoutMs for the call or the client, 0 for none)',
      }),
    ),
  );

  alike(
    'is left with its handler when the client gives up',
    async ({ semantics }, { script }) => {
      const heard: string[] = [];
      script.piped = () => NEVER;
      script.intercept = (_, next) =>
        next.handle().pipe(tap({ subscribe: () => heard.push('subscribed'), unsubscribe: () => heard.push('left') }));
      const abort = new AbortController();
      const outcome = outcomeOf(semantics.piped({}, { signal: abort.signal }));
      await eventually(() => expect(heard).toEqual(['subscribed']));
      abort.abort();
      await outcome;
      await eventually(() => expect(heard).toHaveLength(2));
      return heard;
    },
    ['subscribed', 'left'],
  );
});

describe('the pipeline', () => {
  alike(
    'runs in the order of Nest',
    async (caller, { script }) => {
      const order: string[] = [];
      const step = <T>(name: string, value: T): T => {
        order.push(name);
        return value;
      };
      script.guard = () => step('guard', true);
      script.intercept = (_, next) => {
        order.push('before');
        return next.handle().pipe(tap(() => order.push('after')));
      };
      script.pipe = (message) => step('pipe', message);
      script.piped = (message) => step('handler', message);
      await caller.semantics.piped({});
      return order;
    },
    ['guard', 'before', 'pipe', 'handler', 'after'],
  );

  alike(
    'of one call does not hold up that of another',
    async (caller, { script }) => {
      let open!: (value: boolean) => void;
      script.guard = (context) =>
        context.getArgByIndex<Message>(0).text === 'slow' ? new Promise((resolve) => (open = resolve)) : true;
      const order: string[] = [];
      const slow = caller.semantics.piped({ text: 'slow' }).then(() => order.push('slow'));
      await eventually(() => expect(open).toBeTypeOf('function'));
      await caller.semantics.piped({ text: 'fast' }).then(() => order.push('fast'));
      open(true);
      await slow;
      return order;
    },
    ['fast', 'slow'],
  );
});

describe('a provider of one call', () => {
  alike(
    'is made for each call, the same for all who want it there, and sees message and metadata',
    async ({ semantics }, { script }) => {
      const made = new Set<unknown>();
      const all: Plain[] = [];
      script.scoped = (request: ScopedRequest, provider) => {
        made.add(provider);
        all.push({ same: provider.request === request, n: request.data.n ?? 0, a: plain(request.context.get('x-a')) });
        return { n: request.data.n };
      };
      const answers = await Promise.all(
        [1, 2, 3].map((n) => semantics.scoped({ n }, { metadata: { 'x-a': `of ${n}` } })),
      );
      return { answers, all: all.toSorted((a: any, b: any) => a.n - b.n), made: made.size };
    },
    {
      answers: [{ n: 1 }, { n: 2 }, { n: 3 }],
      all: [1, 2, 3].map((n) => ({ same: true, n, a: [`of ${n}`] })),
      made: 3,
    },
  );

  alike(
    'may fail as any',
    async ({ semantics }, { script }) => {
      script.scoped = () => Promise.reject(gone());
      return outcomeOf(semantics.scoped({}));
    },
    failed(status.NOT_FOUND, 'gone'),
  );

  alike(
    'are as many as there are calls at once',
    async ({ semantics }, { script }) => {
      const made = new Set<unknown>();
      script.scoped = ({ data }, provider) => {
        made.add(provider);
        return Promise.resolve(data);
      };
      const answers = await Promise.all(Array.from({ length: 500 }, (_, n) => semantics.scoped({ n: n + 1 })));
      return { made: made.size, right: answers.every(({ n }, i) => n === i + 1) };
    },
    { made: 500, right: true },
  );
});
