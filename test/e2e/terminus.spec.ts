import { Controller, Get, Inject, Module, type INestApplication } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { getServiceToken, Rookery, rookeryGrpc, RookeryModule, type AsyncClient, type Registry } from 'rookery';
import { RookeryHealthIndicator } from 'rookery/terminus';
import { eventually, startEtcd } from 'rookery/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { probe, type Probe } from '../apps/contracts.js';
import { NestStage } from '../support/nest-stage.js';
import { silentRegistry } from '../support/silent-registry.js';

// #region health
@Controller()
class HealthController {
  constructor(
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    @Inject(RookeryHealthIndicator) private readonly rookery: RookeryHealthIndicator,
  ) {}

  @Get('health')
  @HealthCheck()
  check() {
    return this.health.check([() => this.rookery.isHealthy()]);
  }
}

@Module({
  imports: [TerminusModule.forRoot({ logger: false })],
  controllers: [HealthController],
  providers: [RookeryHealthIndicator],
})
class HealthModule {}
// #endregion

let stage: NestStage;
beforeEach(() => void (stage = new NestStage()));
afterEach(() => stage.close());

/** An application that serves `probe`, calls it, and answers at `/health`. */
async function start(registry: Registry | string) {
  const imports = [HealthModule, RookeryModule.forFeature([probe('probe')])];
  const app = await stage.hybrid(stage.module({ root: { registry }, imports }));
  app.connectMicroservice(rookeryGrpc({ service: probe('probe'), advertise: '127.0.0.1', registerWaitMs: 1 }));
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  const client = app.get<AsyncClient<Probe>>(getServiceToken('probe', 'Probe'));
  return { app, rookery: app.get(Rookery), ask: () => client.ask({}), health: () => health(app) };
}

async function health(app: INestApplication) {
  const answer = await fetch(`${await app.getUrl()}/health`);
  const body = (await answer.json()) as { status: string; details: { rookery: Record<string, unknown> } };
  return [answer.status, body.status, body.details.rookery] as const;
}

describe('/health of Terminus', () => {
  it('is 200 and up where all is well, and names the registry, the registrations and the services', async () => {
    const { rookery, health: ask, ask: call } = await start(stage.registry);
    await eventually(call);
    const { id } = rookery.registrations[0]!.instance;
    const details = {
      registry: 'memory:',
      registrations: [{ service: 'probe', id, state: 'registered' }],
      unregistered: [],
      services: [{ service: 'probe', view: 'known', instances: 1 }],
    };
    expect(await ask()).toEqual([200, 'ok', { status: 'up', ...details }]);
  });

  it('is 200 and degraded while the registry has not accepted the registration', async () => {
    const registry = silentRegistry();
    const { health: ask } = await start(registry);
    expect(await ask()).toMatchObject([
      200,
      'degraded',
      { status: 'degraded', registrations: [{ state: 'registering' }] },
    ]);
    registry.answer();
    await eventually(async () => expect(await ask()).toMatchObject([200, 'ok', { status: 'up' }]));
  });

  it('is 503 and down where a view has failed', async () => {
    const { rookery, health: ask } = await start(stage.registry);
    const watch = rookery.directory.subscribe('no name', () => {});
    await eventually(async () => {
      expect(await ask()).toMatchObject([503, 'error', { status: 'down', services: [{ view: 'failed' }] }]);
    });
    watch[Symbol.dispose]();
  });

  it('is down before etcd has ever answered, up with it, and degraded without it, when calls are served', async () => {
    const etcd = await startEtcd({ running: false });
    try {
      const { health: ask, ask: call } = await start(`etcd://${etcd.host}`);
      expect(await ask()).toMatchObject([200, 'degraded', { services: [] }]);
      const waiting = call().catch(() => undefined);
      await eventually(async () => {
        expect(await ask()).toMatchObject([503, 'error', { status: 'down', services: [{ view: 'pending' }] }]);
      });
      await etcd.restart();
      await waiting;
      await eventually(async () => expect(await ask()).toMatchObject([200, 'ok', { status: 'up' }]));
      await eventually(call);
      await etcd.crash();
      await eventually(async () => {
        expect(await ask()).toMatchObject([200, 'degraded', { status: 'degraded', services: [{ view: 'stale' }] }]);
      });
      expect(await call()).toMatchObject({ name: '' });
      await etcd.restart();
      await eventually(async () => expect(await ask()).toMatchObject([200, 'ok', { status: 'up' }]));
    } finally {
      await stage.close();
      await etcd.stop();
    }
  });
});
