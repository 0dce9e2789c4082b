/**
 * A Nest gRPC server as a process that is restarted: `ROLLING_SERVER` (rookery, rookery-mux, stock, stock-graceful) says of which
 * kind, `PROBE_URL` where. Prints `instance <id>` where it registered, `listening <port>` when it listens, and `served` with
 * what it has taken when it has stopped.
 */
import { Module } from '@nestjs/common';
import { APP_INTERCEPTOR, NestFactory } from '@nestjs/core';
import { Transport, type MicroserviceOptions } from '@nestjs/microservices';
import { Rookery, rookeryGrpc, RookeryModule } from 'rookery';
import { probe } from './contracts.js';
import { ProbeController } from './probe.controller.js';
import { ServedCounter } from './served.js';

const { ROLLING_SERVER = 'rookery', PROBE_URL = '127.0.0.1:0' } = process.env;

async function rookery(mux: boolean): Promise<void> {
  @Module({
    imports: [RookeryModule.forRoot({ mux })],
    controllers: [ProbeController],
    providers: [{ provide: APP_INTERCEPTOR, useClass: ServedCounter }],
  })
  class ServerModule {}
  const server = rookeryGrpc({ service: probe('probe'), url: PROBE_URL });
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(ServerModule, server);
  app.enableShutdownHooks();
  await app.listen();
  for (const { instance } of app.get(Rookery).registrations) console.log(`instance ${instance.id}`);
}

async function stock(gracefulShutdown: boolean): Promise<void> {
  @Module({ controllers: [ProbeController] })
  class ServerModule {}
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(ServerModule, {
    transport: Transport.GRPC,
    options: {
      url: PROBE_URL,
      package: 'probe',
      protoPath: 'test/apps/proto/probe.proto',
      // Nothing is given where it is off: Nest's own default is what is shown.
      ...(gracefulShutdown && { gracefulShutdown }),
    },
  });
  app.enableShutdownHooks();
  await app.listen();
}

async function main(): Promise<void> {
  await (ROLLING_SERVER.startsWith('rookery')
    ? rookery(ROLLING_SERVER === 'rookery-mux')
    : stock(ROLLING_SERVER === 'stock-graceful'));
  console.log(`listening ${PROBE_URL.slice(PROBE_URL.lastIndexOf(':') + 1)}`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
