import { Metadata, status } from '@grpc/grpc-js';
import { NotFoundException } from '@nestjs/common';
import { ClientProxyFactory, RpcException, Transport, type ClientGrpc } from '@nestjs/microservices';
import { getClientToken, RookeryModule, type RookeryClient } from 'rookery';
import { eventually } from 'rookery/testing';
import { EMPTY, firstValueFrom, NEVER, Observable, of, range, Subject, throwError } from 'rxjs';
import { map } from 'rxjs/operators';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refused } from '../support/refusal-stage.js';
import {
  answered,
  settled,
  STREAMS,
  streamed,
  streams,
  StreamsStage,
  turns,
  unhandledIn,
  type Handlers,
  type Kind,
  type RawClient,
  type Text,
} from '../support/streams-stage.js';

let stage: StreamsStage;
beforeEach(() => void (stage = new StreamsStage()));
afterEach(() => stage.close());

interface Defect {
  readonly what: string;
  /** What is seen with Nest's own, and with ours that keeps its behaviour. */
  readonly nest: object;
  readonly ours: object;
}

const CHANGED =
  'Nest behaves otherwise than when this was written: upstream may have mended it; reconsider our own way';

/** A defect is shown three times. */
async function compare(see: (kind: Kind) => Promise<object>, { nest, ours }: Defect): Promise<void> {
  expect(await see('nest'), CHANGED).toMatchObject(nest);
  expect(await see('compat'), "compat: 'nest' differs from Nest").toMatchObject(nest);
  expect(await see('rookery')).toMatchObject(ours);
}

/** A call that hangs ends with this. */
const soon = () => ({ deadline: Date.now() + 300 });
const HANGS = { code: status.DEADLINE_EXCEEDED };
const kilobyte = 'x'.repeat(1000);

describe("Nest's server", () => {
  type Row = Defect & { readonly handlers: Partial<Handlers>; readonly call: (client: RawClient) => Promise<object> };
  const ask = (client: RawClient) => answered((done) => client.Ask({}, soon(), done));
  const list = (client: RawClient) => streamed(client.List({}, soon()));
  const sum = (client: RawClient) => answered((done) => client.Sum(soon(), done).end({}));
  const noMessage = (rpc: string) => ({
    code: status.INTERNAL,
    details: expect.stringMatching(`^the handler of streams.Streams/${rpc} gave no message. Return one, or throw `),
  });

  const rows: readonly Row[] = [
    {
      what: 'S1: does not answer a unary call whose Observable has no value',
      handlers: { ask: () => EMPTY },
      call: ask,
      nest: HANGS,
      ours: noMessage('Ask'),
    },
    {
      what: 'S1: nor a client stream',
      handlers: { sum: () => EMPTY },
      call: sum,
      nest: HANGS,
      ours: noMessage('Sum'),
    },
    {
      what: 'S1: nor one whose answer has no fields',
      handlers: { clear: () => EMPTY },
      call: (client) => answered((done) => client.Clear({}, soon(), done)),
      nest: HANGS,
      ours: { messages: [{}] },
    },
    {
      what: 'S3: lets a call hang whose Observable has two values',
      handlers: { ask: () => of({ text: 'one' }, { text: 'two' }) },
      call: ask,
      nest: HANGS,
      ours: { messages: [{ text: 'one' }] },
    },
    {
      what: 'S5: gives every exception of HTTP as UNKNOWN',
      handlers: { ask: () => Promise.reject(new NotFoundException('no such user')) },
      call: ask,
      nest: { code: status.UNKNOWN, details: 'Internal server error' },
      ours: { code: status.NOT_FOUND, details: 'no such user' },
    },
    {
      what: 'S7: takes an async generator for a message',
      handlers: { list: twoTexts },
      call: list,
      nest: { messages: [{}] },
      ours: { messages: [{ text: 'one' }, { text: 'two' }] },
    },
    {
      what: 'S7: and an array',
      handlers: { list: () => [{ text: 'one' }, { text: 'two' }] },
      call: list,
      nest: { code: status.INTERNAL, details: 'Error serializing response' },
      ours: { messages: [{ text: 'one' }, { text: 'two' }] },
    },
    {
      what: 'S8: blames the serializer for a handler that returns nothing',
      handlers: { ask: () => undefined },
      call: ask,
      nest: { code: status.INTERNAL, details: 'Error serializing response' },
      ours: noMessage('Ask'),
    },
  ];

  it.each(rows)('$what', async (row) => {
    Object.assign(stage.handlers, row.handlers);
    await compare(async (kind) => row.call(stage.raw(await stage.start(kind))), row);
  });

  it('S2: works on for a unary call whose client has gone', async () => {
    const see = async (kind: Kind) => {
      let subscribed = false;
      let cancelled = false;
      let unsubscribed = false;
      stage.handlers.ask = (_, __, call) => {
        call.on('cancelled', () => (cancelled = true));
        return new Observable(() => {
          subscribed = true;
          return () => (unsubscribed = true);
        });
      };
      const client = stage.raw(await stage.start(kind));
      const call = client.Ask({}, () => {});
      await eventually(() => expect(subscribed).toBe(true));
      call.cancel();
      await eventually(() => expect(cancelled).toBe(true));
      await turns();
      return { unsubscribed };
    };
    await compare(see, { what: 'S2', nest: { unsubscribed: false }, ours: { unsubscribed: true } });
  });

  it('S4: leaves a refused promise to the process', async () => {
    const see = async (kind: Kind) => {
      stage.handlers.ask = () => of(Promise.reject(new NotFoundException('no such user')));
      const client = stage.raw(await stage.start(kind));
      let outcome = {};
      const unhandled = await unhandledIn(async () => (outcome = await ask(client)));
      return { ...outcome, unhandled: unhandled.length };
    };
    await compare(see, {
      what: 'S4',
      nest: { ...HANGS, unhandled: 1 },
      ours: { code: status.NOT_FOUND, details: 'no such user', unhandled: 0 },
    });
  });

  it('lets half an emoji in an error end the process', async () => {
    const see = async (kind: Kind) => {
      stage.handlers.ask = () => throwError(() => new RpcException({ code: status.NOT_FOUND, message: 'no \uD83D' }));
      const client = stage.raw(await stage.start(kind));
      let outcome = {};
      const unhandled = await unhandledIn(async () => (outcome = await ask(client)));
      return { ...outcome, unhandled: unhandled.length };
    };
    await compare(see, {
      what: 'half an emoji',
      nest: { ...HANGS, unhandled: 1 },
      ours: { code: status.NOT_FOUND, details: 'no \uFFFD', unhandled: 0 },
    });
  });

  it('lets a null in a stream end the process', async () => {
    const see = async (kind: Kind) => {
      stage.handlers.list = () => of({ text: 'one' }, null);
      const client = stage.raw(await stage.start(kind));
      let outcome = {};
      const unhandled = await unhandledIn(async () => (outcome = await list(client)));
      return { ...outcome, unhandled: unhandled.length };
    };
    await compare(see, {
      what: 'null',
      nest: { unhandled: 1 },
      ours: { ...noMessage('List'), messages: [{ text: 'one' }], unhandled: 0 },
    });
  });

  it('S6: keeps everything for a reader who does not read', async () => {
    const see = async (kind: Kind) => {
      const many = kind === 'rookery' ? 200_000 : 20_000;
      let produced = 0;
      const one = () => {
        produced += 1;
        return { text: kilobyte };
      };
      stage.handlers.ask = () => ({});
      stage.handlers.list = () => (kind === 'rookery' ? generate(many, one) : range(0, many).pipe(map(one)));
      const client = stage.raw(await stage.start(kind));
      const call = client.List({});
      // Without a first read, a client of grpc-js buffers whatever comes.
      call.on('error', () => {}).once('data', () => call.pause());
      await eventually(() => expect(call.isPaused()).toBe(true));
      await settled(
        () => produced,
        () => answered((done) => client.Ask({}, done)),
      );
      call.cancel();
      return { all: produced === many, few: produced < 5000 };
    };
    await compare(see, { what: 'S6', nest: { all: true }, ours: { all: false, few: true } });
  });

  it('lets an error in a handler that has the call itself end the process', async () => {
    const see = async (kind: Kind) => {
      stage.handlers.raw = () => Promise.reject(new NotFoundException('no such stream'));
      const client = stage.raw(await stage.start(kind));
      let outcome = {};
      const unhandled = await unhandledIn(async () => (outcome = await streamed(client.Raw(soon()))));
      return { ...outcome, unhandled: unhandled.length };
    };
    await compare(see, {
      what: 'GrpcStreamCall',
      nest: { ...HANGS, unhandled: 1 },
      ours: { code: status.NOT_FOUND, details: 'no such stream', unhandled: 0 },
    });
  });
});

describe("Nest's client", () => {
  interface Service {
    ask(text: Text): Observable<Text>;
    sum(texts: unknown, metadata?: Metadata, options?: object): Observable<Text>;
    echo(texts: unknown, metadata?: Metadata, options?: object): Observable<Text>;
  }
  const serviceOf = async (kind: Kind): Promise<Service> => {
    const url = await stage.start('rookery');
    if (kind === 'nest') {
      const options = { ...STREAMS, url };
      const client = ClientProxyFactory.create({ transport: Transport.GRPC, options }) as unknown as ClientGrpc;
      return client.getService<Service>('Streams');
    }
    const feature = { service: streams, url, ...(kind === 'compat' && { compat: 'nest' as const }) };
    const app = await stage.client(RookeryModule.forFeature([feature]));
    return app.get<RookeryClient<any>>(getClientToken('streams')).getService<any>('Streams') as Service;
  };

  it.each([
    ['sum', 'later'],
    ['sum', 'at once'],
    ['echo', 'at once'],
  ] as const)('C1: ends the process where the source of %s fails %s', async (rpc, when) => {
    const see = async (kind: Kind) => {
      let told: unknown;
      const state = { asked: false, cancelled: false };
      const hold = (_: unknown, __: unknown, call: { on(event: string, listener: () => void): void }) => {
        state.asked = true;
        call.on('cancelled', () => (state.cancelled = true));
        return NEVER;
      };
      Object.assign(stage.handlers, { [rpc]: hold });
      const service = await serviceOf(kind);
      const source = new Subject<Text>();
      const broken = new Error('the source broke');
      const unhandled = await unhandledIn(async (known) => {
        if (when === 'at once') source.error(broken);
        service[rpc](source).subscribe({ error: (error: Error) => (told = error.message) });
        if (when === 'later') await eventually(() => expect(state.asked).toBe(true));
        source.error(broken);
        await eventually(() => expect(told ?? known[0]).toBeDefined());
      });
      if (kind === 'rookery') await eventually(() => expect(state.cancelled).toBe(state.asked));
      return { told, unhandled: unhandled.length };
    };
    await compare(see, {
      what: 'C1',
      nest: { told: undefined, unhandled: 1 },
      ours: { told: 'the source broke', unhandled: 0 },
    });
  });

  it.each(['sum', 'echo'] as const)('C2: forgets the options of %s', async (rpc) => {
    const see = async (kind: Kind) => {
      let deadline: unknown;
      const handler = (_: unknown, __: unknown, call: { getDeadline(): unknown }) => {
        deadline = call.getDeadline();
        return of({ text: 'done' });
      };
      Object.assign(stage.handlers, { [rpc]: handler });
      const service = await serviceOf(kind);
      await firstValueFrom(service[rpc](of({}), new Metadata(), { deadline: Date.now() + 60_000 }));
      return { limited: deadline !== Infinity };
    };
    await compare(see, { what: 'C2', nest: { limited: false }, ours: { limited: true } });
  });

  it('C3: waits for ever', async () => {
    const see = async (kind: Kind) => {
      let deadline: unknown;
      stage.handlers.ask = (_, __, call) => {
        deadline = call.getDeadline();
        return {};
      };
      await firstValueFrom((await serviceOf(kind)).ask({}));
      return { limited: deadline !== Infinity };
    };
    await compare(see, { what: 'C3', nest: { limited: false }, ours: { limited: true } });
  });

  it('C4: sends everything to a server that does not read', async () => {
    const see = async (kind: Kind) => {
      const many = kind === 'rookery' ? 200_000 : 20_000;
      let produced = 0;
      let asked = false;
      const one = () => {
        produced += 1;
        return { text: kilobyte };
      };
      stage.handlers.ask = () => ({});
      stage.handlers.sum = () => {
        asked = true;
        return NEVER;
      };
      const service = await serviceOf(kind);
      const source = kind === 'rookery' ? generate(many, one) : range(0, many).pipe(map(one));
      const subscription = service.sum(source).subscribe({ error: () => {} });
      await eventually(() => expect(asked).toBe(true));
      await settled(
        () => produced,
        () => firstValueFrom(service.ask({})),
      );
      subscription.unsubscribe();
      return { all: produced === many, few: produced < 5000 };
    };
    await compare(see, { what: 'C4', nest: { all: true }, ours: { all: false, few: true } });
  });
});

describe('compat', () => {
  const wrong = 'stock' as unknown as 'nest';

  it.each([
    ['a server', 'rookeryGrpc.compat', () => stage.micro({ service: streams, compat: wrong })],
    [
      'a client',
      'forFeature("streams").compat',
      () => stage.client(RookeryModule.forFeature([{ service: streams, compat: wrong }])),
    ],
  ])("of %s is 'nest', or absent", async (_, path, make) => {
    await refused(make, { code: 'ROOKERY_OPTION_INVALID', path, remedy: "Use 'nest', or leave it out." });
  });
});

async function* twoTexts() {
  yield { text: 'one' };
  yield { text: 'two' };
}

async function* generate(many: number, one: () => Text) {
  for (let i = 0; i < many; i += 1) yield one();
}
