import { status } from '@grpc/grpc-js';
import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { RegisterService, Rookery, rookeryGrpc } from 'rookery';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { probe } from '../apps/contracts.js';
import { askHealth } from '../support/health-client.js';
import { NestStage, ProbeController } from '../support/nest-stage.js';
import { reflect } from '../support/reflection-client.js';
import { streams } from '../support/streams-stage.js';

let stage: NestStage;
beforeEach(() => void (stage = new NestStage()));
afterEach(() => stage.close());

@Controller()
@RegisterService(streams)
class GuardedController {
  @GrpcMethod('Streams', 'Ask')
  ask() {
    return {};
  }
}

it('two servers of one application show what each of them serves, and nothing of the other', async () => {
  const app = await stage.hybrid(stage.module({ controllers: [ProbeController, GuardedController] }));
  for (const service of [probe('open'), streams]) app.connectMicroservice(rookeryGrpc({ service, reflection: true }));
  await app.startAllMicroservices();
  await app.init();
  const { registrations } = app.get(Rookery);
  const shown = registrations.map(async ({ instance: { service, address } }) => {
    const list = reflect(address);
    const services = await list.services;
    list.close();
    const health = ['probe.Probe', 'probe.Other', 'streams.Streams'].map((name) => askHealth(address, name));
    return [service, { services, health: await Promise.all(health) }];
  });
  const none = status.NOT_FOUND;
  expect(Object.fromEntries(await Promise.all(shown))).toEqual({
    open: { services: ['grpc.health.v1.Health', 'probe.Probe'], health: ['SERVING', none, none] },
    streams: { services: ['grpc.health.v1.Health', 'streams.Streams'], health: [none, none, 'SERVING'] },
  });
});
