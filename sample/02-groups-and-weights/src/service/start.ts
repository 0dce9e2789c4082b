import { Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { rookeryGrpc, RookeryModule, type InstanceOptions } from 'rookery';
import { Greeters } from '../contracts.js';
import { GreeterController, NAME } from './greeter.controller.js';

/** One instance of the service. What `instance` leaves out comes from ROOKERY_WEIGHT and ROOKERY_GROUP. */
export async function startGreeter(name: string, instance: InstanceOptions = {}): Promise<INestMicroservice> {
  @Module({
    imports: [RookeryModule.forRoot()],
    controllers: [GreeterController],
    providers: [{ provide: NAME, useValue: name }],
  })
  class AppModule {}

  // #region instance
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(
    AppModule,
    rookeryGrpc({ service: Greeters, instance }),
  );
  // #endregion
  app.enableShutdownHooks();
  await app.listen();
  return app;
}
