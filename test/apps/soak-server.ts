/** A server with mux that runs for as long as it is wanted: says `listening` on IPC, and what it holds when it is asked. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod, type MicroserviceOptions } from '@nestjs/microservices';
import { RegisterService, rookeryGrpc, RookeryModule } from 'rookery';
import { SOAK, takeSample, type Load } from './soak.js';

@Controller()
@RegisterService()
class SoakController {
  @GrpcMethod('Soak', 'Echo')
  async echo({ number, delayMs, answerBytes }: Required<Load>): Promise<Load> {
    if (delayMs > 0) await sleep(delayMs);
    return { number, payload: new Uint8Array(answerBytes) };
  }
}

@Module({ imports: [RookeryModule.forRoot({ mux: true })], controllers: [SoakController] })
class ServerModule {}

async function main(): Promise<void> {
  const server = rookeryGrpc({ service: SOAK, url: '127.0.0.1:0' });
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(ServerModule, server);
  await app.listen();
  process.on('message', () => process.send!(takeSample()));
  process.once('disconnect', () => process.exit());
  process.send!('listening');
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
