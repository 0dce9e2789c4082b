/** Nest's own gRPC server. */
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Transport, type MicroserviceOptions } from '@nestjs/microservices';
import { PROTO } from '../contract.js';
import { GrpcController } from './grpc.controller.js';
import { serve } from './serve.js';

@Module({ controllers: [GrpcController] })
class ServerModule {}

serve(async (port) => {
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(ServerModule, {
    transport: Transport.GRPC,
    options: { url: `127.0.0.1:${port}`, ...PROTO },
    logger: ['warn', 'error'],
  });
  await app.listen();
});
