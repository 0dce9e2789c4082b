import { describe } from 'vitest';
import { BYTES, metadataOf, SHAPES, USER_AGENT } from './metadata-shapes.js';
import { seen, type Plain } from './record.js';
import { both, suiteOf, type Caller, type SemanticsStage } from './semantics.stage.js';
import type { Metadata } from '@grpc/grpc-js';

const { alike } = suiteOf();

/** What the handler sees of a call's metadata, as a Promise and as an Observable. */
async function heard(caller: Caller, { script }: SemanticsStage, metadata?: Metadata): Promise<Plain[]> {
  const all: Plain[] = [];
  script.ask = (message, received, call) => {
    all.push((seen(received, call) as { metadata: Plain }).metadata);
    return message;
  };
  await both(caller, {}, metadata ? { metadata } : {});
  return all;
}

describe('metadata of a request', () => {
  alike('has what grpc-js adds, and nothing of ours', heard, [USER_AGENT, USER_AGENT]);

  for (const [name, entries, arrived] of SHAPES)
    alike(`may be ${name}`, (caller, stage) => heard(caller, stage, metadataOf(entries)), [
      { ...USER_AGENT, ...arrived },
      { ...USER_AGENT, ...arrived },
    ]);

  alike(
    'may be a plain object of texts and lists',
    async (caller, { script }) => {
      let all: Plain = null;
      script.ask = (message, metadata) => {
        all = metadata.get('x-a') as string[];
        return message;
      };
      await caller.semantics.ask({}, { metadata: { 'X-A': ['one', 'two'] } });
      return all;
    },
    ['one, two'],
  );

  alike(
    'does not change where the handler changes its own',
    async (caller, { script }) => {
      const sent = metadataOf([['x-a', 'one']]);
      script.ask = (message, metadata) => {
        metadata.set('x-a', 'changed');
        metadata.set('x-b', 'new');
        return message;
      };
      await both(caller, {}, { metadata: sent });
      return sent;
    },
    { 'x-a': ['one'] },
  );

  alike(
    'can be read, cloned, merged and sent on, as any Metadata',
    async (caller, { script }) => {
      let all: unknown;
      script.ask = (message, metadata) => {
        const clone = metadata.clone();
        clone.merge(metadataOf([['x-c', 'three']]));
        metadata.remove('x-b');
        const http2 = metadata.toHttp2Headers();
        all = {
          map: metadata.getMap(),
          get: [metadata.get('X-A'), metadata.get('x-none'), metadata.get('x-bin')],
          clone,
          http2: { a: http2['x-a'], b: http2['x-b'] ?? null, bin: http2['x-bin'] },
          options: metadata.getOptions(),
        };
        return message;
      };
      await caller.semantics.ask(
        {},
        {
          metadata: metadataOf([
            ['x-a', '1'],
            ['x-b', '2'],
            ['x-bin', BYTES],
          ]),
        },
      );
      return all;
    },
    {
      map: { 'user-agent': 'grpc-node-js/#', 'x-a': '1', 'x-bin': `hex ${BYTES.toString('hex')}` },
      get: [['1'], [], [`hex ${BYTES.toString('hex')}`]],
      clone: { ...USER_AGENT, 'x-a': ['1'], 'x-b': ['2'], 'x-c': ['three'], 'x-bin': [`hex ${BYTES.toString('hex')}`] },
      http2: { a: '1', b: null, bin: BYTES.toString('base64') },
      options: {},
    },
  );

  for (const [name, entries, arrived] of [
    [
      'names of gRPC',
      [
        ['grpc-timeout', '1S'],
        ['grpc-encoding', 'gzip'],
        ['grpc-x', 'y'],
      ],
      { 'grpc-x': ['y'] },
    ],
    [
      'names of HTTP/2',
      [
        ['te', 'trailers'],
        ['content-type', 'application/json'],
        ['user-agent', 'me'],
      ],
      {},
    ],
    ['a lane that no withLane() made', [['rookery-lane', 'canary']], {}],
  ] as const)
    alike(
      `with ${name} arrives without them`,
      (caller, stage) => heard(caller, stage, metadataOf(entries)),
      Array(2).fill({ ...USER_AGENT, ...arrived }),
    );
});

describe('what a handler sees of its call', () => {
  alike(
    'is what gRPC has',
    async (caller, { script }) => {
      const all: Plain[] = [];
      script.ask = (message, metadata, call) => {
        all.push(seen(metadata, call));
        return message;
      };
      await both(caller);
      return all;
    },
    Array(2).fill({
      path: '/semantics.Semantics/Ask',
      host: 'semantics',
      peer: '127.0.0.1:#',
      deadline: 'number',
      cancelled: false,
      metadata: USER_AGENT,
      isMetadata: true,
      isThatOfTheCall: true,
    }),
  );

  alike(
    'has the methods of an emitter, and those of a ServerUnaryCall',
    async (caller, { script }) => {
      let all: unknown;
      script.ask = (message, _, call) => {
        const of = call as unknown as Record<string, unknown>;
        const functions =
          'on once off emit removeListener listenerCount sendMetadata getDeadline getPath getHost getPeer getAuthContext getMetricsRecorder';
        all = {
          functions: functions.split(' ').filter((name) => typeof of[name] !== 'function'),
          request: call.request === message,
          auth: call.getAuthContext(),
          fresh: [call.cancelled, call.listenerCount('nothing')],
        };
        return message;
      };
      await both(caller, { text: 'a' });
      return all;
    },
    { functions: [], request: true, auth: {}, fresh: [false, 0] },
  );

  alike(
    'is its own: a listener, a field and the message that it changes are gone with the call',
    async (caller, { script }) => {
      const all: Plain[] = [];
      script.ask = (message, metadata, call) => {
        const own = call as unknown as { mine?: number };
        all.push([own.mine ?? null, message.text ?? null, metadata.get('x-mine').length, call.listenerCount('mine')]);
        own.mine = 1;
        message.text = 'changed';
        metadata.set('x-mine', 'a');
        call.on('mine', () => {});
        return {};
      };
      const asked = { text: 'asked' };
      for (let i = 0; i < 3; i += 1) await caller.semantics.ask(asked);
      return { all, asked };
    },
    { all: Array(3).fill([null, 'asked', 0, 0]), asked: { text: 'asked' } },
  );
});
