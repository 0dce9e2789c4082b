import { status, type ServiceError } from '@grpc/grpc-js';
import {
  BadRequestException,
  Catch,
  ConflictException,
  Controller,
  ForbiddenException,
  Inject,
  Injectable,
  NotFoundException,
  Scope,
  UnauthorizedException,
  UseFilters,
  UseGuards,
  type ArgumentsHost,
  type CanActivate,
  type ExceptionFilter,
  type INestMicroservice,
  type PipeTransform,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { BaseRpcExceptionFilter, GrpcMethod, GrpcNotFoundException, RpcException } from '@nestjs/microservices';
import { getClientToken, RegisterService, rookeryGrpc, RookeryModule, type RookeryClient } from 'rookery';
import { eventually } from 'rookery/testing';
import { firstValueFrom, from, Subject, throwError, type Observable } from 'rxjs';
import { catchError, mergeMap, tap } from 'rxjs/operators';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NestStage } from '../support/nest-stage.js';
import {
  answered,
  streamed,
  streams,
  StreamsController,
  StreamsStage,
  type RawClient,
  type Text,
} from '../support/streams-stage.js';

let stage: StreamsStage;
beforeEach(() => void (stage = new StreamsStage()));
afterEach(() => stage.close());

describe('an error', () => {
  const refused = (outcome: object) => expect.objectContaining(outcome) as object;
  const everywhere = async (client: RawClient) => [
    await answered((done) => client.Ask({}, done)),
    await streamed(client.List({})),
    await answered((done) => client.Sum(done).end()),
    await streamed(client.Echo()),
  ];
  const throwing = (exception: () => unknown) => {
    stage.handlers.ask = () => throwError(exception);
    // oxlint-disable-next-line require-yield -- a stream that fails at its first step
    stage.handlers.list = async function* () {
      throw exception();
    };
    stage.handlers.sum = async () => {
      throw exception();
    };
    stage.handlers.echo = () => throwError(exception);
  };

  it.each([
    [new ConflictException('taken'), status.ALREADY_EXISTS, 'taken'],
    [
      new BadRequestException(['name is empty', 'age is negative']),
      status.INVALID_ARGUMENT,
      'name is empty, age is negative',
    ],
    [new ForbiddenException(), status.PERMISSION_DENIED, 'Forbidden'],
    [new GrpcNotFoundException('gone'), status.NOT_FOUND, 'gone'],
    [new RpcException('x'), status.UNKNOWN, 'x'],
    [new RpcException({ code: status.DATA_LOSS, message: 'lost' }), status.DATA_LOSS, 'lost'],
    [new Error('the password is 1234'), status.UNKNOWN, 'Internal server error'],
  ])('has the code that says what it is: %s', async (exception, code, details) => {
    throwing(() => exception);
    const client = stage.raw(await stage.start('rookery'));
    expect(await everywhere(client)).toEqual(Array(4).fill(refused({ code, details })));
  });

  it('of a guard that says no is PERMISSION_DENIED', async () => {
    class Nobody implements CanActivate {
      canActivate = () => false;
    }
    UseGuards(Nobody)(GuardedController);
    const client = stage.raw(await stage.start('rookery', { controllers: [GuardedController] }));
    expect(await everywhere(client)).toEqual(Array(4).fill(refused({ code: status.PERMISSION_DENIED })));
  });

  it('is that of its own call where another call caused it', async () => {
    const failures = new Subject<never>();
    let listening = 0;
    stage.handlers.ask = ({ text }) => {
      if (text !== 'fail')
        return new Promise((resolve) => resolve(failures.pipe(tap({ subscribe: () => (listening += 1) }))));
      failures.error(new NotFoundException('gone'));
      throw new ConflictException('taken');
    };
    const client = stage.raw(await stage.start('rookery'));
    const waiting = [0, 1].map(() => answered((done) => client.Ask({}, done)));
    await eventually(() => expect(listening).toBe(2));
    expect(await answered((done) => client.Ask({ text: 'fail' }, done))).toMatchObject({ details: 'taken' });
    expect(await Promise.all(waiting)).toEqual([1, 2].map(() => refused({ code: status.NOT_FOUND, details: 'gone' })));
  });

  it.each([
    ['promises', 'promises'],
    ['Observables', 'Observables'],
    ['promises', 'Observables'],
  ])('is that of its own call where two fail at once, in any order: %s and %s', async (...kinds) => {
    const exceptions = [new ForbiddenException('of slow'), new NotFoundException('of fast')];
    let waiting = 0;
    const failing = async (which: number, awaits: number, gate: Promise<void>) => {
      waiting += 1;
      await gate;
      for (let i = 0; i < awaits; i += 1) await Promise.resolve();
      throw exceptions[which];
    };
    let gate = Promise.resolve();
    stage.handlers.ask = ({ text, n }) => {
      const failed = failing(Number(text), n!, gate);
      return kinds[Number(text)] === 'promises' ? failed : from(failed);
    };
    const client = stage.raw(await stage.start('rookery'));
    for (const awaits of [0, 1, 2].flatMap((slow) => [0, 1, 2].map((fast) => [slow, fast]))) {
      let open!: () => void;
      gate = new Promise((resolve) => (open = resolve));
      waiting = 0;
      const both = awaits.map((n, text) => answered((done) => client.Ask({ text: String(text), n }, done)));
      await eventually(() => expect(waiting).toBe(2));
      open();
      expect(await Promise.all(both), awaits.join()).toEqual([
        { code: status.PERMISSION_DENIED, details: 'of slow' },
        { code: status.NOT_FOUND, details: 'of fast' },
      ]);
    }
  });

  it('is that of its own call where a filter delays it, and the Observables of two calls fail at once', async () => {
    const failures = new Subject<never>();
    let listening = 0;
    stage.handlers.ask = ({ text }) => {
      const exception = text === 'slow' ? new ForbiddenException('of slow') : new NotFoundException('of fast');
      const failing = failures.pipe(
        tap({ subscribe: () => (listening += 1) }),
        catchError(() => throwError(() => exception)),
      );
      return Promise.resolve(failing);
    };
    const configure = (app: INestMicroservice) => app.useGlobalFilters(new DelayingFilter());
    const client = stage.raw(await stage.start('rookery', { configure }));
    const both = ['slow', 'fast'].map((text) => answered((done) => client.Ask({ text }, done)));
    await eventually(() => expect(listening).toBe(2));
    failures.error(new Error('both'));
    expect(await Promise.all(both)).toEqual([
      { code: status.PERMISSION_DENIED, details: 'of slow' },
      { code: status.NOT_FOUND, details: 'of fast' },
    ]);
  });

  it.each([
    ['leaves it to Nest', new ConflictException('taken'), { code: status.ALREADY_EXISTS, details: 'taken' }],
    ['gives Nest another one', new NotFoundException('gone'), { code: status.DATA_LOSS, details: 'lost' }],
    ['makes a status of its own', new ForbiddenException(), { code: status.ABORTED, details: 'changed' }],
  ])('is what a filter that extends the one of Nest makes of it: it %s', async (_, exception, expected) => {
    throwing(() => exception);
    const configure = (app: INestMicroservice) => app.useGlobalFilters(new ChangingFilter());
    const client = stage.raw(await stage.start('rookery', { configure }));
    expect(await everywhere(client)).toEqual(Array(4).fill(refused(expected)));
  });

  it('has its code where the controller lives as long as a request, and where it cannot be made', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Tenant {
      constructor() {
        if (broken) throw new UnauthorizedException('who are you');
      }
    }
    @Controller()
    @RegisterService()
    class Scoped extends StreamsController {
      constructor(
        @Inject(NestStage) scopedStage: StreamsStage,
        @Inject(Tenant) readonly tenant: Tenant,
      ) {
        super(scopedStage);
      }
    }
    let broken = false;
    throwing(() => new ConflictException('taken'));
    const client = stage.raw(await stage.start('rookery', { controllers: [Scoped], providers: [Tenant] }));
    expect(await everywhere(client)).toEqual(Array(4).fill(refused({ code: status.ALREADY_EXISTS, details: 'taken' })));
    broken = true;
    expect(await everywhere(client)).toEqual(
      Array(4).fill(refused({ code: status.UNAUTHENTICATED, details: 'who are you' })),
    );
  });

  it('of a pipe has its code', async () => {
    throwing(() => new ConflictException('taken'));
    const refusing: PipeTransform = {
      transform: () => {
        throw new BadRequestException('no number');
      },
    };
    const configure = (app: INestMicroservice) => app.useGlobalPipes(refusing);
    const client = stage.raw(await stage.start('rookery', { configure }));
    expect(await everywhere(client)).toEqual(Array(4).fill(refused({ code: status.INVALID_ARGUMENT })));
  });

  it('is logged by Nest, once, where nobody expected it', async () => {
    const logged: unknown[] = [];
    const logger = { log() {}, warn() {}, error: (message: unknown) => logged.push(message) };
    const configure = (app: INestMicroservice) => app.useLogger(logger);
    const exception = new Error('the password is 1234');
    throwing(() => exception);
    const client = stage.raw(await stage.start('rookery', { configure }));
    await everywhere(client);
    expect(logged).toEqual(Array(4).fill(exception));
    throwing(() => new NotFoundException('gone'));
    await everywhere(client);
    expect(logged).toHaveLength(4);
  });

  it('of a filter itself is told as an unknown one', async () => {
    stage.handlers.ask = () => Promise.reject(new NotFoundException('gone'));
    const client = stage.raw(
      await stage.start('rookery', { configure: (app) => app.useGlobalFilters({ catch: forHttp } as ExceptionFilter) }),
    );
    expect(await answered((done) => client.Ask({}, done))).toEqual({
      code: status.UNKNOWN,
      details: 'Internal server error',
    });
  });

  describe('that a filter of the user catches is what the filter makes of it', () => {
    const answersWith = (code: status): ExceptionFilter => {
      @Catch(NotFoundException)
      class UserFilter implements ExceptionFilter {
        catch({ message }: Error) {
          return throwError(() => ({ code, message: `filtered ${message}` }));
        }
      }
      return new UserFilter();
    };
    const details = 'filtered gone';

    it.each(['method', 'class'] as const)('one of the %s', async (place) => {
      @Controller()
      @RegisterService()
      class Filtered extends StreamsController {
        @GrpcMethod('Streams', 'Ask')
        override ask() {
          throw new NotFoundException('gone');
        }
        @GrpcMethod('Streams', 'List')
        // oxlint-disable-next-line require-yield -- a stream that fails at its first step
        override async *list() {
          throw new NotFoundException('gone');
        }
      }
      const filter = answersWith(status.OUT_OF_RANGE);
      if (place === 'class') UseFilters(filter)(Filtered);
      else
        for (const name of ['ask', 'list'])
          UseFilters(filter)(Filtered.prototype, name, Object.getOwnPropertyDescriptor(Filtered.prototype, name)!);
      const client = stage.raw(await stage.start('rookery', { controllers: [Filtered] }));
      expect(await answered((done) => client.Ask({}, done))).toEqual({ code: status.OUT_OF_RANGE, details });
      expect(await streamed(client.List({}))).toMatchObject({ code: status.OUT_OF_RANGE, details });
    });

    it('a global one of a microservice, which others are free to leave to us', async () => {
      throwing(() => new NotFoundException('gone'));
      const client = stage.raw(
        await stage.start('rookery', { configure: (app) => app.useGlobalFilters(answersWith(status.ABORTED)) }),
      );
      expect(await everywhere(client)).toEqual(Array(4).fill(refused({ code: status.ABORTED, details })));
      throwing(() => new ConflictException('taken'));
      expect(await everywhere(client)).toEqual(Array(4).fill(refused({ code: status.ALREADY_EXISTS })));
    });

    it.each([
      [true, status.ABORTED],
      [false, status.NOT_FOUND],
    ])('a global one of a hybrid application, with inheritAppConfig: %s', async (inheritAppConfig, code) => {
      throwing(() => new NotFoundException('gone'));
      const app = await NestFactory.create(stage.module({ controllers: [StreamsController] }) as never, stage.options);
      stage.apps.push(app);
      app.useGlobalFilters(answersWith(status.ABORTED));
      const url = '127.0.0.1:0';
      app.connectMicroservice(rookeryGrpc({ service: streams, url }), { inheritAppConfig });
      await app.startAllMicroservices();
      await app.init();
      const clients = await stage.client(RookeryModule.forFeature([streams]));
      const service = clients.get<RookeryClient<any>>(getClientToken('streams')).getService<any>('Streams') as {
        ask(text: Text): Observable<Text>;
      };
      const error = await firstValueFrom(service.ask({})).catch((reason: ServiceError) => reason);
      expect(error).toMatchObject({ code });
    });
  });
});

/** Leaves an exception to Nest, but later. */
@Catch()
class DelayingFilter extends BaseRpcExceptionFilter {
  override catch(exception: unknown, host: ArgumentsHost): Observable<any> {
    return from(Promise.resolve()).pipe(mergeMap(() => super.catch(exception, host)));
  }
}

@Catch()
class ChangingFilter extends BaseRpcExceptionFilter {
  override catch(exception: unknown, host: ArgumentsHost): Observable<any> {
    if (exception instanceof ForbiddenException)
      return throwError(() => ({ code: status.ABORTED, message: 'changed' }));
    const lost = new RpcException({ code: status.DATA_LOSS, message: 'lost' });
    return super.catch(exception instanceof NotFoundException ? lost : exception, host);
  }
}

@Controller()
@RegisterService()
class GuardedController extends StreamsController {}

function forHttp(_: unknown, host: ArgumentsHost): void {
  host.switchToHttp().getResponse<{ status(code: number): void }>().status(404);
}
