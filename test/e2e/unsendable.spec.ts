import { Metadata, status, type ServerDuplexStream } from '@grpc/grpc-js';
import { BadRequestException } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { of, throwError } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answered, streamed, StreamsStage, unhandledIn, type RawClient, type Text } from '../support/streams-stage.js';

let stage: StreamsStage;
beforeEach(() => void (stage = new StreamsStage()));
afterEach(() => stage.close());

type Call = ServerDuplexStream<Text, Text>;
/** A call that hangs ends with this. */
const soon = () => ({ deadline: Date.now() + 5000 });
const hopByHop = () => metadata('connection', 'close');

function metadata(name: string, value: string): Metadata {
  const made = new Metadata();
  made.set(name, value);
  return made;
}

const everywhere = async (client: RawClient) => [
  await answered((done) => client.Ask({}, soon(), done)),
  await streamed(client.List({}, soon())),
  await answered((done) => client.Sum(soon(), done).end({})),
  await streamed(client.Echo(soon())),
  await streamed(client.Raw(soon())),
];

describe('a status that grpc-js cannot send', () => {
  it.each([
    ['half an emoji', () => new BadRequestException('bad \uD83D'), { code: 3, details: 'bad \uFFFD' }],
    ['plain metadata', () => new RpcException({ code: 5, message: 'x', metadata: { a: 'b' } }), { code: 5 }],
    ['metadata of HTTP/1', () => new RpcException({ code: 5, message: 'x', metadata: hopByHop() }), { code: 5 }],
    [
      'a long text',
      () => new RpcException({ code: 5, message: 'x'.repeat(200_000) }),
      { code: 5, details: expect.stringMatching(/^x{6000,}…$/) as string },
    ],
    [
      'much metadata',
      () => new RpcException({ code: 5, message: 'x', metadata: metadata('a', 'x'.repeat(200_000)) }),
      { code: 5, details: 'x' },
    ],
  ])('is sent without what stops it, and every call goes on: %s', async (_, exception, expected) => {
    stage.handlers.ask = () => throwError(exception);
    stage.handlers.list = async function* () {
      yield { text: 'one' };
      throw exception();
    };
    stage.handlers.sum = async () => {
      throw exception();
    };
    stage.handlers.echo = () => throwError(exception);
    stage.handlers.raw = () => {
      throw exception();
    };
    const client = stage.raw(await stage.start('rookery'));
    const unhandled = await unhandledIn(async () => {
      expect(await everywhere(client)).toEqual(Array(5).fill(expect.objectContaining(expected)));
    });
    expect(unhandled).toEqual([]);
  });

  it('is an unknown one where it cannot even be read', async () => {
    const unreadable = () => of(Promise.reject(Object.assign(new RpcException('x'), { getError: broken })));
    stage.handlers.ask = unreadable;
    stage.handlers.list = unreadable;
    const client = stage.raw(await stage.start('rookery'));
    const unknown = { code: status.UNKNOWN, details: 'Internal server error' };
    const unhandled = await unhandledIn(async () => {
      expect(await answered((done) => client.Ask({}, soon(), done))).toMatchObject(unknown);
      expect(await streamed(client.List({}, soon()))).toMatchObject(unknown);
    });
    expect(unhandled).toEqual([]);
  });

  it('is mended for a handler that answers by itself, too', async () => {
    const failed = { code: status.NOT_FOUND, details: 'gone \uD83D', metadata: hopByHop() };
    stage.handlers.raw = (call) => void setImmediate(() => call.emit('error', failed));
    const client = stage.raw(await stage.start('rookery'));
    const unhandled = await unhandledIn(async () => {
      expect(await streamed(client.Raw(soon()))).toMatchObject({ code: status.NOT_FOUND, details: 'gone \uFFFD' });
    });
    expect(unhandled).toEqual([]);
  });

  it('does not stop what a call brings on top of its answer', async () => {
    const send = (call: Call) => {
      call.sendMetadata({ a: 'b' } as unknown as Metadata);
      return {};
    };
    stage.handlers.ask = (_, __, call) => send(call);
    stage.handlers.list = (_, __, call) => of(send(call));
    stage.handlers.raw = (call) => {
      call.sendMetadata(hopByHop());
      call.write({ text: 'one' });
      call.end(hopByHop());
    };
    const client = stage.raw(await stage.start('rookery'));
    const unhandled = await unhandledIn(async () => {
      expect(await answered((done) => client.Ask({}, soon(), done))).toMatchObject({ messages: [{}] });
      expect(await streamed(client.List({}, soon()))).toMatchObject({ messages: [{}] });
      expect(await streamed(client.Raw(soon()))).toMatchObject({ messages: [{ text: 'one' }] });
    });
    expect(unhandled).toEqual([]);
    expect(stage.warnings.filter((warning) => warning.includes('"connection"'))).toHaveLength(2);
  });
});

describe('promises that are refused together', () => {
  const refuse = () => Promise.reject(new RpcException({ code: status.ABORTED, message: 'refused' }));

  it.each([
    ['an array', () => [1, 2, 3].map(refuse)],
    ['a set', () => new Set([refuse(), refuse()])],
    ['an array whose first is slow', () => [new Promise((_, reject) => setImmediate(reject, aborted())), refuse()]],
    ['an Observable', () => of(refuse(), refuse())],
    [
      'an Observable whose first is slow',
      () => of(new Promise((_, reject) => setImmediate(reject, aborted())), refuse()),
    ],
  ])('end their call, and nothing else: %s', async (_, list) => {
    stage.handlers.list = list;
    stage.handlers.echo = list;
    const client = stage.raw(await stage.start('rookery'));
    const unhandled = await unhandledIn(async () => {
      expect(await streamed(client.List({}, soon()))).toMatchObject({ code: status.ABORTED });
      expect(await streamed(client.Echo(soon()))).toMatchObject({ code: status.ABORTED });
    });
    expect(unhandled).toEqual([]);
  });

  it('do not matter behind the first one of a unary call', async () => {
    stage.handlers.ask = () => of(Promise.resolve({ text: 'one' }), refuse());
    const client = stage.raw(await stage.start('rookery'));
    const unhandled = await unhandledIn(async () => {
      expect(await answered((done) => client.Ask({}, soon(), done))).toMatchObject({ messages: [{ text: 'one' }] });
    });
    expect(unhandled).toEqual([]);
  });
});

function aborted(): RpcException {
  return new RpcException({ code: status.ABORTED, message: 'late' });
}

function broken(): object {
  return {
    code: 5,
    get message(): string {
      throw new Error('no text');
    },
  };
}
