import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { rookeryGrpc } from 'rookery';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { INestApplication, INestMicroservice } from '@nestjs/common';
import { Users } from '../src/contracts.js';
import { AppModule as GatewayModule } from '../src/gateway/app.module.js';
import { AppModule as ServiceModule } from '../src/service/app.module.js';

describe('sample 01-hello', () => {
  let service: INestMicroservice;
  let gateway: INestApplication;
  let url: string;

  beforeAll(async () => {
    service = await NestFactory.createMicroservice<MicroserviceOptions>(ServiceModule, rookeryGrpc({ service: Users }));
    await service.listen();
    gateway = await NestFactory.create(GatewayModule);
    await gateway.listen(0, '127.0.0.1');
    url = await gateway.getUrl();
  });

  afterAll(async () => {
    await gateway?.close();
    await service?.close();
  });

  it('answers through the gateway, which found the service by its name', async () => {
    const response = await fetch(`${url}/users/1`);
    expect(await response.json()).toEqual({ id: 1, name: 'Grace', pid: process.pid });
  });

  it('streams through the gateway', async () => {
    const users = (await (await fetch(`${url}/users`)).json()) as { name: string }[];
    expect(users.map(({ name }) => name)).toEqual(['Ada', 'Grace', 'Barbara']);
  });

  it('tells its callers what became of a call that failed', async () => {
    const outcome = async (path: string) => {
      const response = await fetch(`${url}${path}`);
      return [response.status, ((await response.json()) as { message: string }).message];
    };
    expect(await outcome('/users/9')).toEqual([404, 'there is no user 9']);
    expect(await outcome('/users/x')).toEqual([400, 'Validation failed (numeric string is expected)']);
    await service.close();
    expect(await outcome('/users/1')).toEqual([503, 'UNAVAILABLE']);
  });
});
