import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { rookeryGrpc } from 'rookery';
import { Users } from '../contracts.js';
import { AppModule } from './app.module.js';

const app = await NestFactory.createMicroservice<MicroserviceOptions>(AppModule, rookeryGrpc({ service: Users }));
app.enableShutdownHooks();
await app.listen();
