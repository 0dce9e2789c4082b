/** Nest with `rookeryGrpc()`. */
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { rookeryGrpc, RookeryModule } from 'rookery';
import { ECHO } from '../contract.js';
import { rootOptions } from '../mux.js';
import { GrpcController } from './grpc.controller.js';
import { serve } from './serve.js';

@Module({ imports: [RookeryModule.forRoot(rootOptions())], controllers: [GrpcController] })
class ServerModule {}

serve(async (port) => {
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(ServerModule, {
    ...rookeryGrpc({ service: ECHO, url: `127.0.0.1:${port}` }),
    logger: ['warn', 'error'],
  });
  await app.listen();
});
