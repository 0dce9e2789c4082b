/**
 * A gateway as a process: serves, is called, and calls another service by unary calls and streams, with health checks;
 * then it closes and says on IPC what is left of it, timers that hold no process included. It must end by itself after that.
 */
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod, type MicroserviceOptions } from '@nestjs/microservices';
import { getServiceToken, InjectService, RegisterService, rookeryGrpc, RookeryModule, type AsyncClient } from 'rookery';
import { ourTimers } from './our-timers.js';
import { probe, type Answer, type Probe } from './contracts.js';

const Users = probe('users');
const Gateway = probe('gateway');

@Controller()
@RegisterService()
class GatewayController {
  constructor(@InjectService(Users, 'Probe') private readonly users: AsyncClient<Probe>) {}

  @GrpcMethod('Probe', 'Ask')
  async ask(): Promise<Answer> {
    for await (const answer of this.users.follow({ count: 3, delayMs: 1 })) void answer;
    return this.users.ask({});
  }
}

@Module({
  imports: [RookeryModule.forRoot(), RookeryModule.forFeature([{ service: Users, healthCheck: true }, Gateway])],
  controllers: [GatewayController],
})
class GatewayModule {}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
const left = () => ({
  timers: ourTimers(),
  resources: process.getActiveResourcesInfo().filter((kind) => kind !== 'PipeWrap'),
  listeners: SIGNALS.map((signal) => process.listenerCount(signal)),
});

const busy = () => left().resources.filter((kind) => kind !== 'Immediate').length + left().timers.length > 0;

async function main(): Promise<void> {
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(GatewayModule, {
    ...rookeryGrpc({ service: Gateway, health: { check: () => true, intervalMs: 50 }, reflection: true }),
    logger: ['error', 'warn'],
  });
  app.enableShutdownHooks();
  await app.listen();
  const gateway: AsyncClient<Probe> = app.get(getServiceToken('gateway', 'Probe'));
  for (let i = 0; i < 50; i += 1) await gateway.ask({});
  await app.close();
  // Sockets that were closed take some turns to be gone; whatever is there after that stays.
  const end = performance.now() + 2000;
  while (busy() && performance.now() < end) await new Promise(setImmediate);
  process.send!(left(), () => process.disconnect());
}

void main();
