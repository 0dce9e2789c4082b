import { createRequire } from 'node:module';
import { status, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { RookeryError } from '../core/errors.js';
import { memory } from '../registries/memory.js';
import { eventually } from '../testing/eventually.js';
import { channelOptions } from './channel-options.js';
import { createDirectory } from './directory.js';
import { asking, closeAll, failure, fleet, freePort, tally, warm } from './discovery.stage.js';

/** Not exported. */
const { getSubchannelPool } = createRequire(import.meta.url)('@grpc/grpc-js/build/src/subchannel-pool.js') as {
  getSubchannelPool(this: void, global: boolean): { unrefUnusedSubchannels(): void };
};

afterEach(closeAll);

type Fleet = ReturnType<typeof fleet>;

const addAll = (add: Fleet['add'], count: number) => Promise.all(Array.from({ length: count }, (_, i) => add(`s${i}`)));

describe('a client with a subset of 3', () => {
  it('connects to 3 of 8, and to a fourth where one of them dies; the calls go on', async () => {
    const { add, dial } = fleet();
    const all = await addAll(add, 8);
    const ask = dial({ subset: 3 });
    await warm(ask, 3);
    expect(all.filter(({ server }) => server.hellos() > 0)).toHaveLength(3);
    const first = await tally(60, ask);
    expect(Object.values(first)).toEqual([20, 20, 20]);
    const [dying] = all.filter(({ server }) => server.hellos() > 0);
    dying!.server.stop();
    // Still registered; nothing but its connection says that it is gone.
    await eventually(() => expect(all.filter(({ server }) => server.hellos() > 0)).toHaveLength(4));
    await warm(ask, 3);
    expect(Object.values(await tally(60, ask))).toEqual([20, 20, 20]);
  });

  it('loses no call that is made after one of them died', async () => {
    const { add, dial } = fleet();
    const all = await addAll(add, 8);
    const ask = dial({ subset: 3 });
    await warm(ask, 3);
    const chosen = all.filter(({ server }) => server.hellos() > 0);
    chosen[0]!.server.stop();
    chosen[1]!.server.stop();
    // What has not been told of the deaths yet may fail; whatever comes after that does not.
    await failureOrAnswer(ask);
    await eventually(() => expect(all.filter(({ server }) => server.hellos() > 0)).toHaveLength(5));
    expect(Object.keys(await tally(60, ask)).every((name) => /^s\d$/.test(name))).toBe(true);
  });

  it('finds the one that lives among many that do not', async () => {
    const { add, dial, registry, entry } = fleet();
    const dead = await Promise.all(Array.from({ length: 20 }, freePort));
    for (const port of dead) registry.register(entry({ port }));
    await add('lives');
    expect(await dial({ subset: 2 })()).toBe('lives:hi');
  });

  it('fails at once where nobody lives, after it has tried all of them', async () => {
    const { dial, registry, entry } = fleet();
    const dead = await Promise.all(Array.from({ length: 12 }, freePort));
    for (const port of dead) registry.register(entry({ port }));
    expect(await failure(dial({ subset: 2 })())).toMatchObject({ reason: 'ROOKERY_GROUP_MISSING' });
  });

  it('has a stream go on that runs on one which is let go', async () => {
    const { add, client } = fleet();
    await add('one');
    const made = client({ subset: 1 });
    const ask = asking(made);
    const stream = (made['Follow']!.bind(made) as (request: string) => ClientReadableStream<string>)('hang');
    const heard: unknown[] = [];
    stream.on('data', (word) => heard.push(word)).on('error', ({ code }: ServiceError) => heard.push(code));
    await eventually(() => expect(heard).toEqual(['one']));
    // Others come until one of them is preferred, and takes the calls.
    for (let i = 0; (await ask()) === 'one:hi'; i += 1) {
      const { server } = await add(`other${i}`);
      if (i > 20) expect.fail('nobody is preferred to the first one');
      await eventually(() => expect(server.hellos()).toBe(1), { timeoutMs: 200 }).catch(() => undefined);
    }
    // What grpc-js does every ten seconds with connections that nobody holds.
    getSubchannelPool(true).unrefUnusedSubchannels();
    await tally(50, ask);
    expect(heard).toEqual(['one']);
    stream.cancel();
    await eventually(() => expect(heard).toEqual(['one', status.CANCELLED]));
  });
});

/** Whatever becomes of a call. */
const failureOrAnswer = (ask: () => Promise<string>) => ask().catch(() => undefined);

describe('a client in zone a', () => {
  it('calls zone a; with one instance left there it calls everybody', async () => {
    const { add, dial } = fleet();
    const [a1] = await Promise.all(['a1', 'a2', 'b1', 'b2'].map((name) => add(name, { zone: name[0]! })));
    const ask = dial({ zone: 'a' });
    await eventually(async () => expect(Object.keys(await tally(16, ask)).sort()).toEqual(['a1', 'a2']));
    expect(await tally(60, ask)).toEqual({ a1: 30, a2: 30 });
    const all = dial({ zone: false });
    await warm(all, 4);
    expect(await tally(60, all)).toEqual({ a1: 15, a2: 15, b1: 15, b2: 15 });
    await a1!.claim[Symbol.asyncDispose]();
    await warm(ask, 3);
    expect(await tally(60, ask)).toEqual({ a2: 20, b1: 20, b2: 20 });
  });
});

describe('options of channels', () => {
  it.each([
    [{ subset: -1 }, /channelOptions\.subset/],
    [{ subset: true as never }, /channelOptions\.subset/],
    [{ zone: '' }, /channelOptions\.zone/],
    [{ zone: true as never }, /channelOptions\.zone/],
  ])('refuse %j', (options, message) => {
    const directory = createDirectory(memory());
    expect(() => channelOptions(directory, options)).toThrow(RookeryError);
    expect(() => channelOptions(directory, options)).toThrow(message);
  });
});
