/** A program of somebody who installed the package: a service and a client in one process. Runs as ESM and as CommonJS. */
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod, type MicroserviceOptions } from '@nestjs/microservices';
import { defineService, getServiceToken, RegisterService, rookeryGrpc, RookeryModule, type AsyncClient } from 'rookery';
import { memory } from 'rookery/registries';

interface Echo {
  say(request: { text: string }): Promise<{ text: string }>;
}

const Echoes = defineService<{ Echo: Echo }>({ name: 'echo-server', package: 'echo', protoPath: 'echo.proto' });

@Controller()
@RegisterService(Echoes)
class EchoController {
  @GrpcMethod('Echo', 'Say')
  say({ text }: { text: string }): { text: string } {
    return { text: `${text} ${text}` };
  }
}

async function main(): Promise<void> {
  const root = RookeryModule.forRoot({ registry: memory() });
  @Module({ imports: [root, RookeryModule.forFeature([Echoes])], controllers: [EchoController] })
  class AppModule {}
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(
    AppModule,
    rookeryGrpc({ service: Echoes, url: '127.0.0.1:0' }),
  );
  await app.listen();
  const echo = app.get<AsyncClient<Echo>>(getServiceToken(Echoes, 'Echo'));
  console.log((await echo.say({ text: 'hello' })).text);
  await app.close();
}

void main();
