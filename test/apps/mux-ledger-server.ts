/**
 * A Nest gRPC server with mux as a process, for those who kill it: it writes the number of every call that its handler
 * starts to the file `LEDGER_FILE` before it answers, and each stream of HTTP/2 beside them. Prints `listening <port>`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod, type MicroserviceOptions } from '@nestjs/microservices';
import { RegisterService, rookeryGrpc, RookeryModule } from 'rookery';
import { onStreams } from './count-streams.js';
import { LedgerFile } from './ledger-file.js';
import { LEDGERS, STREAM, type Entry } from './mux-ledger.js';

/** Every so many calls take up to so long, ms: some are to run when a server dies, and answers to come out of order. */
const SLOW_EVERY = 7;
const SLOW_MS = 20;

const { LEDGER_FILE = '' } = process.env;
const ledger = new LedgerFile(LEDGER_FILE);
onStreams(() => void ledger.enter(STREAM));

@Controller()
@RegisterService()
class LedgerController {
  @GrpcMethod('Ledger', 'Enter')
  async enter({ number }: Entry): Promise<Entry> {
    await ledger.enter(number);
    if (number % SLOW_EVERY === 0) await sleep(Math.random() * SLOW_MS);
    return { number };
  }
}

@Module({ imports: [RookeryModule.forRoot({ mux: true })], controllers: [LedgerController] })
class ServerModule {}

async function main(): Promise<void> {
  const server = rookeryGrpc({ service: LEDGERS, url: '127.0.0.1:0' });
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(ServerModule, server);
  app.enableShutdownHooks();
  const { port } = (await app.listen()) as unknown as { readonly port: number };
  console.log(`listening ${port}`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
