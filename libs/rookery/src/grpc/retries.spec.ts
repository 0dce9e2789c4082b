import { InterceptingCall, Metadata, status, type Interceptor, type ServiceError } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import type { RookeryCallOptions } from './call-options.js';
import { asking, closeAll, failure, fleet, warm, type StartedServer } from './discovery.stage.js';

afterEach(closeAll);

type Failing = () => Partial<ServiceError> | undefined;

const unavailable = (details = 'broken'): Partial<ServiceError> => {
  const metadata = new Metadata();
  metadata.set('why', details);
  return { code: status.UNAVAILABLE, details, metadata };
};

/** Servers of which some fail once all are connected, and a client. */
async function started(total: number, failing: number, fails: Failing, options = {}) {
  const { add, client } = fleet();
  let broken = false;
  const servers: StartedServer[] = [];
  for (let i = 0; i < total; i += 1) {
    const settings = i < failing ? { fails: () => (broken ? fails() : undefined) } : {};
    servers.push((await add(`s${i}`, {}, settings)).server);
  }
  const ask = asking(client(options));
  await warm(ask, total);
  broken = true;
  const before = servers.map(({ calls }) => calls());
  /** Calls of each server since. */
  const calls = () => servers.map((server, i) => server.calls() - before[i]!);
  return { ask, calls, servers };
}

const sum = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);

describe('calls marked idempotent', () => {
  it('do not fail while two of four instances do: 0 of 400', async () => {
    const { ask, calls } = await started(4, 2, unavailable);
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, async () => {
        for (let i = 0; i < 20; i += 1) await ask({ idempotent: true });
      }),
    );
    expect(results.filter(({ status: how }) => how === 'rejected')).toEqual([]);
    expect(calls()[0]! + calls()[1]!).toBeGreaterThan(0);
  });

  it('fail with the last status and its trailers once all instances were tried', async () => {
    const { ask, calls } = await started(2, 2, unavailable);
    const error = await failure(ask({ idempotent: true }));
    expect(error).toMatchObject({ code: status.UNAVAILABLE, details: 'broken', service: 'who', attempts: 2 });
    expect(error.metadata.getMap()).toMatchObject({ why: 'broken' });
    expect(error.metadata.get('grpc-retry-pushback-ms')).toEqual([]);
    expect(calls()).toEqual([1, 1]);
  });

  it('are not sent again where the server says so (gRFC A6)', async () => {
    const pushedBack = () => {
      const error = unavailable();
      error.metadata!.set('grpc-retry-pushback-ms', '-1');
      return error;
    };
    const { ask, calls } = await started(3, 3, pushedBack);
    await failure(ask({ idempotent: true }));
    expect(sum(calls())).toBe(1);
  });
});

describe('calls that are not marked', () => {
  it('have one attempt, and their status as it came', async () => {
    const { ask, calls } = await started(3, 3, unavailable);
    const error = await failure(ask());
    expect(error).toMatchObject({ code: status.UNAVAILABLE, attempts: 1 });
    expect(error.metadata.getMap()).toMatchObject({ why: 'broken' });
    expect(error.metadata.get('grpc-retry-pushback-ms')).toEqual([]);
    expect(sum(calls())).toBe(1);
  });

  it('are not sent again for words that a refused stream would have', async () => {
    const { ask, calls } = await started(3, 3, () => unavailable('Stream refused by server'));
    await failure(ask());
    expect(sum(calls())).toBe(1);
  });

  it('keep what a server says of trying again', async () => {
    const fails = () => {
      const error = unavailable();
      error.metadata!.set('grpc-retry-pushback-ms', '250');
      return error;
    };
    const { ask } = await started(1, 1, fails);
    expect((await failure(ask())).metadata.get('grpc-retry-pushback-ms')).toEqual(['250']);
  });

  it('are, where the method is known to be idempotent', async () => {
    const { ask, calls } = await started(3, 3, unavailable, { idempotentMethods: new Set(['/who.Who/Ask']) });
    await failure(ask());
    expect(calls()).toEqual([1, 1, 1]);
    await failure(ask({ idempotent: false }));
    expect(sum(calls())).toBe(4);
  });
});

it('nothing is sent again where the client does not want it', async () => {
  const { ask, calls } = await started(3, 3, unavailable, { retry: false });
  await failure(ask({ idempotent: true }));
  expect(sum(calls())).toBe(1);
});

it('an interceptor that tries again makes another call each time', async () => {
  let left = 5;
  const { ask, calls } = await started(1, 1, () => (left-- > 0 ? unavailable() : undefined), { ejection: false });
  const again: Interceptor = (options, nextCall) => {
    let sent: unknown;
    let saved: Metadata;
    return new InterceptingCall(nextCall(options), {
      start: (metadata, listener, next) => {
        saved = metadata;
        const attempt = (): void => {
          const call = nextCall(options);
          let answer: unknown;
          call.start(saved, {
            onReceiveMessage: (message: unknown) => (answer = message),
            onReceiveStatus: (ended) => {
              if (ended.code !== status.OK) return setImmediate(attempt);
              listener.onReceiveMessage(answer);
              listener.onReceiveStatus(ended);
              return undefined;
            },
          });
          call.sendMessage(sent);
          call.halfClose();
        };
        next(metadata, { onReceiveStatus: (ended, pass) => (ended.code === status.OK ? pass(ended) : attempt()) });
      },
      sendMessage: (message, next) => {
        sent = message;
        next(message);
      },
    });
  };
  expect(await ask({ idempotent: true, interceptors: [again] } as RookeryCallOptions)).toBe('s0:hi');
  expect(sum(calls())).toBe(6);
});

it('a retry policy of the user leaves the answers of idempotent calls alone', async () => {
  const retryPolicy = {
    maxAttempts: 2,
    initialBackoff: '0.001s',
    maxBackoff: '0.01s',
    backoffMultiplier: 2,
    retryableStatusCodes: ['UNAVAILABLE'],
  };
  const config = JSON.stringify({ methodConfig: [{ name: [{}], retryPolicy }] });
  const { ask } = await started(2, 1, unavailable, { channelOptions: { 'grpc.service_config': config } });
  for (let i = 0; i < 4; i += 1) expect(await ask({ idempotent: true })).toBe('s1:hi');
});

it('a retry policy of the user is his own', async () => {
  const retryPolicy = {
    maxAttempts: 2,
    initialBackoff: '0.001s',
    maxBackoff: '0.01s',
    backoffMultiplier: 2,
    retryableStatusCodes: ['RESOURCE_EXHAUSTED'],
  };
  const config = JSON.stringify({ methodConfig: [{ name: [{ service: 'who.Who' }], retryPolicy }] });
  const fails = () => ({ ...unavailable(), code: status.RESOURCE_EXHAUSTED });
  const { ask, calls } = await started(3, 3, fails, { channelOptions: { 'grpc.service_config': config } });
  expect(await failure(ask())).toMatchObject({ attempts: 2 });
  expect(sum(calls())).toBe(2);
  expect(Math.max(...calls())).toBe(1);
});

describe('a service config of the user without retry policies', () => {
  const entries: readonly object[][] = [
    [{ name: [{ service: 'who.Who' }], timeout: '4s' }],
    [{ name: [{}], timeout: '10s' }],
    [{ name: [{ service: '' }] }, { name: [{ service: 'who.Who', method: 'Ask' }], hedgingPolicy: null }],
    [{ name: [{ service: 'who.Other' }] }],
    [],
  ];
  it.each(entries.map((methodConfig) => JSON.stringify({ methodConfig })))('leaves ours on: %s', async (config) => {
    const options = { channelOptions: { 'grpc.service_config': config } };
    const { ask, calls } = await started(3, 3, unavailable, options);
    expect(await failure(ask({ idempotent: true }))).toMatchObject({ attempts: 3 });
    expect(calls()).toEqual([1, 1, 1]);
  });

  it.each([
    'null',
    '[]',
    '7',
    '{',
    '{"methodConfig":null}',
    '{"methodConfig":[null]}',
    '{"methodConfig":[{"name":[null]}]}',
  ])('is refused where it is none: %s', (config) => {
    const make = () => fleet().client({ channelOptions: { 'grpc.service_config': config } });
    expect(make).toThrow("ROOKERY_OPTION_INVALID at channelOptions['grpc.service_config']: found ");
  });
});
