import { EventEmitter, once } from 'node:events';
import {
  credentials,
  makeGenericClientConstructor,
  Metadata,
  Server,
  ServerCredentials,
  status,
  type Client,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { NEVER, from, throwError } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isCallError } from '../../grpc/call-error.js';
import { eventually } from '../../testing/eventually.js';
import { createAsyncClient } from './async-client.js';
import type { CallOptions, Messages } from './async-client.types.js';

const json = {
  serialize: (value: unknown) => Buffer.from(JSON.stringify(value)),
  deserialize: (bytes: Buffer) => JSON.parse(bytes.toString()) as unknown,
};
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/t.T/${name}`,
  originalName: name.charAt(0).toLowerCase() + name.slice(1),
  requestStream,
  responseStream,
  requestSerialize: json.serialize,
  requestDeserialize: json.deserialize,
  responseSerialize: json.serialize,
  responseDeserialize: json.deserialize,
});
const T = {
  Ask: method('Ask', false, false),
  List: method('List', false, true),
  Sum: method('Sum', true, false),
  Echo: method('Echo', true, true),
};

interface Question {
  n?: number;
  size?: number;
  fail?: string;
  hang?: boolean;
}

interface TestClient {
  ask(question: Question, options?: CallOptions): Promise<any>;
  Ask(question: Question, options?: CallOptions): Promise<any>;
  list(question: Question, options?: CallOptions): AsyncIterable<any>;
  sum(numbers: Messages<any>, options?: CallOptions): Promise<any>;
  echo(messages: Messages<any>, options?: CallOptions): AsyncIterable<any>;
}

let server: Server;
let grpcClient: Client;
let client: TestClient;
/** What the server saw. */
let seen: { written: number; cancelled: number; running: number; received: unknown[]; metadata: Metadata | undefined };

const refused = (details: string) => ({ code: status.FAILED_PRECONDITION, details });

const running = (call: { on(event: 'cancelled', ended: () => void): unknown }) => {
  const mine = seen;
  mine.running += 1;
  call.on('cancelled', () => {
    mine.cancelled += 1;
    mine.running -= 1;
  });
};

const handlers = {
  Ask: (call: ServerUnaryCall<Question, unknown>, done: sendUnaryData<unknown>) => {
    seen.metadata = call.metadata;
    call.on('cancelled', () => (seen.cancelled += 1));
    if (call.request.fail) done(refused(call.request.fail));
    else if (!call.request.hang) done(null, { n: call.request.n });
  },
  async List(call: ServerWritableStream<Question, unknown>) {
    const { n = 0, size = 1, fail, hang } = call.request;
    call.on('cancelled', () => (seen.cancelled += 1));
    for (let i = 0; i < n && !call.cancelled; i += 1) {
      seen.written += 1;
      if (!call.write({ i, text: 'x'.repeat(size) })) await once(call, 'drain');
    }
    if (fail) call.emit('error', refused(fail));
    else if (!hang) call.end();
  },
  Sum: (call: ServerReadableStream<any, unknown>, done: sendUnaryData<unknown>) => {
    let sum = 0;
    running(call);
    call.on('data', ({ n, fail }: Question) => {
      seen.received.push(n);
      if (fail) done(refused(fail));
      sum += n ?? 0;
    });
    call.on('end', () => done(null, { sum }));
  },
  Echo: (call: ServerDuplexStream<any, unknown>) => {
    running(call);
    call.on('data', (message) => call.write(message));
    call.on('end', () => call.end());
  },
};

beforeEach(async () => {
  seen = { written: 0, cancelled: 0, running: 0, received: [], metadata: undefined };
  server = new Server();
  server.addService(T, handlers);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  grpcClient = new (makeGenericClientConstructor(T, 'T'))(`127.0.0.1:${port}`, credentials.createInsecure());
  client = createAsyncClient(grpcClient, T, { service: 'tests' }) as unknown as TestClient;
});
afterEach(() => {
  grpcClient.close();
  server.forceShutdown();
});

const all = async <M>(messages: AsyncIterable<M>): Promise<M[]> => {
  const list: M[] = [];
  for await (const message of messages) list.push(message);
  return list;
};
const failure = (promise: Promise<unknown>): Promise<any> =>
  promise.then(
    () => expect.unreachable(),
    (error: unknown) => error,
  );
const turns = () => new Promise((resolve) => setImmediate(resolve));

async function* numbers(count: number, onEnd: () => void = () => {}) {
  try {
    for (let n = 1; n <= count; n += 1) yield { n };
  } finally {
    onEnd();
  }
}

describe('a unary call', () => {
  it('resolves with the answer, under both spellings', async () => {
    expect([await client.ask({ n: 1 }), await client.Ask({ n: 2 })]).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it('rejects with the status of the server', async () => {
    expect(await failure(client.ask({ fail: 'no' }))).toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: 'no',
    });
  });

  const ready = new Metadata();
  ready.add('x-one', '1');
  for (const value of ['a', 'b']) ready.add('x-two', value);
  it.each([
    ['a record', { 'x-one': '1', 'x-two': ['a', 'b'] }],
    ['Metadata', ready],
  ])('takes metadata as %s', async (_, metadata) => {
    await client.ask({}, { metadata });
    expect([seen.metadata!.get('x-one'), seen.metadata!.get('x-two')]).toEqual([['1'], ['a, b']]);
  });

  it('is not sent where its signal has aborted', async () => {
    const error = await failure(client.ask({}, { signal: AbortSignal.abort(new Error('gone')) }));
    expect(error).toMatchObject({ code: status.CANCELLED, service: 'tests', cause: new Error('gone') });
    expect(isCallError(error)).toBe(true);
    expect(seen.metadata).toBeUndefined();
  });

  it('is cancelled on both sides when its signal aborts', async () => {
    const abort = new AbortController();
    const answer = failure(client.ask({ hang: true }, { signal: abort.signal }));
    await eventually(() => expect(seen.metadata).toBeDefined());
    abort.abort('enough');
    expect(await answer).toMatchObject({ code: status.CANCELLED, cause: 'enough' });
    await eventually(() => expect(seen.cancelled).toBe(1));
  });
});

describe('a server stream', () => {
  it('gives every message in order', async () => {
    expect((await all(client.list({ n: 300 }))).map(({ i }) => i)).toEqual(Array.from({ length: 300 }, (_, i) => i));
  });

  it('slows the server down where its reader pauses', async () => {
    const messages = client.list({ n: 5000, size: 10_000 })[Symbol.asyncIterator]();
    expect((await messages.next()).value).toMatchObject({ i: 0 });
    let before = -1;
    await eventually(
      () => {
        const stands = before === seen.written;
        before = seen.written;
        expect(stands).toBe(true);
      },
      { everyMs: 100 },
    );
    expect(seen.written).toBeLessThan(500);
    expect((await messages.next()).value).toMatchObject({ i: 1 });
    await messages.return?.();
    await eventually(() => expect(seen.cancelled).toBe(1));
  });

  // Not more: where an error comes, grpc-js drops what it has received beyond the 16 messages of its buffer.
  it.each([1, 10])('gives the %i messages that came before an error, and then the error', async (n) => {
    const received: number[] = [];
    const error = await failure(
      (async () => {
        for await (const { i } of client.list({ n, fail: 'at the end' })) {
          received.push(i);
          await turns();
        }
      })(),
    );
    expect(error).toMatchObject({ code: status.FAILED_PRECONDITION, details: 'at the end', service: 'tests' });
    expect(received).toHaveLength(n);
  });

  it('is cancelled when the loop is left', async () => {
    for await (const { i } of client.list({ n: 3, hang: true })) if (i === 1) break;
    await eventually(() => expect(seen.cancelled).toBe(1));
  });

  it('is not sent where its signal has aborted', async () => {
    expect(await failure(all(client.list({ n: 1 }, { signal: AbortSignal.abort('gone') })))).toMatchObject({
      code: status.CANCELLED,
      cause: 'gone',
    });
    expect(seen.written).toBe(0);
  });

  it('ends with CANCELLED when its signal aborts', async () => {
    const abort = new AbortController();
    const messages = failure(all(client.list({ n: 2, hang: true }, { signal: abort.signal })));
    await eventually(() => expect(seen.written).toBe(2));
    abort.abort('enough');
    expect(await messages).toMatchObject({ code: status.CANCELLED, cause: 'enough' });
  });

  it('that fails and is never read harms nobody', async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown) => void unhandled.push(error);
    process.on('uncaughtException', note).on('unhandledRejection', note);
    client.list({ fail: 'unread' });
    client.list({}, { signal: AbortSignal.abort() });
    client.echo(throwError(() => new Error('source')));
    await eventually(async () => expect((await failure(all(client.list({ fail: 'read' })))).details).toBe('read'));
    await turns();
    process.off('uncaughtException', note).off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });
});

describe('a client stream', () => {
  it.each<[string, () => Messages<{ n: number }>]>([
    ['an array', () => [{ n: 1 }, { n: 2 }, { n: 3 }]],
    ['an async generator', () => numbers(3)],
    ['an Observable', () => from([{ n: 1 }, { n: 2 }, { n: 3 }])],
    ['nothing', () => [{ n: 6 }].values()],
  ])('takes its messages from %s', async (_, messages) => {
    expect(await client.sum(messages())).toEqual({ sum: 6 });
  });

  it('takes from its source no faster than the server reads', async () => {
    let taken = 0;
    async function* big() {
      for (; taken < 100_000; taken += 1) yield { n: 1, text: 'x'.repeat(10_000) };
    }
    server.removeService(T);
    server.addService(T, { ...handlers, Sum: (call: ServerReadableStream<any, unknown>) => void call.pause() });
    const abort = new AbortController();
    const answer = failure(client.sum(big(), { signal: abort.signal }));
    let before = -1;
    await eventually(
      () => {
        const stands = taken > 0 && before === taken;
        before = taken;
        expect(stands).toBe(true);
      },
      { everyMs: 100 },
    );
    expect(taken).toBeLessThan(1000);
    abort.abort();
    expect(await answer).toMatchObject({ code: status.CANCELLED });
  });

  it.each<[string, () => Messages<object>]>([
    [
      'an async generator',
      async function* () {
        yield { n: 1 };
        await eventually(() => expect(seen.received).toEqual([1]));
        throw new Error('the source broke');
      },
    ],
    ['an Observable', () => throwError(() => new Error('the source broke'))],
    ['an array with a message that is none', () => [{ n: 1 }, null as never]],
    ['an Observable of a message that is none', () => from([{ n: 1 }, null as never])],
  ])('is cancelled, and rejects with the error of its source, %s', async (_, messages) => {
    expect(await failure(client.sum(messages()))).toMatchObject({
      message: expect.stringMatching(/the source broke|null/),
    });
    // A call that broke before it was sent is none that a server could see cancelled.
    await eventually(() => expect(seen.cancelled).toBe(seen.received.length));
  });

  const withoutMessages = async (_: string, messages: unknown) => {
    await client.ask({});
    await failure(client.sum(messages as never));
    await failure(all(client.echo(messages as never)));
    // Sent after them on the same connection: what the server has not seen by now was never sent.
    await client.ask({});
    await eventually(() => expect(seen.running).toBe(0), { timeoutMs: 2000 });
  };
  it.each([
    ['a number', 1],
    ['undefined', undefined],
    ['null', null],
  ])('is cancelled, and rejects, where its messages are %s', withoutMessages);

  it('closes its source when the server answers early', async () => {
    let closed = false;
    async function* endless() {
      try {
        for (;;) yield await turns().then(() => ({ n: 1, fail: 'enough' }));
      } finally {
        closed = true;
      }
    }
    expect(await failure(client.sum(endless()))).toMatchObject({ details: 'enough' });
    await eventually(() => expect(closed).toBe(true));
  });

  it('closes at once a source that has nothing to say', async () => {
    const abort = new AbortController();
    let closed = false;
    const silent: AsyncIterable<object> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        return: () => {
          closed = true;
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    };
    const answer = failure(client.sum(silent, { signal: abort.signal }));
    abort.abort();
    await answer;
    await eventually(() => expect(closed).toBe(true));
    expect(await failure(client.sum(NEVER, { signal: AbortSignal.abort() }))).toMatchObject({ code: status.CANCELLED });
  });
});

describe('a bidirectional stream', () => {
  it('answers while it is being sent', async () => {
    const questions = new EventEmitter();
    async function* asked() {
      for (let n = 1; n <= 3; n += 1) {
        yield { n };
        await new Promise((resolve) => questions.once('answered', resolve));
      }
    }
    const answers: number[] = [];
    for await (const { n } of client.echo(asked())) {
      answers.push(n);
      questions.emit('answered');
    }
    expect(answers).toEqual([1, 2, 3]);
  });

  it('gives what came before the error of its source, and then that error', async () => {
    async function* broken() {
      yield { n: 1 };
      await eventually(() => expect(answers).toEqual([1]));
      throw new Error('the source broke');
    }
    const answers: number[] = [];
    const error = await failure(
      (async () => {
        for await (const { n } of client.echo(broken())) answers.push(n);
      })(),
    );
    expect(error).toMatchObject({ message: 'the source broke' });
    await eventually(() => expect(seen.cancelled).toBe(1));
  });

  it('closes its source when the loop is left', async () => {
    let closed = false;
    for await (const { n } of client.echo(numbers(1e9, () => (closed = true)))) if (n === 3) break;
    await eventually(() => expect([closed, seen.cancelled]).toEqual([true, 1]));
  });
});
