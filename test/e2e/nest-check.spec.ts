import type { MicroserviceOptions } from '@nestjs/microservices';
import { Rookery, rookeryGrpc } from 'rookery';
import { eventually } from 'rookery/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { probe } from '../apps/contracts.js';
import { NestStage } from '../support/nest-stage.js';

let stage: NestStage;
beforeEach(() => void (stage = new NestStage()));
afterEach(() => stage.close());

const service = probe('probe');

describe('check() of an application whose server should be registered and is not', () => {
  const status = (rookery: Rookery) => {
    const { status: now, unregistered } = rookery.check();
    return [now, unregistered];
  };

  it('says so while it waits for a service, and no more once it is registered', async () => {
    const { rookery } = await stage.listening({ service, dependsOn: ['order-server'] });
    expect(rookery.check()).not.toMatchObject({ status: 'up' });
    expect(rookery.check().unregistered).toEqual(['probe']);
    await rookery.register();
    await rookery.registered();
    expect(rookery.check().unregistered).toEqual([]);
  });

  it('is degraded while its health check has not passed', async () => {
    let well = false;
    const health = { check: () => well, intervalMs: 5 };
    const { rookery } = await stage.listening({ service, registerWaitMs: 1, health });
    expect(status(rookery)).toEqual(['degraded', ['probe']]);
    well = true;
    await eventually(() => expect(status(rookery)).toEqual(['up', []]));
  });

  it('is degraded where it could not start', async () => {
    const app = await stage.hybrid();
    app.connectMicroservice<MicroserviceOptions>(rookeryGrpc({ service, url: '203.0.113.1:1' }));
    await expect(app.startAllMicroservices()).rejects.toMatchObject({ code: 'ROOKERY_SERVER_UNBOUND' });
    expect(status(app.get(Rookery))).toEqual(['degraded', ['203.0.113.1:1']]);
  });

  it('is up where the user took it out, and where nothing is to be registered', async () => {
    const { rookery } = await stage.listening({ service });
    await rookery.deregister();
    expect(status(rookery)).toEqual(['up', []]);
    for (const register of ['manual', 'never'] as const) {
      const { rookery: other } = await stage.listening({ service, register });
      expect(status(other)).toEqual(['up', []]);
    }
  });
});
