/**
 * A Nest gRPC server as a process that writes its life on standard output, one event a line: the hooks of the user's
 * provider, where it listens, what becomes of its health and its registration, its calls. `LIFE_MODE` is micro, hybrid,
 * init-first, defer or late-hooks, `LIFE_HOOK`
 * what the user's destroy hook does (throw, hang), `LIFE_DRAIN_MS` the limit of its drain. A message on IPC closes it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Controller,
  Inject,
  Injectable,
  Module,
  type BeforeApplicationShutdown,
  type INestApplicationContext,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod, GrpcStreamMethod, RpcException, type MicroserviceOptions } from '@nestjs/microservices';
import { HealthImplementation } from 'grpc-health-check';
import { RegisterService, Rookery, rookeryGrpc, RookeryModule } from 'rookery';
import { concat, map, NEVER, of, type Observable } from 'rxjs';
import { Life } from './life-contract.js';

const { LIFE_MODE = 'micro', LIFE_HOOK, LIFE_DRAIN_MS } = process.env;
const tell = (event: string) => void process.stdout.write(`tape: ${event}\n`);

const withdrawn = { done: () => {}, promise: Promise.resolve() };
withdrawn.promise = new Promise((resolve) => (withdrawn.done = resolve));

/** The library's own call, so that its place in the order is certain. */
const health = HealthImplementation.prototype as unknown as { setStatus: (service: string, status: string) => void };
const { setStatus } = health;
let before: string | undefined;
health.setStatus = function (service, status) {
  if (service === 'life' && before === 'SERVING' && status !== before) tell(status);
  if (service === 'life') before = status;
  setStatus.call(this, service, status);
};

@Injectable()
class Hooks
  implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown, OnApplicationShutdown
{
  constructor(@Inject(Rookery) rookery: Rookery) {
    rookery.registry.events.on((event) => {
      if (event.type !== 'registration.changed') return;
      if (event.state === 'registered') tell('registered');
      if (event.state !== 'released') return;
      tell('deregistered');
      withdrawn.done();
    });
  }

  onModuleInit = () => tell('onModuleInit');
  onApplicationBootstrap = () => tell('onApplicationBootstrap');
  beforeApplicationShutdown = () => tell('beforeApplicationShutdown');
  onApplicationShutdown = () => tell('onApplicationShutdown');

  async onModuleDestroy() {
    tell('onModuleDestroy');
    if (LIFE_HOOK === 'throw') throw new Error('a hook of the user failed');
    // A timer that holds the process, as a pool that does not close would.
    if (LIFE_HOOK === 'hang') await sleep(3_600_000);
  }
}

@Controller()
@RegisterService()
class LifeController {
  @GrpcMethod('Life', 'Linger')
  async linger() {
    tell('call begun');
    await withdrawn.promise;
    await sleep(100);
    tell('call ended');
    return {};
  }

  @GrpcMethod('Life', 'Hang')
  hang(): Observable<object> {
    tell('call begun');
    return NEVER;
  }

  @GrpcMethod('Life', 'Fail')
  async fail() {
    tell('call begun');
    await withdrawn.promise;
    throw new RpcException({ code: 9, message: 'not now' });
  }

  @GrpcMethod('Life', 'Feed')
  feed(): Observable<object> {
    return concat(of({}), NEVER);
  }

  @GrpcStreamMethod('Life', 'Chat')
  chat(messages: Observable<object>): Observable<object> {
    return concat(messages.pipe(map((message) => message)), NEVER);
  }
}

@Module({ imports: [RookeryModule.forRoot()], controllers: [LifeController], providers: [Hooks] })
class LifeModule {}

const server = rookeryGrpc({
  service: Life,
  // Between binding and listen().
  onLoadPackageDefinition: () => tell('listening'),
  ...(LIFE_DRAIN_MS && { stop: { drainMs: Number(LIFE_DRAIN_MS) } }),
}) as MicroserviceOptions;

async function start(): Promise<INestApplicationContext> {
  if (LIFE_MODE === 'micro') {
    const app = await NestFactory.createMicroservice<MicroserviceOptions>(LifeModule, server);
    app.enableShutdownHooks();
    await app.listen();
    return app;
  }
  const app = await NestFactory.create(LifeModule);
  if (LIFE_MODE !== 'late-hooks') app.enableShutdownHooks();
  app.connectMicroservice<MicroserviceOptions>(server, { deferInitialization: LIFE_MODE === 'defer' });
  if (LIFE_MODE === 'init-first') await app.init();
  await app.startAllMicroservices();
  if (LIFE_MODE === 'late-hooks') app.enableShutdownHooks();
  await app.listen(0, '127.0.0.1');
  return app;
}

async function main(): Promise<void> {
  const app = await start();
  const rookery = app.get(Rookery);
  await rookery.registered();
  console.log(`address: ${rookery.registrations[0]!.instance.address}`);
  process.once('message', () => {
    const left = () => {
      tell('closed');
      process.disconnect();
    };
    void app.close().then(left, (error: unknown) => {
      console.log(`close: ${String(error)}`);
      process.exitCode = 1;
      process.disconnect();
    });
  });
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
