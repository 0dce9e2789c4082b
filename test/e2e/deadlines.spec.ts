import { once } from 'node:events';
import { status } from '@grpc/grpc-js';
import { detached, type AsyncClient, type ClientFeatureOptions, type RookeryCallError } from 'rookery';
import { firstValueFrom, NEVER, type Observable } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chain, ChainStage, type Call, type ChainClient, type Handling, type Streams } from '../support/chain-stage.js';
import type { Text } from '../support/streams-stage.js';

let stage: ChainStage;
beforeEach(() => {
  stage = new ChainStage();
});
afterEach(() => stage.close());

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

async function* one(): AsyncGenerator<Text> {
  yield {};
}

async function first(messages: AsyncIterable<Text>): Promise<unknown> {
  for await (const message of messages) return message;
  return undefined;
}

/** Which kind of method is called, of a client of whatever service. */
const CALLS: Readonly<Record<keyof Handling, (streams: AsyncClient<Streams>, options?: object) => Promise<unknown>>> = {
  ask: (streams, options) => streams.ask({}, options),
  list: (streams, options) => first(streams.list({}, options)),
  sum: (streams, options) => streams.sum(one(), options),
  echo: (streams, options) => first(streams.echo(one(), options)),
  raw: (streams, options) => first(streams.raw(one(), options)),
};
const KINDS = Object.keys(CALLS) as (keyof Handling)[];

const failure = (call: Promise<unknown>): Promise<RookeryCallError> =>
  call.then(
    () => expect.unreachable('it was answered'),
    (error: unknown) => error as RookeryCallError,
  );

/** Answers the calls of any kind; notes the deadlines that came with them. */
function answering(deadlines: number[], work: () => Promise<unknown> = () => Promise.resolve()): Handling {
  const note = async (call: Call) => {
    deadlines.push(Number(call.getDeadline()));
    await work();
    return {};
  };
  return {
    ask: (_, __, call) => note(call),
    list: (_, __, call) => note(call),
    sum: (_, __, call) => note(call),
    echo: (_, __, call) => note(call),
    raw: (call) => {
      call.on('data', () => void note(call).then((answer) => call.write(answer) && call.end()));
    },
  };
}

/** A client of `orders`, whose handlers do `work` with their client of `users`, whose handlers are given. */
async function threeHops(
  users: Partial<Handling>,
  work: (client: ChainClient) => Promise<unknown>,
  feature: Partial<ClientFeatureOptions> = {},
) {
  const incoming: number[] = [];
  await stage.serve('users', users);
  const next: { users?: ChainClient } = {};
  const { compat } = feature;
  const handling = answering(incoming, () => work(next.users!));
  const clients = [{ ...feature, service: chain('users') }];
  const { client } = await stage.serve('orders', handling, { clients, ...(compat && { compat }) });
  next.users = client('users');
  const { streams } = (await stage.caller({ service: chain('orders'), timeoutMs: 0 }))('orders');
  return { streams, incoming };
}

describe('the deadline of an incoming call', () => {
  it.each(KINDS)('caps the calls that are made for it: %s', async (kind) => {
    const outgoing: number[] = [];
    const options = [{}, { timeoutMs: 0 }, { timeoutMs: HOUR }, { deadline: new Date(Date.now() + HOUR) }];
    const work = async ({ streams }: ChainClient) => {
      for (const one of options) for (const each of KINDS) await CALLS[each](streams, one);
    };
    const { streams, incoming } = await threeHops(answering(outgoing), work, { timeoutMs: HOUR });
    await CALLS[kind](streams, { timeoutMs: MINUTE });
    expect(outgoing).toHaveLength(KINDS.length * options.length);
    // A deadline travels as the time that is left, which is counted anew where it arrives.
    for (const deadline of outgoing) expect(Math.abs(deadline - incoming[0]!)).toBeLessThan(MINUTE / 2);
  });

  it.each(KINDS)("caps them through what is Nest's own, too: %s", async (kind) => {
    const outgoing: number[] = [];
    const work = async ({ streams, observables }: ChainClient) => {
      for (const each of KINDS) await CALLS[each](streams);
      await firstValueFrom(observables.ask({}));
      await firstValueFrom(observables.list({}));
    };
    const { streams, incoming } = await threeHops(answering(outgoing), work, { compat: 'nest' });
    await CALLS[kind](streams, { timeoutMs: MINUTE });
    expect(outgoing).toHaveLength(KINDS.length + 2);
    for (const deadline of outgoing) expect(Math.abs(deadline - incoming[0]!)).toBeLessThan(MINUTE / 2);
  });

  it('caps the calls of a client that has a url', async () => {
    const outgoing: number[] = [];
    const { port } = await stage.serve('accounts', answering(outgoing));
    const ask = ({ streams }: ChainClient) => streams.ask({}, { timeoutMs: 0 });
    const { streams, incoming } = await threeHops({}, ask, { url: `dns:127.0.0.1:${port}` });
    await streams.ask({}, { timeoutMs: MINUTE });
    expect(Math.abs(outgoing[0]! - incoming[0]!)).toBeLessThan(MINUTE / 2);
  });

  it('leaves a shorter one, and calls without any, as they are', async () => {
    const outgoing: number[] = [];
    const work = async ({ streams }: ChainClient) => {
      await streams.ask({}, { timeoutMs: MINUTE });
      await first(streams.list({}));
    };
    const { streams, incoming } = await threeHops(answering(outgoing), work);
    await streams.ask({}, { timeoutMs: HOUR });
    expect(Math.abs(outgoing[0]! - incoming[0]!)).toBeGreaterThan(HOUR / 2);
    expect(Math.abs(outgoing[1]! - incoming[0]!)).toBeLessThan(HOUR / 2);
    await streams.ask({}, { timeoutMs: 0 });
    expect(incoming[1]).toBe(Infinity);
    expect(outgoing[2]! - Date.now()).toBeLessThan(2 * MINUTE);
    expect(outgoing[3]).toBe(Infinity);
  });

  it('is what the error of a call says that it ended', async () => {
    const errors: RookeryCallError[] = [];
    const work = async ({ streams }: ChainClient) => {
      errors.push(
        ...(await Promise.all([failure(streams.ask({})), failure(first(streams.list({}, { timeoutMs: HOUR })))])),
      );
    };
    const { streams } = await threeHops({ ask: () => NEVER, list: () => NEVER }, work);
    const own = await failure(streams.ask({}, { timeoutMs: 300 }));
    expect(own).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    expect(own.message).not.toContain('incoming');
    await expect.poll(() => errors).toHaveLength(2);
    for (const error of errors) {
      expect(error).toMatchObject({ code: status.DEADLINE_EXCEEDED, reason: 'ROOKERY_CALL_TIMEOUT', service: 'users' });
      expect(error.message).toContain('(the deadline of the incoming call');
      expect(error.message).not.toContain('default');
    }
  });
});

/** The client may give up a little before the deadline that the server has counted. */
async function expiry(call: Call): Promise<void> {
  await once(call, 'cancelled');
  while (Date.now() <= Number(call.getDeadline())) await new Promise((resolve) => setImmediate(resolve));
}

describe('when the deadline of an incoming call has passed', () => {
  async function late(work: (client: ChainClient, expired: Promise<unknown>) => Promise<unknown>) {
    const asked: number[] = [];
    await stage.serve('users', answering(asked));
    const next: { users?: ChainClient } = {};
    const worked: Promise<unknown>[] = [];
    const ask = (_: unknown, __: unknown, call: Call) => {
      worked.push(work(next.users!, expiry(call)));
      return NEVER;
    };
    const { client } = await stage.serve('orders', { ask }, { clients: [chain('users')] });
    next.users = client('users');
    await next.users.streams.ask({});
    asked.splice(0);
    const { streams } = (await stage.caller(chain('orders')))('orders');
    expect(await failure(streams.ask({}, { timeoutMs: 100 }))).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    return { asked, result: await worked[0] };
  }

  it.each(KINDS)('a call fails at once, and nobody is asked: %s', async (kind) => {
    const { asked, result } = await late(async ({ streams }, expired) => {
      await expired;
      return [await failure(CALLS[kind](streams)), await failure(CALLS[kind](streams, { timeoutMs: 0 }))];
    });
    for (const error of result as RookeryCallError[]) {
      expect(error).toMatchObject({ code: status.DEADLINE_EXCEEDED, reason: 'ROOKERY_CALL_TIMEOUT' });
      expect(error.message).toContain('(the deadline of the incoming call');
    }
    // Whatever was sent before this answer has arrived.
    await (await stage.caller(chain('users')))('users').streams.ask({});
    expect(asked).toHaveLength(1);
  });

  it("a method's Observable that was made before fails, whoever subscribes", async () => {
    let answers: Observable<Text>;
    const { asked } = await late(async ({ observables }, expired) => {
      answers = observables.ask({});
      await expired;
    });
    expect(await failure(firstValueFrom(answers!))).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    expect(asked).toEqual([]);
  });

  it('what is detached goes on, and lasts as long as it says itself', async () => {
    const { asked, result } = await late(async ({ streams }, expired) => {
      await expired;
      return detached(async () => {
        await streams.ask({}, { timeoutMs: HOUR });
        return streams.ask({}, { timeoutMs: 0 });
      });
    });
    expect(result).toEqual({});
    expect(asked[0]! - Date.now()).toBeGreaterThan(MINUTE);
    expect(asked[1]).toBe(Infinity);
  });
});
