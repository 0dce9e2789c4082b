/**
 * A Nest gRPC server that programs in Go call: `INTEROP_ETCD` has the options of `etcd()` as JSON, `PROBE_SERVICE` and
 * `PROBE_NAME` say who it is, Rookery's own variables the rest. Prints `listening <port>` once it is registered.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod, type MicroserviceOptions } from '@nestjs/microservices';
import { RegisterService, Rookery, rookeryGrpc, RookeryModule } from 'rookery';
import { etcd, type EtcdOptions } from 'rookery/etcd';
import { interop, type Answer, type Question } from './interop-contract.js';

const { INTEROP_ETCD = '{}', PROBE_SERVICE = 'interop', PROBE_NAME = '' } = process.env;

@Controller()
@RegisterService()
class InteropController {
  @GrpcMethod('Interop', 'Ask')
  async ask(question: Required<Question>): Promise<Answer> {
    await sleep(question.delayMs);
    return answer(question, 0);
  }

  @GrpcMethod('Interop', 'Follow')
  async *follow(question: Required<Question>): AsyncGenerator<Answer> {
    for (let i = 0; i < question.count; i += 1) {
      if (i > 0) await sleep(question.delayMs);
      yield answer(question, i);
    }
  }
}

function answer({ text }: Question, index: number): Answer {
  return { name: PROBE_NAME, pid: process.pid, text: text ?? '', index };
}

@Module({
  imports: [RookeryModule.forRoot({ registry: etcd(JSON.parse(INTEROP_ETCD) as EtcdOptions) })],
  controllers: [InteropController],
})
class InteropModule {}

async function main(): Promise<void> {
  const server = rookeryGrpc({ service: interop(PROBE_SERVICE) });
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(InteropModule, server);
  app.enableShutdownHooks();
  const info = (await app.listen()) as unknown as { port: number };
  await Promise.all(app.get(Rookery).registrations.map(({ registered }) => registered));
  console.log(`listening ${info.port}`);
  process.once('message', () => void app.close().then(() => process.disconnect()));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
