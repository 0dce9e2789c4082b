/**
 * A Nest gRPC server as a process: `PROBE_SERVICE`, `PROBE_MODE` (micro, hybrid), `PROBE_URL` and `PROBE_ROOT` (options of
 * `forRoot`) say what, Rookery's own variables the rest. Prints `listening <port>` when `listen()` has resolved, and `closed` at the end.
 */
import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { rookeryGrpc, RookeryModule } from 'rookery';
import { probe } from './contracts.js';
import { ProbeController } from './probe.controller.js';

const { PROBE_SERVICE = 'probe', PROBE_MODE = 'micro', PROBE_URL, PROBE_ROOT = '{}' } = process.env;

@Module({ imports: [RookeryModule.forRoot(JSON.parse(PROBE_ROOT) as object)], controllers: [ProbeController] })
class ProbeModule {}

const server = rookeryGrpc({ service: probe(PROBE_SERVICE), ...(PROBE_URL && { url: PROBE_URL }) });

async function microservice(): Promise<INestApplicationContext> {
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(ProbeModule, server);
  app.enableShutdownHooks();
  const info = (await app.listen()) as unknown as { port: number };
  console.log(`listening ${info.port}`);
  return app;
}

async function hybrid(): Promise<INestApplicationContext> {
  const app = await NestFactory.create(ProbeModule);
  app.enableShutdownHooks();
  const connected = app.connectMicroservice<MicroserviceOptions>(server);
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  const { bound } = (
    connected as unknown as { getTransportServer(): { bound: { port: number } } }
  ).getTransportServer();
  console.log(`listening ${bound.port}`);
  return app;
}

async function main(): Promise<void> {
  const app = await (PROBE_MODE === 'hybrid' ? hybrid() : microservice());
  process.once('message', () => void app.close().then(() => process.disconnect()));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
