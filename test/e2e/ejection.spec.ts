import { credentials, makeGenericClientConstructor, Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { ServiceError, sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import type { RookeryEvent } from 'rookery';
import { createInstance } from 'rookery/core';
import { channelOptions, createDirectory, type DiscoveryChannelOptions } from 'rookery/grpc';
import { memory } from 'rookery/registries';
import { eventually, fakeTime, seededRandom, startTcpProxy, type TcpProxy } from 'rookery/testing';
import { afterEach, describe, expect, it } from 'vitest';

const text = {
  requestSerialize: (value: string) => Buffer.from(value),
  requestDeserialize: (bytes: Buffer) => bytes.toString(),
  responseSerialize: (value: string) => Buffer.from(value),
  responseDeserialize: (bytes: Buffer) => bytes.toString(),
};
const WHO = { Ask: { path: '/who.Who/Ask', requestStream: false, responseStream: false, ...text } } as const;
const Client = makeGenericClientConstructor(WHO, 'Who');
const IDS = ['a', 'b', 'c', 'd'];
const SEED = 7;

let close: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of close.toReversed()) await each();
  close = [];
});

/** A server that answers with its name, or with a status, or not at all. */
class Instance {
  calls = 0;
  proxy!: TcpProxy;
  /** OK where there is none; `hang` does not answer. */
  answer: status | 'hang' = status.OK;
  readonly #server = new Server();

  constructor(readonly id: string) {}

  /** Behind a proxy, which can break its connections. */
  async start(): Promise<this> {
    this.#server.addService(WHO, {
      Ask: (_: ServerUnaryCall<string, string>, done: sendUnaryData<string>) => {
        this.calls += 1;
        if (this.answer === 'hang') return;
        if (this.answer === status.OK) done(null, this.id);
        else done({ code: this.answer, details: 'as told' });
      },
    });
    const port = await new Promise<number>((resolve, reject) =>
      this.#server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      ),
    );
    this.proxy = await startTcpProxy(`127.0.0.1:${port}`);
    return this;
  }

  async stop(): Promise<void> {
    await this.proxy.stop();
    this.#server.forceShutdown();
  }
}

/** Four instances in a registry, and a client of them whose time stands still, unless it is the real one. */
async function fleet(options: DiscoveryChannelOptions = {}, { real = false } = {}) {
  const registry = memory();
  const directory = createDirectory(registry);
  const time = fakeTime();
  const events: RookeryEvent[] = [];
  const instances = await Promise.all(IDS.map((id) => new Instance(id).start()));
  for (const { id, proxy } of instances) registry.register(createInstance({ id, service: 'who', address: proxy.host }));
  const emit = (event: RookeryEvent) => void events.push(event);
  const settings = { ...(!real && { time }), random: seededRandom(SEED), emit, ...options };
  const client = new Client('discovery:///who', credentials.createInsecure(), channelOptions(directory, settings));
  close.push(
    () => registry[Symbol.asyncDispose](),
    () => directory[Symbol.asyncDispose](),
    () => Promise.all(instances.map((instance) => instance.stop())),
    () => client.close(),
  );
  const ask = (callOptions: object = {}) =>
    new Promise<string>((resolve) =>
      (client['Ask']!.bind(client) as (...args: unknown[]) => void)(
        'hi',
        callOptions,
        (error: ServiceError | null, id: string) => resolve(error ? status[error.code]! : id),
      ),
    );
  /** Who has answered how many of so many calls, one after the other. */
  const tally = async (count: number, callOptions?: object) => {
    const counts: Record<string, number> = {};
    for (let i = 0; i < count; i += 1) {
      const id = await ask(callOptions);
      counts[id] = (counts[id] ?? 0) + 1;
    }
    return counts;
  };
  const ready = (id: string) =>
    events.findLast((event) => event.type === 'endpoint.changed' && event.id === id) as { state?: string } | undefined;
  const settled = (...ids: readonly string[]) =>
    eventually(() => {
      time.advance(0);
      expect(ids.map((id) => ready(id)?.state)).toEqual(ids.map(() => 'ready'));
    });
  const first = ask({ waitForReady: true });
  await settled(...IDS);
  await first;
  for (const each of instances) each.calls = 0;
  const told = (type: RookeryEvent['type']) => events.filter((event) => event.type === type);
  const instance = (id: string) => instances.find((each) => each.id === id)!;
  return { time, told, tally, ask, settled, instance, instances };
}

describe('an instance that answers UNAVAILABLE', () => {
  it('gets no call after five of them, and its share again when its time is over and it is mended', async () => {
    const { time, told, tally, instance } = await fleet();
    instance('a').answer = status.UNAVAILABLE;
    expect(await tally(40)).toMatchObject({ UNAVAILABLE: 5 });
    const before = instance('a').calls;
    expect(await tally(30)).toEqual({ b: 10, c: 10, d: 10 });
    expect(instance('a').calls).toBe(before);
    const [event] = told('endpoint.ejected') as { forMs: number }[];
    expect(event).toMatchObject({ id: 'a', service: 'who', reason: 'consecutive-failures' });
    instance('a').answer = status.OK;
    time.advance(event!.forMs);
    expect(told('endpoint.restored')).toHaveLength(1);
    expect(await tally(40)).toEqual({ a: 10, b: 10, c: 10, d: 10 });
  });

  it('costs one call each time it is tried again, and is tried ever less', async () => {
    const { time, told, tally, instance } = await fleet();
    instance('a').answer = status.UNAVAILABLE;
    expect((await tally(40))['UNAVAILABLE']).toBe(5);
    const bounds: number[] = [];
    for (const bound of [5000, 10_000, 20_000]) {
      const { forMs } = told('endpoint.ejected').at(-1) as { forMs: number };
      bounds.push(Math.ceil(forMs / bound));
      expect(forMs).toBeGreaterThanOrEqual(bound / 2);
      time.advance(forMs);
      expect((await tally(40))['UNAVAILABLE']).toBe(1);
    }
    expect(bounds).toEqual([1, 1, 1]);
  });

  it('gets its share for ever with `ejection: false`', async () => {
    const { told, tally, instance } = await fleet({ ejection: false });
    instance('a').answer = status.UNAVAILABLE;
    expect(await tally(80)).toEqual({ UNAVAILABLE: 20, b: 20, c: 20, d: 20 });
    expect(told('endpoint.ejected')).toEqual([]);
  });
});

it.each([status.NOT_FOUND, status.INTERNAL, status.UNKNOWN, status.RESOURCE_EXHAUSTED, status.DEADLINE_EXCEEDED])(
  'an instance whose application answers with status %i is not ejected',
  async (code) => {
    const { told, tally, instance } = await fleet();
    instance('a').answer = code;
    expect(await tally(80)).toEqual({ [status[code]!]: 20, b: 20, c: 20, d: 20 });
    expect(told('endpoint.ejected')).toEqual([]);
  },
);

it('of instances that all fail, half are ejected and the others are called', async () => {
  const { told, tally, instances } = await fleet();
  for (const each of instances) each.answer = status.UNAVAILABLE;
  expect(await tally(80)).toEqual({ UNAVAILABLE: 80 });
  expect(instances.reduce((sum, { calls }) => sum + calls, 0)).toBeGreaterThanOrEqual(80);
  expect(told('endpoint.ejected')).toHaveLength(2);
  for (const each of instances) each.answer = status.OK;
  expect(Object.values(await tally(20))).toEqual([10, 10]);
});

describe('an instance that does not answer', () => {
  const hanging = async (timeoutMs: number) => {
    const { told, ask, instance } = await fleet({}, { real: true });
    instance('a').answer = 'hang';
    const ends = await Promise.all(Array.from({ length: 28 }, () => ask({ timeoutMs })));
    expect(ends.filter((end) => end === 'DEADLINE_EXCEEDED').length).toBeGreaterThanOrEqual(7);
    return told('endpoint.ejected');
  };

  it('is ejected by deadlines of 250 ms and more', async () => {
    expect(await hanging(1000)).toMatchObject([{ id: 'a' }]);
  });

  it('is not by shorter ones, which are up to the caller', async () => {
    expect(await hanging(249)).toEqual([]);
  });
});

describe('a connection that breaks', () => {
  it('under many calls is one failure: the instance is called as soon as it is back', async () => {
    const { told, tally, ask, settled, instance } = await fleet();
    for (let i = 0; i < 4; i += 1) {
      instance('a').answer = 'hang';
      const before = instance('a').calls;
      const calls = Array.from({ length: 40 }, () => ask());
      await eventually(() => expect(instance('a').calls).toBe(before + 10));
      instance('a').proxy.cut();
      expect((await Promise.all(calls)).filter((end) => end === 'UNAVAILABLE')).toHaveLength(10);
      instance('a').answer = status.OK;
      instance('a').proxy.heal();
      await settled('a');
    }
    expect(told('endpoint.ejected')).toEqual([]);
    expect((await tally(40))['a']).toBeGreaterThanOrEqual(9);
  });

  it('time after time ejects the instance', async () => {
    const { told, tally, settled, instance } = await fleet();
    for (let i = 0; i < 5; i += 1) {
      expect(told('endpoint.ejected')).toEqual([]);
      instance('a').proxy.cut();
      await eventually(() => expect(told('endpoint.changed').at(-1)).toMatchObject({ id: 'a', state: 'failed' }));
      instance('a').proxy.heal();
      await settled('a');
    }
    expect(told('endpoint.ejected')).toMatchObject([{ id: 'a' }]);
    expect(await tally(30)).toEqual({ b: 10, c: 10, d: 10 });
  });

  it('under calls, and is back at once each time, ejects the instance', async () => {
    const { told, tally, ask, settled, instance } = await fleet();
    for (let i = 0; i < 5; i += 1) {
      expect(told('endpoint.ejected')).toEqual([]);
      instance('a').answer = 'hang';
      const before = instance('a').calls;
      const calls = Array.from({ length: 4 }, () => ask());
      await eventually(() => expect(instance('a').calls).toBe(before + 1));
      instance('a').proxy.cut();
      instance('a').proxy.heal();
      await Promise.all(calls);
      await settled('a');
    }
    expect(told('endpoint.ejected')).toMatchObject([{ id: 'a' }]);
    expect(await tally(30)).toEqual({ b: 10, c: 10, d: 10 });
  });
});
