/** One instance of the demo fleet: `service.js user-server|order-server`; weight and group come from the environment. */
import { Controller, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod, type MicroserviceOptions } from '@nestjs/microservices';
import { RegisterService, rookeryGrpc, RookeryModule } from 'rookery';
import { Orders, Users, type Answer } from './contracts.js';

const by = process.env['DEMO_NAME'] ?? String(process.pid);

@Controller()
@RegisterService(Users, { metadata: { name: by } })
class UserController {
  @GrpcMethod('UserService')
  getUser({ id }: { id: number }): Answer {
    return { id, by };
  }
}

@Controller()
@RegisterService(Orders, { metadata: { name: by } })
class OrderController {
  @GrpcMethod('OrderService')
  getOrder({ id }: { id: number }): Answer {
    return { id, by };
  }
}

const controller = process.argv[2] === Orders.name ? OrderController : UserController;

@Module({ imports: [RookeryModule.forRoot()], controllers: [controller] })
class ServiceModule {}

async function main(): Promise<void> {
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(ServiceModule, {
    ...rookeryGrpc(),
    logger: ['warn', 'error'],
  });
  app.enableShutdownHooks();
  await app.listen();
  // The end of the demo, however it came about, is the end of its fleet.
  process.on('disconnect', () => void app.close());
}

main().catch((error: unknown) => {
  Logger.error(error);
  process.exitCode = 1;
});
