import {
  compressionAlgorithms,
  credentials,
  InterceptingCall,
  Metadata,
  ServerInterceptingCall,
  status,
  type Interceptor,
  type ServerInterceptor,
} from '@grpc/grpc-js';
import { NotFoundException } from '@nestjs/common';
import { EMPTY, of } from 'rxjs';
import { describe } from 'vitest';
import { failed, TIMED_OUT } from './expected.js';
import { outcomeOf, plain, type Plain } from './record.js';
import { both, observed, suiteOf, twice } from './semantics.stage.js';

describe('interceptors of the user', () => {
  let calls: Plain[] = [];
  const ofServer: ServerInterceptor = (_, call) => {
    calls.push('server');
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata(metadata, following) {
            metadata.set('x-server', 'was here');
            following(metadata);
          },
        }),
    });
  };
  const ofClient: Interceptor = (options, next) => {
    calls.push('client');
    return new InterceptingCall(next(options), {
      start(metadata, listener, following) {
        metadata.set('x-client', 'was here');
        following(metadata, listener);
      },
    });
  };

  describe('of the server', () => {
    const { alike } = suiteOf({ server: { channelOptions: { interceptors: [ofServer] } as object } });
    alike(
      'hear of every call',
      async (caller, { script }) => {
        calls = [];
        const seen: Plain[] = [];
        script.ask = (_, metadata) => {
          seen.push(plain(metadata.get('x-server')));
          return {};
        };
        await both(caller);
        return { calls, seen };
      },
      { calls: ['server', 'server'], seen: [['was here'], ['was here']] },
      'any',
    );
  });

  describe('of the client', () => {
    const { alike } = suiteOf({ client: { channelOptions: { interceptors: [ofClient] } } });
    alike(
      'hear of every call',
      async (caller, { script }) => {
        calls = [];
        const seen: Plain[] = [];
        script.ask = (_, metadata) => {
          seen.push(plain(metadata.get('x-client')));
          return {};
        };
        await both(caller);
        return { calls, seen };
      },
      { calls: ['client', 'client'], seen: [['was here'], ['was here']] },
      'any',
    );
  });

  describe('of a call', () => {
    const { alike } = suiteOf();
    alike(
      'hear of it',
      async ({ semantics }, { script }) => {
        calls = [];
        const seen: Plain[] = [];
        script.ask = (_, metadata) => {
          seen.push(plain(metadata.get('x-client')));
          return {};
        };
        await semantics.ask({}, { interceptors: [ofClient] });
        await semantics.ask({});
        return { calls, seen };
      },
      { calls: ['client'], seen: [['was here'], []] },
      'any',
    );
  });
});

describe('credentials of a call', () => {
  const { alike } = suiteOf();
  alike(
    'bring their metadata, without TLS, too',
    async ({ semantics }, { script }) => {
      let seen: Plain = null;
      script.ask = (_, metadata) => {
        seen = plain(metadata.get('x-token'));
        return {};
      };
      const own = credentials.createFromMetadataGenerator((_, done) => {
        const metadata = new Metadata();
        metadata.set('x-token', 'secret');
        done(null, metadata);
      });
      return { outcome: await outcomeOf(semantics.ask({}, { credentials: own })), seen };
    },
    { outcome: { answer: {} }, seen: ['secret'] },
    'any',
  );
});

describe('a client that compresses', () => {
  const { alike } = suiteOf({
    client: { channelOptions: { 'grpc.default_compression_algorithm': compressionAlgorithms.gzip } },
  });
  alike(
    'is understood',
    ({ semantics }) => outcomeOf(semantics.ask({ text: 'x'.repeat(2000) })),
    { answer: { text: 'x'.repeat(2000) } },
    'any',
  );
});

describe('a server that keeps the behaviour of Nest', () => {
  const { alike } = suiteOf({ server: { compat: 'nest' } });

  for (const [name, answer, expected] of [
    ['a value', () => ({ text: 'a' }), { answer: { text: 'a' } }],
    [
      'an exception of HTTP',
      () => {
        throw new NotFoundException('gone');
      },
      failed(status.UNKNOWN, 'Internal server error'),
    ],
    ['an empty Observable', () => EMPTY, TIMED_OUT],
    ['an Observable of two', () => of({ text: 'one' }, { text: 'two' }), TIMED_OUT],
    // Without an interceptor of ours, nothing has been sent before the message.
    ['nothing', () => undefined, failed(status.INTERNAL, 'Error serializing response')],
  ] as const)
    alike(
      `does so for ${name}`,
      (caller, { script }) => {
        script.ask = answer;
        return both(caller, {}, { timeoutMs: 200 });
      },
      twice(expected),
      'any',
    );
});

describe('a client that keeps the behaviour of Nest', () => {
  const { alike } = suiteOf({ client: { compat: 'nest' } });
  alike(
    'does so for answers, errors and deadlines',
    async ({ observables }, { script }) => {
      let deadline: unknown;
      script.ask = (message, _, call) => {
        deadline = call.getDeadline();
        return message;
      };
      const answer = await observed(observables.ask({ text: 'a' }));
      const limited = deadline !== Infinity;
      script.ask = () => {
        throw new NotFoundException('gone');
      };
      return { answer, limited, error: await observed(observables.ask({})) };
    },
    { answer: { answer: { text: 'a' } }, limited: false, error: failed(status.NOT_FOUND, 'gone') },
    'any',
  );
});

describe('metadata that is none', () => {
  const { alike } = suiteOf();
  for (const [name, metadata, message] of [
    ['a name with a space', { 'bad key': 'a' }, 'Metadata key "bad key" contains illegal characters'],
    ['a text with a newline', { 'x-a': 'a\nb' }, 'Metadata string value "a\nb" contains illegal characters'],
    ['a text of other alphabets', { 'x-a': 'é' }, 'Metadata string value "é" contains illegal characters'],
    [
      'bytes under the name of a text',
      { 'x-a': Buffer.from('a') as never },
      "keys that don't end with '-bin' must have String values",
    ],
    ['a text under the name of bytes', { 'x-bin': 'a' }, "keys that end with '-bin' must have Buffer values"],
  ] as const)
    alike(
      `rejects the Promise of the call, and none is made: ${name}`,
      ({ semantics }) => semantics.ask({}, { metadata }).catch((error: unknown) => error),
      `Error: ${message}`,
      'nothing',
    );
});
