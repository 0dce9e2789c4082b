import { EventEmitter } from 'node:events';
import { Metadata, status } from '@grpc/grpc-js';
import { GrpcMethodStreamingType, RpcException } from '@nestjs/microservices';
import { EMPTY, NEVER, Observable, of, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { grpcMethod, type Call, type GrpcMethod } from './grpc-method.js';

const type = {
  path: '/users.Users/Get',
  requestStream: false,
  responseStream: false,
  responseSerialize: (message: unknown) => Buffer.from((message as { name: string }).name),
};
const request = { id: 1 };
const ada = { name: 'Ada' };
const gone = { code: status.NOT_FOUND, message: 'gone' };
const UNKNOWN = { code: status.UNKNOWN, message: 'Internal server error' };

/** A call of a unary method, whose hooks are set or not. */
function unary(handler: (...args: any[]) => unknown, { hooked = false, answer = (): void => {} } = {}) {
  const seen = { answers: [] as unknown[], logged: [] as unknown[], hooks: [] as string[], hooked };
  const method = grpcMethod({
    handler,
    type,
    streaming: GrpcMethodStreamingType.NO_STREAMING,
    hooked: () => seen.hooked,
    around: (_, run) => {
      seen.hooks.push('start');
      void run(() => seen.hooks.push('end'));
    },
    logger: { error: (error: unknown) => seen.logged.push(error) },
  });
  const call = Object.assign(new EventEmitter(), { request, metadata: new Metadata(), cancelled: false });
  const callback: Parameters<GrpcMethod>[1] = (error, value) => {
    seen.answers.push(error ?? value);
    if (!error) answer();
  };
  const start = () => method(call as unknown as Call, callback);
  return { ...seen, seen, call, start };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

function fail(error: unknown): never {
  throw error;
}

describe.each([false, true])('a unary method, where hooks are set: %s', (hooked) => {
  const lost = new Error('the password is 1234');

  it.each<[string, () => unknown, unknown, number]>([
    ['a message', () => ada, ada, 0],
    ['a promise', async () => ada, ada, 0],
    // oxlint-disable-next-line unicorn/no-thenable -- such as a query that runs when it is waited for
    ['what can be waited for', () => ({ then: (resolve: (value: unknown) => void) => resolve(ada) }), ada, 0],
    ['an Observable', () => of(ada, { name: 'Bob' }), ada, 0],
    ['a promise of one', async () => of(Promise.resolve(ada)), ada, 0],
    ['an Observable whose message could be one', () => of(of(ada)), expect.any(Observable), 0],
    ['an Observable that cannot be subscribed to', () => ({ lift() {}, subscribe() {} }), UNKNOWN, 1],
    ['an exception', () => fail(new RpcException(gone)), gone, 0],
    ['a refused promise', async () => fail(new RpcException(gone)), gone, 0],
    ['an Observable that fails', async () => throwError(() => gone), gone, 0],
    ['one whose promise is refused', () => of(Promise.reject(new RpcException(gone))), gone, 0],
    ['an error that is nobody', async () => fail(lost), UNKNOWN, 1],
    ['nothing', () => undefined, expect.objectContaining({ code: status.INTERNAL }), 1],
    ['null', async () => null, expect.objectContaining({ code: status.INTERNAL }), 1],
    ['an Observable of nothing', async () => EMPTY, expect.objectContaining({ code: status.INTERNAL }), 1],
  ])('answers once with what the handler gives: %s', async (_, handler, answer, errors) => {
    const { start, answers, logged, hooks } = unary(handler, { hooked });
    start();
    await settled();
    expect(answers).toEqual([answer]);
    expect(logged).toHaveLength(errors);
    expect(hooks).toEqual(hooked ? ['start', 'end'] : []);
  });

  it('gives the handler the message, its metadata and the call', async () => {
    const given: unknown[] = [];
    const { start, call } = unary((...args) => given.push(...args), { hooked });
    start();
    await settled();
    expect(given.map((argument, i) => argument === [request, call.metadata, call][i])).toEqual([true, true, true]);
  });

  it.each<[string, () => unknown]>([
    ['a promise', async () => ada],
    ['a refused one', async () => fail(lost)],
    ['an Observable', async () => NEVER],
  ])('answers nobody: %s', async (_, handler) => {
    const { start, call, answers, logged } = unary(handler, { hooked });
    start();
    call.cancelled = true;
    call.emit('cancelled');
    await settled();
    expect([answers, logged]).toEqual([[], []]);
  });

  it('unsubscribes when the client goes away, and does not even subscribe behind that', async () => {
    const log: string[] = [];
    const working = new Observable(() => {
      log.push('subscribed');
      return () => log.push('unsubscribed');
    });
    const { start, call, answers } = unary(async () => working, { hooked });
    start();
    await settled();
    call.cancelled = true;
    call.emit('cancelled');
    expect(log).toEqual(['subscribed', 'unsubscribed']);
    start();
    await settled();
    expect([log.length, answers]).toEqual([2, []]);
  });

  it('refuses where an interceptor fails on the answer', async () => {
    const { start, answers } = unary(async () => ada, { hooked, answer: () => fail(new RpcException(gone)) });
    start();
    await settled();
    expect(answers).toEqual([ada, gone]);
  });
});

it('asks for hooks call by call', async () => {
  const { start, seen } = unary(async () => ada);
  for (const hooked of [false, true, false]) {
    seen.hooked = hooked;
    start();
    await settled();
  }
  expect(seen.hooks).toEqual(['start', 'end']);
  expect(seen.answers).toEqual([ada, ada, ada]);
});
