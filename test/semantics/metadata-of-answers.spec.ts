import { Metadata, status } from '@grpc/grpc-js';
import { RpcException } from '@nestjs/microservices';
import { describe } from 'vitest';
import { failed, HEADERS } from './expected.js';
import { metadataOf, SHAPES } from './metadata-shapes.js';
import { outcomeOf, type Plain } from './record.js';
import { both, rawOutcome, suiteOf, twice } from './semantics.stage.js';

const { alike } = suiteOf();

describe('metadata of an answer', () => {
  for (const [name, entries, arrived] of SHAPES) {
    alike(
      `may be ${name}, before the message`,
      (caller, { script }) => {
        script.ask = (message, _, call) => {
          call.sendMetadata(metadataOf(entries));
          return message;
        };
        return rawOutcome(caller.raw, { text: 'a' });
      },
      {
        initial: { ...HEADERS, ...arrived },
        answer: { text: 'a' },
        status: { code: 0, details: 'OK', trailers: {} },
      },
      'any',
    );
    alike(
      `may be ${name}, with an error`,
      (caller, { script }) => {
        const metadata = metadataOf(entries);
        script.ask = () => {
          throw new RpcException({ code: status.ABORTED, message: 'no', metadata });
        };
        return both(caller);
      },
      twice(failed(status.ABORTED, 'no', { metadata: arrived })),
    );
  }

  alike(
    'before the message and with an error are two',
    (caller, { script }) => {
      script.ask = (_, __, call) => {
        call.sendMetadata(metadataOf([['x-initial', 'a']]));
        throw new RpcException({ code: status.ABORTED, message: 'no', metadata: metadataOf([['x-trailer', 'b']]) });
      };
      return rawOutcome(caller.raw, {});
    },
    {
      initial: { ...HEADERS, 'x-initial': ['a'] },
      ...failed(status.ABORTED, 'no', { metadata: { 'x-trailer': ['b'] } }),
      status: { code: status.ABORTED, details: 'no', trailers: { 'x-trailer': ['b'] } },
    },
    'any',
  );

  alike(
    'is not seen by who has only the answer, and an error has that behind it alone',
    (caller, { script }) => {
      script.ask = (_, __, call) => {
        call.sendMetadata(metadataOf([['x-initial', 'a']]));
        throw new RpcException({ code: status.ABORTED, message: 'no', metadata: metadataOf([['x-trailer', 'b']]) });
      };
      return both(caller);
    },
    twice(failed(status.ABORTED, 'no', { metadata: { 'x-trailer': ['b'] } })),
  );

  alike(
    'is sent once: the first time',
    (caller, { script }) => {
      script.ask = (message, _, call) => {
        call.sendMetadata(metadataOf([['x-a', '1']]));
        call.sendMetadata(metadataOf([['x-b', '2']]));
        return message;
      };
      return rawOutcome(caller.raw, {});
    },
    { initial: { ...HEADERS, 'x-a': ['1'] }, answer: {}, status: { code: 0, details: 'OK', trailers: {} } },
    'any',
  );

  alike(
    'comes before the answer, while the handler works',
    async (caller, { script }) => {
      let answer!: (message: object) => void;
      script.ask = (_, __, call) => {
        call.sendMetadata(metadataOf([['x-a', '1']]));
        return new Promise((resolve) => (answer = resolve));
      };
      const order: string[] = [];
      await new Promise<void>((resolve) => {
        const call = caller.raw.ask({}, new Metadata(), {}, () => {
          order.push('answer');
          resolve();
        });
        call.on('metadata', (metadata: Metadata) => {
          order.push(`metadata ${String(metadata.get('x-a'))}`);
          answer({});
        });
      });
      return order;
    },
    ['metadata 1', 'answer'],
    'any',
  );

  alike(
    'that cannot be sent is left out',
    async (caller, { script }) => {
      script.ask = () => {
        const metadata = metadataOf([
          ['connection', 'close'],
          ['x-a', '1'],
        ]);
        throw new RpcException({ code: status.ABORTED, message: 'no', metadata });
      };
      return both(caller);
    },
    twice(failed(status.ABORTED, 'no', { metadata: { 'x-a': ['1'] } })),
  );

  alike(
    'may be a plain object',
    async (caller, { script }) => {
      script.ask = () => {
        throw new RpcException({ code: status.ABORTED, message: 'no', metadata: { 'x-a': '1', 'X-B': ['2', '3'] } });
      };
      return both(caller);
    },
    twice(failed(status.ABORTED, 'no', { metadata: { 'x-a': ['1'], 'x-b': ['2, 3'] } })),
  );

  alike(
    'of a guard or an interceptor is that of the call',
    async (caller, { script }) => {
      script.guard = (context) => {
        const [, metadata] = context.getArgs<[unknown, Metadata]>();
        metadata.set('x-guard', 'was here');
        return true;
      };
      let all: Plain = null;
      script.piped = (message, metadata) => {
        all = metadata.get('x-guard') as string[];
        return message;
      };
      return { answer: await outcomeOf(caller.semantics.piped({})), all };
    },
    { answer: { answer: {} }, all: ['was here'] },
  );
});
