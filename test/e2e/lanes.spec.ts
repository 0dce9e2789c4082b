import { EventEmitter } from 'node:events';
import type { CallHandler } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { currentLane, detached, UNGROUPED, withLane, type AsyncClient, type RequestStream } from 'rookery';
import { eventually } from 'rookery/testing';
import { catchError, concatMap, firstValueFrom, map, mergeMap, of, range, toArray, type Observable } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chain, ChainStage, type Call, type ChainClient, type Handling, type Streams } from '../support/chain-stage.js';
import type { Text } from '../support/streams-stage.js';

let stage: ChainStage;
beforeEach(() => {
  stage = new ChainStage();
});
afterEach(() => stage.close());

type Lane = string | undefined;

function inLane<T>(lane: Lane, fn: () => T): T {
  return lane === undefined ? fn() : withLane(lane, fn);
}

describe('a lane, over three hops', () => {
  /** Where it was, and in which lane. */
  const hop = (service: string, group: string) => `${service}/${group}:${currentLane() ?? '-'}`;

  async function users(group = UNGROUPED): Promise<void> {
    await stage.serve('users', { ask: () => ({ text: hop('users', group) }) }, { group });
  }

  async function orders(group = UNGROUPED): Promise<void> {
    const next: { users?: AsyncClient<Streams> } = {};
    const ask = async () => ({ text: `${hop('orders', group)} ${(await next.users!.ask({})).text}` });
    const { client } = await stage.serve('orders', { ask }, { clients: [chain('users')], group });
    next.users = client('users').streams;
  }

  async function gateway(): Promise<(lane?: string) => Promise<string | undefined>> {
    const { streams } = (await stage.caller(chain('orders')))('orders');
    return async (lane) => (await inLane(lane, () => streams.ask({}))).text;
  }

  it('meets its group where a service has one, and ungrouped instances where it has not', async () => {
    await Promise.all([users(), users('canary'), orders()]);
    const ask = await gateway();
    await eventually(async () => expect(await ask('canary')).toBe('orders/:canary users/canary:canary'));
    for (let i = 0; i < 20; i += 1) {
      expect(await ask('canary')).toBe('orders/:canary users/canary:canary');
      expect(await ask()).toBe('orders/:- users/:-');
      expect(await ask('blue')).toBe('orders/:blue users/:blue');
    }
  });

  it('meets its group in the middle, where the end has none', async () => {
    await Promise.all([users(), orders(), orders('canary')]);
    const ask = await gateway();
    await eventually(async () => expect(await ask('canary')).toBe('orders/canary:canary users/:canary'));
    for (let i = 0; i < 20; i += 1) {
      expect(await ask('canary')).toBe('orders/canary:canary users/:canary');
      expect(await ask()).toBe('orders/:- users/:-');
    }
  });

  it('goes on behind a call that names a group itself, and the group does not', async () => {
    await Promise.all([users(), users('blue'), orders('blue'), orders()]);
    const { streams } = (await stage.caller(chain('orders')))('orders');
    const ask = (options: object) => withLane('canary', async () => (await streams.ask({}, options)).text);
    expect(await ask({ group: 'blue' })).toBe('orders/blue:canary users/:canary');
    expect(await streams.ask({}, { group: 'blue' })).toMatchObject({ text: 'orders/blue:- users/:-' });
  });
});

describe('a thousand requests at once, in different lanes', () => {
  const LANES: readonly Lane[] = ['canary', 'blue', undefined, 'green'];
  const GROUPS: readonly string[] = [UNGROUPED, 'canary', 'blue'];
  /** A thousand at once may keep a small machine from connecting in time. */
  const patience = { waitForReady: true };
  const seen: { at: string; group: string; lane: Lane; wanted: Lane }[] = [];

  const note = (at: string, group: string, { text }: Text) =>
    seen.push({ at, group, lane: currentLane(), wanted: text === '' ? undefined : text });

  async function fleet(): Promise<ChainClient> {
    for (const group of GROUPS) {
      const ask = (question: Text) => {
        note('users', group, question);
        return question;
      };
      await stage.serve('users', { ask }, { group });
    }
    const next: { users?: ChainClient } = {};
    const ask = (question: Text) => {
      note('orders', UNGROUPED, question);
      // What hears of an answer asks again: over a cold channel it hears in somebody else's context.
      return next.users!.observables.ask(question, patience).pipe(
        mergeMap((answer) => next.users!.streams.ask(answer, patience)),
        catchError((error: Error) => of({ text: error.message })),
      );
    };
    const patient = { service: chain('users'), timeoutMs: 0 };
    const { client } = await stage.serve('orders', { ask }, { clients: [patient] });
    next.users = client('users');
    return (await stage.caller({ service: chain('orders'), timeoutMs: 60_000 }))('orders');
  }

  async function thousand({ observables }: ChainClient): Promise<void> {
    seen.splice(0);
    const one = async (lane: Lane) => {
      const answer = inLane(lane, () => observables.ask({ text: lane ?? '' }, patience));
      // Subscribed outside of the lane.
      expect(await firstValueFrom(answer)).toMatchObject({ text: lane ?? '' });
    };
    await Promise.all(Array.from({ length: 1000 }, (_, i) => one(LANES[i % LANES.length])));
  }

  it('reach nobody of another lane, over a cold channel and over a warm one', async () => {
    const client = await fleet();
    await thousand(client);
    const { at, ...last } = seen.at(-1)!;
    expect(at).toBe('users');
    expect(last.lane).toBe(last.wanted);
    // A group that takes its time to connect is passed over: then it is the ungrouped ones, and nobody else.
    expect(seen.filter(({ group }) => group === UNGROUPED).length).toBeGreaterThan(0);
    expect(seen.filter(({ group, wanted }) => group !== UNGROUPED && group !== wanted)).toEqual([]);
    expect(seen.filter(({ lane, wanted }) => lane !== wanted)).toEqual([]);
    expect(seen.length).toBe(3000);

    await eventually(async () => {
      seen.splice(0);
      for (const lane of ['canary', 'blue']) await withLane(lane, () => client.streams.ask({ text: lane }));
      expect(new Set(seen.map(({ group }) => group))).toEqual(new Set(GROUPS));
    });
    await thousand(client);
    const right = (wanted: Lane) => (wanted !== undefined && GROUPS.includes(wanted) ? wanted : UNGROUPED);
    expect(seen.filter((s) => s.lane !== s.wanted || (s.at === 'users' && s.group !== right(s.wanted)))).toEqual([]);
    expect(seen.length).toBe(3000);
  }, 60_000);
});

type Ways = Readonly<Record<string, (users: ChainClient) => Partial<Handling>>>;

/** How a handler, and what it starts, comes to its own calls. */
const WAYS: Ways = {
  'a promise': ({ streams }) => ({ ask: async () => streams.ask(await Promise.resolve({})) }),
  'several promises': ({ streams }) => ({
    ask: async () => (await Promise.all([streams.ask({}), streams.ask({})]))[1],
  }),
  'a turn of the event loop': ({ streams }) => ({
    ask: () => new Promise((resolve) => setImmediate(() => resolve(streams.ask({})))),
  }),
  'an event': ({ streams }) => ({
    ask: () =>
      new Promise((resolve) => {
        const events = new EventEmitter().on('asked', () => resolve(streams.ask({})));
        setImmediate(() => events.emit('asked'));
      }),
  }),
  'the Observable that it returns': ({ observables }) => ({ ask: () => observables.ask({}) }),
  'an answer to which it listens': ({ client }) => ({
    ask: () =>
      new Promise((resolve, reject) => {
        const raw = client.getClientByServiceName('Streams');
        raw.ask({}, () =>
          raw.ask({}, (error: unknown, answer: Text) => (error ? reject(error as Error) : resolve(answer))),
        );
      }),
  }),
  'a stream to which it listens': ({ client, streams }) => ({
    ask: () =>
      new Promise((resolve) => {
        client
          .getClientByServiceName('Streams')
          .list({})
          .on('data', () => resolve(streams.ask({})));
      }),
  }),
  'a returned Observable of many': ({ observables }) => ({
    list: () => range(0, 2).pipe(concatMap(() => observables.ask({}))),
  }),
  'a returned stream of others': ({ observables }) => ({ list: () => observables.list({}) }),
  'request messages as they come': ({ observables }) => ({
    echo: (texts: Observable<Text>) => texts.pipe(concatMap(() => observables.ask({}))),
  }),
  'all request messages': ({ observables }) => ({
    sum: (texts: Observable<Text>) =>
      texts.pipe(
        toArray(),
        mergeMap(() => observables.ask({})),
      ),
  }),
  'the events of its call': ({ streams }) => ({
    raw: (call: Call) => {
      const answers: Promise<unknown>[] = [];
      call.on('data', () => answers.push(streams.ask({}).then((answer) => call.write(answer))));
      call.on('end', () => void Promise.all(answers).then(() => call.end()));
    },
  }),
};

const OURS: Ways = {
  'a generator that it returns': ({ streams }) => ({
    async *list() {
      yield await streams.ask({});
      yield* streams.list({});
    },
  }),
  'request messages that it pulls': ({ streams }) => ({
    async *echo(texts: RequestStream<Text>) {
      for await (const _ of texts) yield await streams.ask({});
    },
  }),
};

describe('the lane of a handler is that of the calls that it makes through', () => {
  async function* two(): AsyncGenerator<Text> {
    yield { text: 'one' };
    yield { text: 'two' };
  }

  async function lanesSeen(streams: AsyncClient<Streams>, method: keyof Handling): Promise<unknown[]> {
    if (method === 'ask') return [(await streams.ask({})).text];
    if (method === 'sum') return [(await streams.sum(two())).text];
    const seen: unknown[] = [];
    for await (const { text } of method === 'list' ? streams.list({}) : streams[method](two())) seen.push(text);
    return seen;
  }

  const ways = [
    ...Object.entries(WAYS).map(([name, way]) => [name, 'with ours', way] as const),
    ...Object.entries(WAYS).map(([name, way]) => [name, "with Nest's", way] as const),
    ...Object.entries(OURS).map(([name, way]) => [name, 'with ours', way] as const),
  ];
  it.each(ways)('%s, %s', async (_, whose, way) => {
    const compat = whose === 'with ours' ? {} : { compat: 'nest' as const };
    const answer = () => ({ text: currentLane() ?? '-' });
    await stage.serve('users', { ask: answer, list: () => of(0, 0).pipe(map(answer)) });
    const handling: Partial<Handling> = {};
    const users = { service: chain('users'), ...compat };
    const { client } = await stage.serve('orders', handling, { clients: [users], ...compat });
    const [method] = Object.keys(Object.assign(handling, way(client('users')))) as (keyof Handling)[];
    const { streams } = (await stage.caller(chain('orders')))('orders');
    // The first of them meet a cold channel.
    for (let round = 0; round < 3; round += 1) {
      const lanes = ['canary', undefined, 'blue'].map(async (lane) => {
        for (const text of await inLane(lane, () => lanesSeen(streams, method!))) expect(text).toBe(lane ?? '-');
      });
      await Promise.all(lanes);
    }
  });

  it('guards, interceptors and pipes', async () => {
    const seen: Lane[] = [];
    const note = <T>(value: T): T => {
      seen.push(currentLane());
      return value;
    };
    const providers = [
      { provide: APP_GUARD, useValue: { canActivate: () => note(true) } },
      { provide: APP_INTERCEPTOR, useValue: { intercept: (__: unknown, next: CallHandler) => note(next.handle()) } },
      { provide: APP_PIPE, useValue: { transform: note } },
    ];
    await stage.serve('users', { ask: () => ({}) }, { providers });
    const { streams } = (await stage.caller(chain('users')))('users');
    await withLane('canary', () => streams.ask({}));
    expect(seen.length).toBeGreaterThanOrEqual(3);
    expect(new Set(seen)).toEqual(new Set(['canary']));
  });
});

describe("the lane of a method's Observable", () => {
  it.each([{}, { compat: 'nest' as const }])('is that of the code that called the method: %o', async (compat) => {
    await stage.serve('users', { ask: () => ({ text: currentLane() ?? '-' }) });
    const { observables } = (await stage.caller({ service: chain('users'), ...compat }))('users');
    const [canary, none] = [withLane('canary', () => observables.ask({})), observables.ask({})];
    expect(await firstValueFrom(canary)).toMatchObject({ text: 'canary' });
    expect(await withLane('blue', () => firstValueFrom(canary))).toMatchObject({ text: 'canary' });
    expect(await withLane('blue', () => firstValueFrom(none))).toMatchObject({ text: '-' });
  });
});

it('is left by what is detached', async () => {
  await withLane('canary', async () => {
    expect(currentLane()).toBe('canary');
    expect(detached(() => currentLane())).toBeUndefined();
    expect(await detached(() => Promise.resolve().then(currentLane))).toBeUndefined();
    expect(currentLane()).toBe('canary');
  });
});
