import { AsyncLocalStorage } from 'node:async_hooks';
import {
  Controller,
  Injectable,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { getClientToken, RegisterService, RookeryModule, type RookeryClient } from 'rookery';
import { eventually } from 'rookery/testing';
import { EMPTY, firstValueFrom, from, lastValueFrom, of, Subject, type Observable } from 'rxjs';
import { map, reduce, toArray } from 'rxjs/operators';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  answered,
  streamed,
  streams,
  StreamsController,
  StreamsStage,
  turns,
  type Text,
} from '../support/streams-stage.js';

let stage: StreamsStage;
beforeEach(() => void (stage = new StreamsStage()));
afterEach(() => stage.close());

const texts = (...all: string[]) => all.map((text) => ({ text }));

describe('an interceptor of the user', () => {
  const requests = new AsyncLocalStorage<string>();

  it('sees the messages of an iterable, and its generator runs in the context that the interceptor opens', async () => {
    @Injectable()
    class Loud implements NestInterceptor {
      intercept(_: ExecutionContext, next: CallHandler) {
        return requests.run('mine', () => next.handle().pipe(map(({ text }: Text) => ({ text: text!.toUpperCase() }))));
      }
    }
    @Controller()
    @RegisterService()
    @UseInterceptors(Loud)
    class LoudController {
      @GrpcMethod('Streams', 'List')
      async *list() {
        yield { text: String(requests.getStore()) };
        await turns();
        yield { text: String(requests.getStore()) };
      }
    }
    const client = stage.raw(await stage.start('rookery', { controllers: [LoudController] }));
    expect(await streamed(client.List({}))).toMatchObject({ messages: texts('MINE', 'MINE') });
  });

  it('may answer itself', async () => {
    class Cached implements NestInterceptor {
      intercept = () => of({ text: 'cached' });
    }
    @Controller()
    @RegisterService()
    @UseInterceptors(Cached)
    class CachedController extends StreamsController {}
    const client = stage.raw(await stage.start('rookery', { controllers: [CachedController] }));
    expect(await answered((done) => client.Ask({}, done))).toMatchObject({ messages: texts('cached') });
    expect(await streamed(client.List({}))).toMatchObject({ messages: texts('cached') });
  });
});

describe('an Observable of a client', () => {
  const serviceOf = async () => {
    const url = await stage.start('rookery');
    const app = await stage.client(RookeryModule.forFeature([{ service: streams, url }]));
    return app.get<RookeryClient<any>>(getClientToken('streams')).getService<any>('Streams') as Record<
      string,
      (...args: unknown[]) => Observable<Text>
    >;
  };

  it.each([
    ['Observables', () => from(texts('a', 'b'))],
    ['async generators', () => generated('a', 'b')],
    ['arrays', () => texts('a', 'b')],
  ])('sends %s', async (_, source) => {
    stage.handlers.sum = (messages) => messages.pipe(reduce(joined, { text: '' }));
    stage.handlers.echo = (messages) => messages;
    const service = await serviceOf();
    expect(await firstValueFrom(service['sum']!(source()))).toMatchObject({ text: 'ab' });
    expect(await firstValueFrom(service['echo']!(source()).pipe(toArray()))).toMatchObject(texts('a', 'b'));
  });

  it.each([
    ['the second argument', [{ timeoutMs: 60_000 }]],
    ['the third, behind no metadata', [undefined, { timeoutMs: 60_000 }]],
  ])('takes options as %s', async (_, args) => {
    const deadlines: unknown[] = [];
    const note = (_request: unknown, __: unknown, call: { getDeadline(): unknown }) => {
      deadlines.push(call.getDeadline());
      return of({});
    };
    Object.assign(stage.handlers, { ask: note, list: note, sum: note, echo: note });
    const service = await serviceOf();
    for (const name of ['ask', 'list']) await lastValueFrom(service[name]!({}, ...args));
    for (const name of ['sum', 'echo']) await lastValueFrom(service[name]!(of({}), ...args));
    expect(deadlines.filter((deadline) => deadline !== Infinity)).toHaveLength(4);
  });

  it('cancels its call when it is left, and closes what it sends', async () => {
    let held = 0;
    let cancelled = 0;
    const hold = (_: unknown, __: unknown, call: { on(event: string, listener: () => void): void }) => {
      held += 1;
      call.on('cancelled', () => (cancelled += 1));
      return new Subject();
    };
    Object.assign(stage.handlers, { ask: hold, list: hold, sum: hold, echo: hold });
    const service = await serviceOf();
    const source = new Subject<Text>();
    for (const [i, name] of ['ask', 'list', 'sum', 'echo'].entries()) {
      const subscription = service[name]!(i < 2 ? {} : source).subscribe();
      await eventually(() => expect(held).toBe(i + 1));
      subscription.unsubscribe();
      await eventually(() => expect([cancelled, source.observed]).toEqual([i + 1, false]));
    }
  });

  it('may be left in the turn in which it was subscribed to', async () => {
    let asked = false;
    stage.handlers.list = () => {
      asked = true;
      return EMPTY;
    };
    stage.handlers.ask = () => ({});
    const service = await serviceOf();
    service['list']!({}).subscribe().unsubscribe();
    for (let i = 0; i < 3; i += 1) await firstValueFrom(service['ask']!({}));
    expect(asked).toBe(false);
  });
});

async function* generated(...all: string[]) {
  yield* texts(...all);
}

function joined(all: Text, { text }: Text): Text {
  return { text: `${all.text}${text}` };
}
