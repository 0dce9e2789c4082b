import { status, type Metadata } from '@grpc/grpc-js';
import { NotFoundException } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { of, throwError } from 'rxjs';
import { describe } from 'vitest';
import type { Message } from './contract.js';
import { Marked } from './controller.js';
import { failed } from './expected.js';
import { metadataOf } from './metadata-shapes.js';
import { outcomeOf, plain, type Plain } from './record.js';
import { piped, suiteOf, twice } from './semantics.stage.js';

const { alike } = suiteOf();

const gone = () => new RpcException({ code: status.NOT_FOUND, message: 'gone' });
const INTERNAL_ERROR = failed(status.UNKNOWN, 'Internal server error');
const NO_OBSERVABLE =
  'You provided an invalid object where a stream was expected. You can provide an Observable, Promise, ReadableStream, Array, AsyncIterable, or Iterable.';

describe('an exception filter', () => {
  const marked = () => {
    throw new Marked('marked');
  };
  for (const [name, filter, expected] of [
    ['answers', () => of({ text: 'filtered' }), { answer: { text: 'filtered' } }],
    ['refuses', () => throwError(gone), failed(status.NOT_FOUND, 'gone')],
    [
      'refuses by a plain status',
      () => throwError(() => ({ code: status.ABORTED, message: 'plain' })),
      failed(status.ABORTED, 'plain'),
    ],
    [
      'refuses by one with metadata',
      () => throwError(() => ({ code: status.ABORTED, message: 'plain', metadata: metadataOf([['x-a', '1']]) })),
      failed(status.ABORTED, 'plain', { metadata: { 'x-a': ['1'] } }),
    ],
    ['gives the exception on', (exception) => throwError(() => exception), failed(status.UNKNOWN, 'marked')],
    // Nest takes it for what RxJS can read.
    ['gives a value', () => ({ text: 'value' }), failed(status.UNKNOWN, NO_OBSERVABLE)],
    ['gives a promise', async () => ({ text: 'promise' }), { answer: { text: 'promise' } }],
    ['gives nothing', () => undefined, INTERNAL_ERROR],
    [
      'throws',
      () => {
        throw gone();
      },
      failed(status.NOT_FOUND, 'gone'),
    ],
  ] as const satisfies readonly (readonly [string, (exception: Marked) => unknown, object])[])
    alike(
      `${name}`,
      (caller, { script }) => {
        script.piped = marked;
        script.filter = filter;
        return piped(caller);
      },
      twice(expected),
    );

  alike(
    'is not asked for what is not its own',
    async (caller, { script }) => {
      let asked = 0;
      script.piped = () => {
        throw new NotFoundException('gone');
      };
      script.filter = () => {
        asked += 1;
        return of({});
      };
      return { ...(await piped(caller)), asked };
    },
    { ...twice(failed(status.NOT_FOUND, 'gone')), asked: 0 },
  );

  alike(
    'hears of guards, pipes, interceptors and late errors, too',
    async (caller, { script }) => {
      const all: Plain[] = [];
      const hear = async () => void all.push(plain(await outcomeOf(caller.semantics.piped({}))));
      script.guard = marked;
      await hear();
      script.guard = () => true;
      script.pipe = marked;
      await hear();
      script.pipe = (message) => message;
      script.intercept = marked;
      await hear();
      script.intercept = (_, next) => next.handle();
      script.piped = async () => marked();
      await hear();
      script.piped = () => throwError(() => new Marked('marked'));
      await hear();
      return all;
    },
    Array(5).fill({ answer: { text: 'marked' } }),
  );

  alike(
    'sees the message and the metadata',
    async (caller, { script }) => {
      let all: unknown;
      script.piped = marked;
      script.filter = (_, host) => {
        const rpc = host.switchToRpc();
        all = { type: host.getType(), data: rpc.getData<Message>(), context: rpc.getContext<Metadata>().get('x-a') };
        return of({});
      };
      await caller.semantics.piped({ text: 'a' }, { metadata: { 'x-a': '1' } });
      return all;
    },
    { type: 'rpc', data: { text: 'a' }, context: ['1'] },
  );
});
