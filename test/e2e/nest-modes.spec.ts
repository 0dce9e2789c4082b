import { once } from 'node:events';
import { connect } from 'node:net';
import { ServerInterceptingCall, status, type ServerInterceptor } from '@grpc/grpc-js';
import { Controller } from '@nestjs/common';
import { GrpcMethod, type MicroserviceOptions } from '@nestjs/microservices';
import {
  defineService,
  getServiceToken,
  InjectService,
  RegisterService,
  Rookery,
  rookeryGrpc,
  RookeryModule,
  type AsyncClient,
} from 'rookery';
import type { Registry } from 'rookery/core';
import { eventually } from 'rookery/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { probe, type Probe } from '../apps/contracts.js';
import { NestStage, portOf } from '../support/nest-stage.js';
import { silentRegistry } from '../support/silent-registry.js';

let stage: NestStage;
beforeEach(() => void (stage = new NestStage()));
afterEach(() => stage.close());

const server = () => rookeryGrpc({ service: probe('probe') }) as MicroserviceOptions;
const portsOf = ({ registrations }: Rookery) =>
  Object.fromEntries(registrations.map(({ instance }) => [instance.service, instance.address]));
const dial = async (url: string, service = 'probe') => {
  const app = await stage.client(RookeryModule.forFeature([{ service: probe(service), name: url, url }]));
  return app.get<AsyncClient<Probe>>(getServiceToken(url, 'Probe'));
};

describe('an application registers', () => {
  const START = ['onModuleInit', 'onApplicationBootstrap', 'probe registered'];

  it('within listen() of a microservice, at the port that listen() returns', async () => {
    const { port, rookery } = await stage.listening();
    expect(stage.log).toEqual(START);
    expect(portOf(rookery)).toBe(port);
    expect(await (await dial(`127.0.0.1:${port}`)).ask({})).toMatchObject({ name: '' });
  });

  it('in a hybrid application when it has started, not when its microservices have', async () => {
    const app = await stage.hybrid();
    app.connectMicroservice(server());
    await app.startAllMicroservices();
    expect(stage.log).toEqual([]);
    await app.listen(0, '127.0.0.1');
    expect(stage.log).toEqual(START);
  });

  it('in a hybrid application that was initialised first, when its microservices have started', async () => {
    const app = await stage.hybrid();
    app.connectMicroservice(server());
    await app.init();
    expect(stage.log).toEqual(START.slice(0, 2));
    await app.startAllMicroservices();
    expect(stage.log).toEqual(START);
    await app.listen(0, '127.0.0.1');
    expect(stage.order('probe registered')).toHaveLength(1);
  });

  it('once with deferInitialization, where Nest runs the hooks twice', async () => {
    const app = await stage.hybrid();
    app.connectMicroservice(server(), { deferInitialization: true });
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    expect(stage.order('onApplicationBootstrap')).toHaveLength(2);
    expect(stage.order('probe registered')).toHaveLength(1);
    expect(await (await dial(`127.0.0.1:${portOf(app.get(Rookery))}`)).ask({})).toBeDefined();
  });

  it('nothing in an application context, and says nothing about it', async () => {
    const app = await stage.context();
    expect(app.get(Rookery).registrations).toEqual([]);
    expect([stage.warnings, stage.order('probe registered')]).toEqual([[], []]);
  });

  it("nothing where register is 'never', and serves all the same", async () => {
    const { port, rookery } = await stage.listening({ service: probe('probe'), register: 'never' });
    await rookery.register();
    expect([rookery.registrations, stage.order('probe registered')]).toEqual([[], []]);
    expect(await (await dial(`127.0.0.1:${port}`)).ask({})).toBeDefined();
  });

  it("when it says so where register is 'manual', and deregisters when it says so", async () => {
    const { rookery } = await stage.listening(
      { service: probe('probe') },
      stage.module({ root: { register: 'manual' } }),
    );
    expect(stage.order('probe registered')).toEqual([]);
    await rookery.register();
    await rookery.registered();
    const port = portOf(rookery);
    await rookery.deregister();
    expect(rookery.registrations).toEqual([]);
    expect(await (await dial(`127.0.0.1:${port}`)).ask({})).toBeDefined();
    await rookery.register();
    expect(stage.order('probe registered', 'probe released')).toEqual([
      'probe registered',
      'probe released',
      'probe registered',
    ]);
  });
});

describe('two gRPC servers in one application', () => {
  const write = (value: object) => Buffer.from(JSON.stringify(value));
  const read = (bytes: Buffer) => JSON.parse(bytes.toString()) as { name: string };
  const ask = (path: string) =>
    ({
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: write,
      requestDeserialize: read,
      responseSerialize: write,
      responseDeserialize: read,
    }) as const;
  const Alpha = defineService({ name: 'alpha', services: { Alpha: { Ask: ask('/alpha.Alpha/Ask') } } });
  const Beta = defineService({ name: 'beta', services: { Beta: { Ask: ask('/beta.Beta/Ask') } } });

  @Controller()
  @RegisterService({ weight: 1 })
  class AlphaController {
    @GrpcMethod('Alpha', 'Ask')
    answer() {
      return { name: 'alpha' };
    }
  }

  @Controller()
  @RegisterService(Beta, { weight: 2 })
  class BetaController {
    @GrpcMethod('Beta', 'Ask')
    answer() {
      return { name: 'beta' };
    }
  }

  it('each register what they serve, and serve nothing of the other', async () => {
    const app = await stage.hybrid(stage.module({ controllers: [AlphaController, BetaController] }));
    app.connectMicroservice(rookeryGrpc({ service: Alpha }));
    app.connectMicroservice(rookeryGrpc({ service: Beta }));
    await app.startAllMicroservices();
    await app.init();
    const ports = portsOf(app.get(Rookery));
    expect(Object.keys(ports)).toEqual(['alpha', 'beta']);
    const weights = app.get(Rookery).registrations.map(({ instance }) => instance.weight);
    expect([ports['alpha'] === ports['beta'], weights]).toEqual([false, [1, 2]]);
    const features = ([Alpha, Beta] as const).flatMap((service) =>
      Object.values(ports).map((url, i) => ({ service, name: `${service.name}-${i}`, url })),
    );
    const client = await stage.client(RookeryModule.forFeature(features));
    const answer = (name: string, service: string): Promise<unknown> =>
      client
        .get(getServiceToken(name, service))
        .Ask({})
        .then(
          ({ name: answered }: { name: string }) => answered,
          ({ code }: { code: number }) => code,
        );
    expect(
      await Promise.all([
        answer('alpha-0', 'Alpha'),
        answer('alpha-1', 'Alpha'),
        answer('beta-0', 'Beta'),
        answer('beta-1', 'Beta'),
      ]),
    ).toEqual(['alpha', 12, 12, 'beta']);
  });
});

describe('an application stops', () => {
  const start = {
    micro: async (module = stage.module()) => (await stage.listening({ service: probe('probe') }, module)).app,
    hybrid: async (module = stage.module()) => {
      const app = await stage.hybrid(module);
      app.connectMicroservice(server());
      await app.startAllMicroservices();
      return app.listen(0, '127.0.0.1').then(() => app);
    },
  };

  it.each(['micro', 'hybrid'] as const)(
    '%s: deregistered first, serving until nobody calls, and before any hook of the user',
    async (mode) => {
      const app = await start[mode]();
      const client = await dial(`127.0.0.1:${portOf(app.get(Rookery))}`);
      const running = client.ask({ delayMs: 1 });
      await eventually(() => expect(stage.order('call')).toHaveLength(1));
      const closed = app.close().then(() => stage.log.push('closed'));
      await eventually(() => expect(stage.log.at(-1)).toBe('probe released'));
      expect(await client.ask({})).toBeDefined();
      stage.openGate();
      expect(await running.then(() => stage.log.push('answered'))).toBeGreaterThan(0);
      await closed;
      expect(stage.order('probe released', 'answered', 'onModuleDestroy', 'closed')).toEqual([
        'probe released',
        'answered',
        'onModuleDestroy',
        'closed',
      ]);
      await expect(client.ask({}, { timeoutMs: 500 })).rejects.toMatchObject({ code: 14 });
    },
  );

  it('for good, where it is closed while it starts', async () => {
    const app = await stage.micro();
    const listened = app.listen();
    await app.close();
    await listened;
    const { bound } = (app as unknown as { getTransportServer(): { bound: { port: number } } }).getTransportServer();
    const socket = connect(bound.port, '127.0.0.1');
    expect(await once(socket, 'error')).toMatchObject([{ code: 'ECONNREFUSED' }]);
    expect(stage.order('probe registered')).toEqual([]);
  });

  it.each(['micro', 'hybrid'] as const)('%s: once, however often close() is called', async (mode) => {
    const app = await start[mode]();
    await Promise.all([app.close(), app.close()]);
    await app.close();
    expect(stage.order('probe released')).toHaveLength(1);
  });

  it.each(['micro', 'hybrid'] as const)('%s: with clients that work until the last call has ended', async (mode) => {
    @Controller()
    @RegisterService()
    class Caller {
      constructor(@InjectService(probe('backend'), 'Probe') private readonly backend: AsyncClient<Probe>) {}

      @GrpcMethod('Probe', 'Ask')
      async ask() {
        stage.log.push('call');
        await stage.gate;
        return this.backend.ask({});
      }
    }
    await stage.listening({ service: probe('backend') }, stage.module({ name: 'backend' }));
    const app = await start[mode](
      stage.module({ imports: [RookeryModule.forFeature([probe('backend')])], controllers: [Caller] }),
    );
    const client = await dial(`127.0.0.1:${portOf(app.get(Rookery))}`);
    const running = client.ask({});
    await eventually(() => expect(stage.order('call')).toHaveLength(1));
    const closed = app.close();
    await eventually(() => expect(stage.order('probe released')).toHaveLength(1));
    stage.openGate();
    expect(await running).toMatchObject({ name: 'backend' });
    await closed;
  });
});

describe('an interceptor of the user that asks for a token', () => {
  const asked: string[] = [];
  const guard: ServerInterceptor = ({ path }, call) =>
    new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            asked.push(path);
            if (metadata.get('token')[0] === 'secret') pass(metadata);
            else call.sendStatus({ code: status.UNAUTHENTICATED, details: 'no token' });
          },
        }),
    });

  it('guards the calls, and does not keep clients from asking who the server is', async () => {
    const channelOptions = { interceptors: [guard] } as object;
    await stage.listening({ service: probe('probe'), channelOptions }, stage.module({ name: 'guarded' }));
    const app = await stage.client(RookeryModule.forFeature([probe('probe')]));
    const client = app.get<AsyncClient<Probe>>(getServiceToken('probe', 'Probe'));
    expect(await client.ask({}, { metadata: { token: 'secret' } })).toMatchObject({ name: 'guarded' });
    await expect(client.ask({})).rejects.toMatchObject({ code: status.UNAUTHENTICATED, details: 'no token' });
    expect(asked).toEqual(['/probe.Probe/Ask', '/probe.Probe/Ask']);
    expect(stage.order('call')).toHaveLength(1);
  });
});

describe('check()', () => {
  const start = async (registry: Registry) => {
    const module = stage.module({ root: { registry } });
    const { rookery } = await stage.listening({ service: probe('probe'), registerWaitMs: 1 }, module);
    return rookery;
  };

  it('is up where everything is registered and every view is live', async () => {
    const rookery = await start(stage.registry);
    const { id } = rookery.registrations[0]!.instance;
    expect(rookery.check()).toEqual({
      status: 'up',
      registry: 'memory:',
      registrations: [{ service: 'probe', id, state: 'registered' }],
      unregistered: [],
      services: [],
    });
    const watch = rookery.directory.subscribe('probe', () => {});
    await eventually(() => expect(rookery.check().status).toBe('up'));
    expect(rookery.check().services).toEqual([{ service: 'probe', view: 'known', instances: 1 }]);
    watch[Symbol.dispose]();
  });

  it('is down while a view is pending, for the calls to its service wait', async () => {
    const rookery = await start(stage.registry);
    const watch = rookery.directory.subscribe('probe', () => {});
    expect(rookery.check()).toMatchObject({ status: 'down', services: [{ view: 'pending', instances: 0 }] });
    await eventually(() => expect(rookery.check().status).toBe('up'));
    watch[Symbol.dispose]();
  });

  it('is degraded while the registry has not accepted the registration, for what is connected is served', async () => {
    const registry = silentRegistry();
    const rookery = await start(registry);
    expect(rookery.check()).toMatchObject({ status: 'degraded', registrations: [{ state: 'registering' }] });
    registry.answer();
    await rookery.registered();
    expect(rookery.check()).toMatchObject({ status: 'up', registrations: [{ state: 'registered' }] });
  });

  it('is degraded while a view is stale, for the last view serves', async () => {
    const registry = silentRegistry();
    const rookery = await start(registry);
    registry.answer();
    const watch = rookery.directory.subscribe('other', () => {});
    await eventually(() => expect(rookery.check().status).toBe('up'));
    registry.breakWatches();
    await eventually(() => expect(rookery.check().status).toBe('degraded'));
    expect(rookery.check().services).toEqual([{ service: 'other', view: 'stale', instances: 0 }]);
    watch[Symbol.dispose]();
  });

  it('is down where a view has failed, for the calls to its service fail', async () => {
    const rookery = await start(stage.registry);
    const watch = rookery.directory.subscribe('no name', () => {});
    await eventually(() =>
      expect(rookery.check()).toMatchObject({ status: 'down', services: [{ view: 'failed', instances: 0 }] }),
    );
    watch[Symbol.dispose]();
  });
});
