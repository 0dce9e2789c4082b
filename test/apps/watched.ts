/** A server on a fixed port as a developer runs it by `nest start --watch`; copied into a project of its own. */
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod, type MicroserviceOptions } from '@nestjs/microservices';
import { RegisterService, rookeryGrpc, RookeryModule } from 'rookery';
import { concat, NEVER, of, type Observable } from 'rxjs';
import { Life } from './life-contract.js';

@Controller()
@RegisterService()
class WatchedController {
  @GrpcMethod('Life', 'Feed')
  feed(): Observable<object> {
    return concat(of({}), NEVER);
  }
}

@Module({ imports: [RookeryModule.forRoot()], controllers: [WatchedController] })
class WatchedModule {}

async function main(): Promise<void> {
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(WatchedModule, {
    ...rookeryGrpc({ service: Life, url: process.env['WATCHED_URL']! }),
    logger: ['error', 'warn'],
  });
  app.enableShutdownHooks();
  process.prependOnceListener('SIGTERM', () => console.log('told to stop'));
  await app.listen();
  console.log('listening');
}

void main();
