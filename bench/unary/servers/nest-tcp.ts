/** Nest's TCP transport. */
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, Payload, Transport, type MicroserviceOptions } from '@nestjs/microservices';
import type { Items, Query, Text } from '../contract.js';
import { handlers } from '../handlers.js';
import { serve } from './serve.js';

@Controller()
class TcpController {
  @MessagePattern('echo')
  echo(@Payload() message: Text): Text {
    return handlers.echo(message);
  }

  @MessagePattern('list')
  list(@Payload() query: Query): Items {
    return handlers.list(query);
  }

  @MessagePattern('hold')
  hold(): Promise<Text> {
    return handlers.hold();
  }
}

@Module({ controllers: [TcpController] })
class ServerModule {}

serve(async (port) => {
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(ServerModule, {
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port },
    logger: ['warn', 'error'],
  });
  await app.listen();
});
