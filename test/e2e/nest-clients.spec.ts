import { Client, Metadata, status } from '@grpc/grpc-js';
import { Controller, Injectable } from '@nestjs/common';
import { GrpcMethod, RpcException } from '@nestjs/microservices';
import {
  getClientToken,
  getServiceToken,
  InjectClient,
  InjectService,
  isCallError,
  RegisterService,
  RookeryClient,
  RookeryModule,
  ROOKERY_OPTIONS,
  UNGROUPED,
  type AsyncClient,
  type RookeryCallError,
} from 'rookery';
import { eventually } from 'rookery/testing';
import { concat, firstValueFrom, lastValueFrom, NEVER, of, throwError, toArray, type Observable } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { probe, type Answer, type Probe } from '../apps/contracts.js';
import { NestStage } from '../support/nest-stage.js';

let stage: NestStage;
beforeEach(() => void (stage = new NestStage()));
afterEach(() => stage.close());

@Injectable()
class Config {
  readonly weight = 7;
  readonly service = 'configured';
  create = () => ({ registry: stage.registry });
}

describe('options come from providers', () => {
  it('for a server, by inject', async () => {
    const options = {
      inject: [Config],
      useFactory: ({ service, weight }: Config) => ({ service: probe(service), instance: { weight } }),
    };
    const { rookery } = await stage.listening(options, stage.module({ providers: [Config] }));
    expect(rookery.registrations.map(({ instance }) => [instance.service, instance.weight])).toEqual([
      ['configured', 7],
    ]);
  });

  it.each([
    [
      'useFactory',
      () => RookeryModule.forRootAsync({ inject: [], useFactory: async () => ({ registry: stage.registry }) }),
    ],
    ['useClass', () => RookeryModule.forRootAsync({ useClass: Config })],
    [
      'useExisting',
      () =>
        RookeryModule.forRootAsync({
          imports: [{ module: class {}, providers: [Config], exports: [Config] }],
          useExisting: Config,
        }),
    ],
  ])('for forRootAsync, by %s', async (_, root) => {
    const { app, rookery } = await stage.listening({ service: probe('probe') }, stage.module({ root: root() }));
    expect(rookery.registry).toBe(stage.registry);
    expect(app.get(ROOKERY_OPTIONS)).toMatchObject({ registry: stage.registry });
    expect(stage.order('probe registered')).toHaveLength(1);
  });

  it('for clients, by forFeatureAsync', async () => {
    await stage.listening(
      { service: probe('configured'), instance: { group: 'canary' } },
      stage.module({ name: 'canary' }),
    );
    const settings = {
      module: class {},
      providers: [{ provide: 'GROUP', useValue: 'canary' }],
      exports: ['GROUP'],
      global: true,
    };
    const feature = {
      service: probe('configured'),
      name: 'made',
      inject: ['GROUP'],
      useFactory: async (group: string) => ({ group }),
    };
    const app = await stage.client(settings, RookeryModule.forFeatureAsync([feature]));
    expect(await app.get<AsyncClient<Probe>>(getServiceToken('made', 'Probe')).ask({})).toMatchObject({
      name: 'canary',
    });
  });

  it('for a forRoot that is not global, where it is imported', async () => {
    const root = RookeryModule.forRoot({ registry: stage.registry, isGlobal: false });
    await stage.listening({ service: probe('probe') }, stage.module({ root }));
    expect(stage.order('probe registered')).toHaveLength(1);
  });
});

describe('a client', () => {
  const clientOf = async () => {
    await stage.listening({ service: probe('probe') }, stage.module({ name: 'plain' }));
    await stage.listening({ service: probe('probe'), instance: { group: 'canary' } }, stage.module({ name: 'canary' }));
    const app = await stage.client(
      RookeryModule.forFeature([
        probe('probe'),
        { service: probe('probe'), name: 'canary', group: ['canary', UNGROUPED] },
      ]),
    );
    return (name: string) => app.get<RookeryClient<{ Probe: Probe }>>(getClientToken(name));
  };

  it("gives Nest's Observables, with metadata and options", async () => {
    const service = (await clientOf())('probe').getService<any>('Probe');
    const metadata = new Metadata();
    metadata.set('x-name', 'from metadata');
    expect(await firstValueFrom(service.ask({}))).toMatchObject({ name: 'plain' });
    expect(await firstValueFrom(service.Ask({}, { group: 'canary' }))).toMatchObject({ name: 'canary' });
    expect(await firstValueFrom(service.ask({}, metadata, { group: 'canary' }))).toMatchObject({
      name: 'from metadata',
    });
    expect(await firstValueFrom(service.follow({ count: 3 }, { group: 'canary' }).pipe(toArray()))).toMatchObject([
      { name: 'canary0' },
      { name: 'canary1' },
      { name: 'canary2' },
    ]);
    const error = await firstValueFrom(service.follow({ count: 3 }, { group: 'missing' })).catch(
      (reason: unknown) => reason,
    );
    expect(isCallError(error) && [error.reason, error.service]).toEqual(['ROOKERY_GROUP_MISSING', 'probe']);
  });

  it('has a copy with other defaults, over the same connections', async () => {
    const client = (await clientOf())('probe');
    const canary = client.with({ group: 'canary' });
    expect(await canary.getAsyncService('Probe').ask({})).toMatchObject({ name: 'canary' });
    expect(await canary.getAsyncService('Probe').ask({}, { group: UNGROUPED })).toMatchObject({ name: 'plain' });
    expect(await firstValueFrom(canary.getService<any>('Probe').ask({}))).toMatchObject({ name: 'canary' });
    expect(await canary.with({ timeoutMs: 1000 }).getAsyncService('Probe').ask({})).toMatchObject({ name: 'canary' });
    expect(await client.getAsyncService('Probe').ask({})).toMatchObject({ name: 'plain' });
  });

  it('has the group of its feature', async () => {
    const client = await clientOf();
    expect(await client('canary').getAsyncService('Probe').ask({})).toMatchObject({ name: 'canary' });
    const [app] = stage.apps.slice(1);
    await app!.close();
    await eventually(async () =>
      expect(await client('canary').getAsyncService('Probe').ask({})).toMatchObject({ name: 'plain' }),
    );
  });

  it('hands out the client of grpc-js', async () => {
    const client = (await clientOf())('canary').getClientByServiceName<
      Client & Record<'ask', (...args: unknown[]) => void>
    >('Probe');
    expect(client).toBeInstanceOf(Client);
    const answer = await new Promise((resolve, reject) =>
      client.ask({}, (error: unknown, value: unknown) => (error ? reject(error as Error) : resolve(value))),
    );
    expect(answer).toMatchObject({ name: 'canary' });
  });

  it('waits for its first instance when it is asked to', async () => {
    const app = await stage.client(RookeryModule.forFeature([probe('probe')]));
    const client = app.get<RookeryClient>(getClientToken('probe'));
    await expect(client.waitForReady({ timeoutMs: 50 })).rejects.toMatchObject({
      code: 14,
      service: 'probe',
      details: 'probe: no instance was connected in 50 ms.',
    });
    const ready = client.waitForReady();
    await stage.listening({ service: probe('probe') }, stage.module({ name: 'late' }));
    await ready;
    expect(await client.getAsyncService('Probe')['ask']!({})).toMatchObject({ name: 'late' });
  });

  it('is injected as one object wherever it is asked for', async () => {
    @Injectable()
    class Gateway {
      constructor(
        @InjectClient(probe('probe')) readonly byReference: RookeryClient,
        @InjectClient('probe') readonly byName: RookeryClient,
        @InjectService('probe', 'Probe') readonly service: AsyncClient<Probe>,
      ) {}
    }
    const feature = () => RookeryModule.forFeature([probe('probe')]);
    const app = await stage.context(
      stage.module({
        imports: [{ module: class {}, imports: [feature()] }, feature()],
        providers: [Gateway],
        controllers: [],
      }),
    );
    const { byReference, byName, service } = app.get(Gateway);
    expect(byReference).toBe(byName);
    expect(service).toBe(byName.getAsyncService('Probe'));
  });
});

describe('the error of a server stream', () => {
  @Controller()
  @RegisterService()
  class Breaking {
    @GrpcMethod('Probe', 'Ask')
    ask() {
      return {};
    }

    /** One message, and then an error, or nothing where more are asked for. */
    @GrpcMethod('Probe', 'Follow')
    follow({ count }: { count: number }): Observable<object> {
      const refused = throwError(() => new RpcException({ code: status.FAILED_PRECONDITION, message: 'refused' }));
      return concat(of({ name: 'first' }), count > 0 ? NEVER : refused);
    }
  }

  type ProbeClient = RookeryClient<{ Probe: Probe }>;
  const clients = {
    AsyncClient: async (client: ProbeClient, question: object, options: object) => {
      const names: string[] = [];
      for await (const { name } of client.getAsyncService('Probe').follow(question, options)) names.push(name);
      return names;
    },
    Observable: (client: ProbeClient, question: object, options: object) =>
      lastValueFrom(client.getService<any>('Probe').follow(question, options) as Observable<Answer>),
  };

  it.each(['AsyncClient', 'Observable'] as const)('says what became of the call: %s', async (kind) => {
    const { rookery } = await stage.listening({ service: probe('probe') }, stage.module({ controllers: [Breaking] }));
    const app = await stage.client(RookeryModule.forFeature([probe('probe')]));
    const client = app.get<ProbeClient>(getClientToken('probe'));
    await client.waitForReady();
    const error = (count: number, options: object) =>
      clients[kind](client, { count }, options).then(
        () => expect.unreachable(),
        (reason: unknown) => reason as RookeryCallError,
      );
    const call = { service: 'probe', instance: rookery.registrations[0]!.instance.id, attempts: 1 };
    const refused = await error(0, {});
    expect(refused).toMatchObject({ ...call, code: status.FAILED_PRECONDITION, details: 'refused' });
    expect([isCallError(refused), refused.reason]).toEqual([true, undefined]);
    const late = await error(1, { timeoutMs: 300 });
    expect(late).toMatchObject({ ...call, code: status.DEADLINE_EXCEEDED, reason: 'ROOKERY_CALL_TIMEOUT' });
  });
});
