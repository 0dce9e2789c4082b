import { Metadata, status } from '@grpc/grpc-js';
import {
  BadRequestException,
  ConflictException,
  ForbiddenException,
  HttpException,
  NotFoundException,
  ServiceUnavailableException,
} from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { EMPTY, NEVER, of, throwError, concat, timer } from 'rxjs';
import { describe } from 'vitest';
import { BY_DEFAULT, failed } from './expected.js';
import { outcomeOf } from './record.js';
import { both, suiteOf, twice } from './semantics.stage.js';

const { alike } = suiteOf();

const CODES = Array.from({ length: 16 }, (_, i) => (i + 1) as status);
/** A status that says the time is over is one to our errors, too, whoever said it. */
const reasonOf = (code: status) =>
  code === status.DEADLINE_EXCEEDED ? { reason: 'ROOKERY_CALL_TIMEOUT', note: BY_DEFAULT } : {};
const throwing = (exception: unknown) => () => {
  throw exception;
};
const INTERNAL_ERROR = failed(status.UNKNOWN, 'Internal server error');
const NO_MESSAGE = failed(
  status.INTERNAL,
  "the handler of semantics.Semantics/Ask gave no message. Return one, or throw new RpcException({ code: status.NOT_FOUND, message: '…' }).",
);

describe('a status', () => {
  for (const code of CODES)
    alike(
      `of an RpcException is ${status[code]} (${code})`,
      (caller, { script }) => {
        script.ask = throwing(new RpcException({ code, message: `of ${code}` }));
        return both(caller);
      },
      twice(failed(code, `of ${code}`, reasonOf(code))),
    );

  for (const [name, text, seenAs = text] of [
    ['of other alphabets', 'añb – 日本語 🐦'],
    ['of nothing', ''],
    ['with a percent sign', '100 % of %41 and %zz'],
    ['with newlines and tabs', 'one\ntwo\r\n\tthree'],
    ['with control characters', 'a\u0000b\u007fc'],
    ['with spaces at its ends', '  a  '],
    ['with half an emoji', 'bad \uD83D', 'bad \uFFFD'],
    ['of 6000 characters', 'x'.repeat(6000)],
    ['that is too long', 'x'.repeat(7000), `${'x'.repeat(6135)}…`],
  ] as const)
    alike(
      `keeps a text ${name}`,
      (caller, { script }) => {
        script.ask = throwing(new RpcException({ code: status.ABORTED, message: text }));
        return both(caller);
      },
      twice(failed(status.ABORTED, seenAs)),
    );

  alike(
    'takes `details` before `message`',
    (caller, { script }) => {
      script.ask = throwing(new RpcException({ code: status.ABORTED, message: 'm', details: 'd' }));
      return both(caller);
    },
    twice(failed(status.ABORTED, 'd')),
  );

  alike(
    'brings the details of google.rpc.Status',
    (caller, { script }) => {
      const metadata = new Metadata();
      metadata.set('grpc-status-details-bin', Buffer.from('08051204676f6e65', 'hex'));
      script.ask = throwing(new RpcException({ code: status.NOT_FOUND, message: 'gone', metadata }));
      return both(caller);
    },
    twice(failed(status.NOT_FOUND, 'gone', { metadata: { 'grpc-status-details-bin': ['hex 08051204676f6e65'] } })),
  );

  alike(
    'of a text alone is UNKNOWN',
    (caller, { script }) => {
      script.ask = throwing(new RpcException('only a text'));
      return both(caller);
    },
    twice(failed(status.UNKNOWN, 'only a text')),
  );

  for (const [name, code, expected] of [
    // grpc-js sends OK without a message; its client refuses that.
    ['OK', 0, failed(status.UNIMPLEMENTED, 'No message received')],
    ['17, which gRPC has not', 17, failed(17 as status, 'of none')],
    ['no number', 'NOT_FOUND', failed(status.UNKNOWN, 'of none')],
  ] as const)
    alike(
      `of an RpcException whose code is ${name} is what grpc-js makes of it`,
      (caller, { script }) => {
        script.ask = throwing(new RpcException({ code, message: 'of none' }));
        return both(caller);
      },
      twice(expected),
    );
});

describe('whatever else a handler throws', () => {
  for (const [name, exception] of [
    ['an Error', new Error('the password is 1234')],
    ['a text', 'the password is 1234'],
    ['undefined', undefined],
    ['null', null],
    ['an object', { code: 5, message: 'gone' }],
    ['an Error with a code', Object.assign(new Error('gone'), { code: 5, details: 'gone' })],
  ] as const)
    alike(
      `is UNKNOWN and tells nothing: ${name}`,
      (caller, { script }) => {
        script.ask = throwing(exception);
        return both(caller);
      },
      twice(INTERNAL_ERROR),
    );

  for (const [exception, code, text] of [
    [new BadRequestException(['a is empty', 'b is empty']), status.INVALID_ARGUMENT, 'a is empty, b is empty'],
    [new NotFoundException('gone'), status.NOT_FOUND, 'gone'],
    [new ConflictException('taken'), status.ALREADY_EXISTS, 'taken'],
    [new ForbiddenException(), status.PERMISSION_DENIED, 'Forbidden'],
    [new ServiceUnavailableException('later'), status.UNAVAILABLE, 'later'],
    [new HttpException('short and stout', 418), status.FAILED_PRECONDITION, 'short and stout'],
    [new HttpException('moved', 301), status.UNKNOWN, 'moved'],
  ] as const)
    alike(
      `has the code that says what it is: ${exception.getStatus()} is ${status[code]}`,
      (caller, { script }) => {
        script.ask = throwing(exception);
        return both(caller);
      },
      twice(failed(code, text)),
    );
});

describe('an answer', () => {
  const gone = new RpcException({ code: status.NOT_FOUND, message: 'gone' });
  const one = { text: 'one' };

  for (const [name, answer, expected] of [
    ['a value', () => one, { answer: one }],
    ['a promise', () => Promise.resolve(one), { answer: one }],
    ['an Observable', () => of(one), { answer: one }],
    ['a promise of an Observable', async () => of(one), { answer: one }],
    ['an Observable of a promise', () => of(Promise.resolve(one)), { answer: one }],
    ['the first of an Observable with two', () => of(one, { text: 'two' }), { answer: one }],
    ['the first of an Observable that never ends', () => concat(of(one), NEVER), { answer: one }],
    [
      'the first of one that fails behind it',
      () =>
        concat(
          of(one),
          throwError(() => gone),
        ),
      { answer: one },
    ],
    ['no fields', () => ({}), { answer: {} }],
    ['fields that the type has not', () => ({ ...one, other: 1 }), { answer: one }],
    ['the default of a field', () => ({ n: 0, text: '' }), { answer: { n: 0, text: '' } }],
    ['a refused promise', () => Promise.reject(gone), failed(status.NOT_FOUND, 'gone')],
    ['an Observable that fails', () => throwError(() => gone), failed(status.NOT_FOUND, 'gone')],
    [
      'an Observable that fails later',
      () =>
        concat(
          timer(1).pipe(() => EMPTY),
          throwError(() => gone),
        ),
      failed(status.NOT_FOUND, 'gone'),
    ],
    ['an Observable that fails with anything', () => throwError(() => 'text'), INTERNAL_ERROR],
    ['an empty Observable', () => EMPTY, NO_MESSAGE],
    ['undefined', () => undefined, NO_MESSAGE],
    ['null', () => null, NO_MESSAGE],
    ['a promise of undefined', async () => undefined, NO_MESSAGE],
    ['what cannot be written', () => ({ inner: 5 }), failed(status.INTERNAL, 'Error serializing response')],
    ['a text', () => 'text', failed(status.INTERNAL, 'Error serializing response')],
  ] as const)
    alike(
      `is ${name}`,
      (caller, { script }) => {
        script.ask = answer;
        return both(caller);
      },
      twice(expected),
    );

  for (const [name, answer] of [
    ['undefined', () => undefined],
    ['null', () => null],
    ['an empty Observable', () => EMPTY],
    ['an object', () => ({})],
  ] as const)
    alike(
      `of a type without fields may be ${name}`,
      async (caller, { script }) => {
        script.clear = answer;
        return caller.semantics.clear({});
      },
      {},
    );
});

describe('a method that nobody has', () => {
  alike(
    'of a gRPC service that the server has is UNIMPLEMENTED',
    ({ semantics }) => outcomeOf(semantics.missing({})),
    failed(status.UNIMPLEMENTED, 'The server does not implement the method Missing'),
  );
  alike(
    'of a gRPC service that it has not is, too',
    ({ client }) => outcomeOf(client.getAsyncService('Elsewhere').ask({})),
    failed(status.UNIMPLEMENTED, 'The server does not implement the method Ask'),
  );
});
