/**
 * A probe as a process, at `PROBE_URL`, that takes calls over mux unless `MUX_OFF` is set; `DRAIN_MS` is the limit of its
 * drain. Prints `listening <port>`, and `served` with what it has taken when it has stopped.
 */
import { Module } from '@nestjs/common';
import { APP_INTERCEPTOR, NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { rookeryGrpc, RookeryModule } from 'rookery';
import { probe } from './contracts.js';
import { ProbeController } from './probe.controller.js';
import { ServedCounter } from './served.js';

const { PROBE_URL = '127.0.0.1:0', MUX_OFF, DRAIN_MS } = process.env;

@Module({
  imports: [RookeryModule.forRoot({ mux: !MUX_OFF })],
  controllers: [ProbeController],
  providers: [{ provide: APP_INTERCEPTOR, useClass: ServedCounter }],
})
class ServerModule {}

async function main(): Promise<void> {
  const stop = DRAIN_MS ? { drainMs: Number(DRAIN_MS) } : {};
  const server = rookeryGrpc({ service: probe('probe'), url: PROBE_URL, stop });
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(ServerModule, server);
  app.enableShutdownHooks();
  const { port } = (await app.listen()) as unknown as { readonly port: number };
  console.log(`listening ${port}`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
