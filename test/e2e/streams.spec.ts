import { status } from '@grpc/grpc-js';
import {
  Controller,
  NotFoundException,
  Scope,
  UseGuards,
  UseInterceptors,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { GrpcStreamMethod, type ServerGrpc } from '@nestjs/microservices';
import { getServiceToken, RegisterService, RookeryModule, type AsyncClient, type RequestStream } from 'rookery';
import { eventually } from 'rookery/testing';
import { firstValueFrom, lastValueFrom, Observable, of, Subject, throwError } from 'rxjs';
import { reduce, take } from 'rxjs/operators';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  answered,
  settled,
  streamed,
  streams,
  StreamsController,
  StreamsStage,
  turns,
  type RawClient,
  type Text,
} from '../support/streams-stage.js';

let stage: StreamsStage;
beforeEach(() => void (stage = new StreamsStage()));
afterEach(() => stage.close());

const texts = (...all: string[]) => all.map((text) => ({ text }));
const kilobyte = { text: 'x'.repeat(1000) };
const MANY = 200_000;
/** What fits into the buffers and flow-control windows between two processes; 112 were measured. */
const FEW = 5000;

/** A generator of kilobytes, and what became of it. */
function kilobytes(many: number) {
  const state = { produced: 0, closed: false, messages: generate() };
  async function* generate() {
    try {
      for (; state.produced < many; state.produced += 1) yield kilobyte;
    } finally {
      state.closed = true;
    }
  }
  return state;
}

describe('a handler that gives an iterable', () => {
  it.each([
    ['an async generator', () => generated('one', 'two')],
    ['a promise of one', async () => generated('one', 'two')],
    ['a generator', () => texts('one', 'two').values()],
    ['an array', () => texts('one', 'two')],
    ['nothing to iterate', () => of(...texts('one', 'two'))],
  ])('answers with its messages: %s', async (_, list) => {
    stage.handlers.list = list;
    stage.handlers.echo = list;
    const client = stage.raw(await stage.start('rookery'));
    expect(await streamed(client.List({}))).toMatchObject({ messages: texts('one', 'two') });
    expect(await streamed(client.Echo())).toMatchObject({ messages: texts('one', 'two') });
  });

  it('makes no more than its reader takes, and everything for one who goes on', async () => {
    const source = kilobytes(20_000);
    stage.handlers.ask = () => ({});
    stage.handlers.list = () => source.messages;
    const client = stage.raw(await stage.start('rookery'));
    const call = client.List({});
    let received = 0;
    call.once('data', () => call.pause()).on('data', () => (received += 1));
    await eventually(() => expect(call.isPaused()).toBe(true));
    const produced = await settled(() => source.produced, ask(client));
    expect(produced).toBeGreaterThan(0);
    expect(produced).toBeLessThan(FEW);
    call.resume();
    await new Promise((resolve) => call.once('end', resolve));
    expect([received, source.produced, source.closed]).toEqual([20_000, 20_000, true]);
  });

  it('ends when its reader goes away', async () => {
    const source = kilobytes(MANY);
    stage.handlers.list = () => source.messages;
    const call = stage.raw(await stage.start('rookery')).List({});
    call.on('error', () => {}).once('data', () => call.cancel());
    await eventually(() => expect(source.closed).toBe(true));
    expect(source.produced).toBeLessThan(FEW);
  });

  it('is told at once, even while it waits', async () => {
    let waiting = false;
    let closed = false;
    const silent: AsyncIterable<Text> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => void (waiting = true)),
        return: () => {
          closed = true;
          return Promise.reject(new Error('of no use to anybody'));
        },
      }),
    };
    stage.handlers.list = () => silent;
    const call = stage.raw(await stage.start('rookery')).List({});
    call.on('error', () => {});
    await eventually(() => expect(waiting).toBe(true));
    call.cancel();
    await eventually(() => expect(closed).toBe(true));
  });

  it('ends at its deadline', async () => {
    const source = kilobytes(MANY);
    stage.handlers.list = () => source.messages;
    const call = stage.raw(await stage.start('rookery')).List({}, { deadline: Date.now() + 200 });
    call.on('error', () => {}).once('data', () => call.pause());
    await eventually(() => expect(source.closed).toBe(true));
  });

  it('gives what came before its error, and then that', async () => {
    stage.handlers.list = async function* () {
      yield { text: 'one' };
      throw new NotFoundException('no second');
    };
    const client = stage.raw(await stage.start('rookery'));
    expect(await streamed(client.List({}))).toEqual({
      code: status.NOT_FOUND,
      details: 'no second',
      messages: [expect.objectContaining({ text: 'one' })],
    });
  });

  it('is refused a message that is none, and ends', async () => {
    let closed = false;
    stage.handlers.list = async function* () {
      try {
        yield { text: 'one' };
        yield undefined;
        yield { text: 'three' };
      } finally {
        closed = true;
      }
    };
    const client = stage.raw(await stage.start('rookery'));
    expect(await streamed(client.List({}))).toMatchObject({ code: status.INTERNAL, messages: texts('one') });
    await eventually(() => expect(closed).toBe(true));
  });
});

describe('every kind of method', () => {
  const starts: Record<string, (client: RawClient, options: object) => { cancel(): void }> = {
    ask: (client, options) => client.Ask({}, options, () => {}),
    list: (client, options) => client.List({}, options).on('error', () => {}),
    sum: (client, options) => client.Sum(options, () => {}),
    echo: (client, options) => client.Echo(options).on('error', () => {}),
  };

  it.each(
    Object.keys(starts).flatMap((name) => [
      [name, 'cancels', {}],
      [name, 'sets a deadline', { deadline: () => Date.now() + 100 }],
    ]) as [string, string, { deadline?: () => number }][],
  )('leaves the Observable of its handler: %s, where the client %s', async (name, _, { deadline }) => {
    let subscribed = false;
    let left = false;
    const endless = new Observable(() => {
      subscribed = true;
      return () => (left = true);
    });
    Object.assign(stage.handlers, { [name]: () => endless });
    const client = stage.raw(await stage.start('rookery'));
    const call = starts[name]!(client, { ...(deadline && { deadline: deadline() }) });
    if (!deadline) {
      await eventually(() => expect(subscribed).toBe(true));
      call.cancel();
    }
    await eventually(() => expect(left).toBe(true));
  });

  it("runs between Nest's hooks, and serves controllers of one request", async () => {
    const hooks: string[] = [];
    @Controller({ scope: Scope.REQUEST })
    @RegisterService()
    class Scoped extends StreamsController {}
    Object.assign(stage.handlers, {
      ask: () => ({ text: 'one' }),
      list: () => generated('one'),
      sum: () => throwError(() => new NotFoundException('gone')),
      echo: async function* (messages: RequestStream<Text>) {
        yield* messages;
      },
      raw: (call: { end(): void }) => call.end(),
    });
    const client = stage.raw(
      await stage.start('rookery', {
        controllers: [Scoped],
        configure: (app) => {
          const server = app.getTransportServer() as unknown as ServerGrpc;
          server.setOnProcessingStartHook((_, __, done) => {
            hooks.push('start');
            void done();
          });
          server.setOnProcessingEndHook(() => hooks.push('end'));
        },
      }),
    );
    expect(await answered((done) => client.Ask({}, done))).toMatchObject({ messages: texts('one') });
    expect(await streamed(client.List({}))).toMatchObject({ messages: texts('one') });
    expect(await answered((done) => client.Sum(done).end())).toMatchObject({ code: status.NOT_FOUND });
    const call = client.Echo();
    call.end({ text: 'one' });
    expect(await streamed(call)).toMatchObject({ messages: texts('one') });
    expect(await streamed(client.Raw())).toEqual({ messages: [] });
    expect(hooks).toEqual(Array(5).fill(['start', 'end']).flat());
  });
});

describe('a request stream', () => {
  it('is read as fast as the loop of the handler runs', async () => {
    const source = kilobytes(MANY);
    let read = 0;
    const gate = new Subject<void>();
    stage.handlers.ask = () => ({});
    stage.handlers.sum = async (messages) => {
      for await (const _ of messages) {
        read += 1;
        if (read === 10) await firstValueFrom(gate);
        if (read === 20) break;
      }
      return { n: read };
    };
    const url = await stage.start('rookery');
    const app = await stage.client(RookeryModule.forFeature([{ service: streams, url }]));
    const service = app.get<AsyncClient<any>>(getServiceToken('streams', 'Streams')) as any;
    const answer = service.sum(source.messages) as Promise<Text>;
    await eventually(() => expect(read).toBe(10));
    expect(
      await settled(
        () => source.produced,
        () => service.ask({}),
      ),
    ).toBeLessThan(FEW);
    gate.next();
    expect(await answer).toMatchObject({ n: 20 });
    await eventually(() => expect(source.closed).toBe(true));
  });

  it('is not read before anybody wants it', async () => {
    let handled = false;
    stage.handlers.ask = () => ({});
    stage.handlers.sum = () => {
      handled = true;
      return new Subject();
    };
    const client = stage.raw(await stage.start('rookery'));
    const call = client.Sum(() => {});
    let written = 0;
    const write = () => {
      while (written < MANY && call.write(kilobyte)) written += 1;
    };
    call.on('drain', write);
    write();
    await eventually(() => expect(handled).toBe(true));
    expect(await settled(() => written, ask(client))).toBeLessThan(FEW);
    call.cancel();
  });

  it('is answered message by message', async () => {
    stage.handlers.echo = async function* (messages) {
      for await (const { text } of messages) yield { text: `${text}!` };
    };
    const call = stage.raw(await stage.start('rookery')).Echo();
    const outcome = streamed(call);
    call.write({ text: 'one' });
    await new Promise((resolve) => call.once('data', resolve));
    call.write({ text: 'two' });
    call.end();
    expect(await outcome).toMatchObject({ messages: texts('one!', 'two!') });
  });

  it.each([
    ['subscribed to', (messages: RequestStream<Text>) => messages.pipe(reduce(joined, { text: '' }))],
    ['awaited', async (messages: RequestStream<Text>) => lastValueFrom(messages.pipe(reduce(joined, { text: '' })))],
    [
      'iterated',
      async (messages: RequestStream<Text>) => {
        let all: Text = { text: '' };
        for await (const message of messages) all = joined(all, message);
        return all;
      },
    ],
  ])('is complete where it is %s, behind guards and interceptors that take their time and read too', async (_, sum) => {
    const seen: string[] = [];
    class Slow implements CanActivate {
      canActivate = () => turns().then(() => true);
    }
    class Spy implements NestInterceptor {
      async intercept(context: ExecutionContext, next: CallHandler) {
        context.getArgByIndex<Observable<Text>>(0).subscribe(({ text }) => seen.push(text!));
        await turns();
        return next.handle();
      }
    }
    @Controller()
    @RegisterService()
    class SlowController {
      @UseGuards(Slow)
      @UseInterceptors(Spy)
      @GrpcStreamMethod('Streams', 'Sum')
      sum(messages: RequestStream<Text>): unknown {
        return sum(messages);
      }
    }
    const client = stage.raw(await stage.start('rookery', { controllers: [SlowController] }));
    const outcome = answered((done) => {
      const call = client.Sum(done);
      for (const text of ['a', 'b', 'c']) call.write({ text });
      call.end();
    });
    expect(await outcome).toMatchObject({ messages: [{ text: 'abc' }] });
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  it('may be left unread by a handler that has its answer', async () => {
    stage.handlers.sum = (messages) => messages.pipe(take(1));
    const source = kilobytes(MANY);
    const url = await stage.start('rookery');
    const app = await stage.client(RookeryModule.forFeature([{ service: streams, url }]));
    const service = app.get<AsyncClient<any>>(getServiceToken('streams', 'Streams')) as any;
    expect(await service.sum(source.messages)).toMatchObject(kilobyte);
    await eventually(() => expect(source.closed).toBe(true));
    expect(source.produced).toBeLessThan(FEW);
  });
});

function ask(client: RawClient) {
  return () => answered((done) => client.Ask({}, done));
}

async function* generated(...all: string[]) {
  yield* texts(...all);
}

function joined(all: Text, { text }: Text): Text {
  return { text: `${all.text}${text}` };
}
