/**
 * Two applications as one process: `first`, whose hook takes a while, and `second`, which may work longer. Each serves the
 * probe under its name on a registry of its own; without `TWO_APPS_HOOKS=both` only the first one hears signals.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Module, type OnModuleDestroy, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { rookeryGrpc, RookeryModule } from 'rookery';
import { memory } from 'rookery/registries';
import { probe } from './contracts.js';
import { ProbeController } from './probe.controller.js';

/** Longer than two signals may be apart and count as one, ms. */
const HOOK_MS = 400;

@Injectable()
class SlowHook implements OnModuleDestroy {
  onModuleDestroy = () => sleep(HOOK_MS);
}

@Module({
  imports: [RookeryModule.forRoot({ registry: memory() })],
  controllers: [ProbeController],
  providers: [SlowHook],
})
class FirstModule {}

@Module({ imports: [RookeryModule.forRoot({ registry: memory() })], controllers: [ProbeController] })
class SecondModule {}

async function start(module: Type, name: string, hooks: boolean): Promise<number> {
  const server = rookeryGrpc({ service: probe(name) });
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(module, server);
  if (hooks) app.enableShutdownHooks();
  const { port } = (await app.listen()) as unknown as { port: number };
  return port;
}

async function main(): Promise<void> {
  await start(FirstModule, 'first', true);
  console.log(`listening ${await start(SecondModule, 'second', process.env['TWO_APPS_HOOKS'] === 'both')}`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
