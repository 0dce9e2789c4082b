import { Injectable, Inject, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { Rookery, rookeryGrpc, type RookeryGrpcOptions } from 'rookery';
import { eventually } from 'rookery/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { probe } from '../apps/contracts.js';
import { RefusalStage } from '../support/refusal-stage.js';
import { silentRegistry } from '../support/silent-registry.js';

/** Fails a spec that leaves an error unhandled behind. */
let stage: RefusalStage;
beforeEach(() => void (stage = new RefusalStage()));
afterEach(() => stage.close());

const service = probe('probe');
const STATES = ['onModuleInit', 'onApplicationBootstrap', 'probe registered', 'probe released'];

/** Says what a hook of the user does with its Rookery. */
function hookOf(name: 'onModuleInit' | 'onApplicationBootstrap', act: (rookery: Rookery) => unknown) {
  @Injectable()
  class Hook implements OnModuleInit, OnApplicationBootstrap {
    constructor(@Inject(Rookery) private readonly rookery: Rookery) {}
    onModuleInit = async () => void (name === 'onModuleInit' && (await act(this.rookery)));
    onApplicationBootstrap = async () => void (name === 'onApplicationBootstrap' && (await act(this.rookery)));
  }
  return stage.module({ providers: [Hook] });
}

const hybrid = async (options: RookeryGrpcOptions, module = stage.module()) => {
  const app = await stage.hybrid(module);
  app.connectMicroservice<MicroserviceOptions>(rookeryGrpc({ service, ...options }));
  await app.startAllMicroservices();
  return { app, rookery: app.get(Rookery) };
};
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'resolved',
    (error: unknown) => error,
  );

describe('register()', () => {
  it('in a hook, where the server listens already, registers once the application has started', async () => {
    const module = hookOf('onModuleInit', (rookery) => rookery.register());
    const { app } = await hybrid({ register: 'manual' }, module);
    await app.init();
    expect(stage.order(...STATES)).toEqual(['onModuleInit', 'onApplicationBootstrap', 'probe registered']);
  });

  it.each(['onModuleInit', 'onApplicationBootstrap'] as const)(
    'in %s, where nothing listens yet, registers once the server listens, and registered() waits for that',
    async (name) => {
      const module = hookOf(name, (rookery) => rookery.register());
      const { rookery } = await stage.listening({ service, register: 'manual' }, module);
      await rookery.registered();
      expect(rookery.registrations.map(({ state }) => state)).toEqual(['registered']);
    },
  );

  it('before the server listens overrules whatever it waits for', async () => {
    const module = hookOf('onModuleInit', (rookery) => rookery.register());
    const { rookery } = await stage.listening({ service, dependsOn: ['order-server'] }, module);
    expect(rookery.registrations).toHaveLength(1);
  });

  it('rejects where the server has stopped', async () => {
    const { app, rookery } = await stage.listening({ service });
    await app.close();
    const released = { code: 'ROOKERY_REGISTRATION_RELEASED', message: /has stopped/ };
    expect(await failure(rookery.register())).toMatchObject({ code: released.code });
    expect(String(await failure(rookery.register()))).toMatch(released.message);
    expect(rookery.registrations).toEqual([]);
  });

  it('rejects with what kept the server from listening', async () => {
    const app = await stage.micro({ service, url: '203.0.113.1:1' });
    expect(await failure(app.listen())).toMatchObject({ code: 'ROOKERY_SERVER_UNBOUND' });
    expect(await failure(app.get(Rookery).register())).toMatchObject({ code: 'ROOKERY_SERVER_UNBOUND' });
  });

  it('rejects with why listen() did', async () => {
    const options = { service, requireRegistry: true, registerTimeoutMs: 20 };
    const app = await stage.micro(options, stage.module({ root: { registry: silentRegistry() } }));
    expect(await failure(app.listen())).toMatchObject({ code: 'ROOKERY_REGISTRATION_TIMEOUT' });
    expect(await failure(app.get(Rookery).register())).toMatchObject({ code: 'ROOKERY_REGISTRATION_TIMEOUT' });
    expect(app.get(Rookery).registrations).toEqual([]);
  });
});

describe('deregister()', () => {
  it('before the server listens keeps it out; listen() does not wait, and register() puts it in', async () => {
    const module = hookOf('onModuleInit', (rookery) => rookery.deregister());
    const { rookery } = await stage.listening({ service, registerWaitMs: 600_000 }, module);
    expect(rookery.registrations).toEqual([]);
    await rookery.register();
    await rookery.registered();
    expect(rookery.registrations).toHaveLength(1);
  });

  it('while listen() waits for the registry ends the wait, and the server serves', async () => {
    const app = await stage.micro({ service }, stage.module({ root: { registry: silentRegistry() } }));
    const listening = app.listen();
    const rookery = app.get(Rookery);
    await eventually(() => expect(rookery.registrations).toHaveLength(1));
    await rookery.deregister();
    await listening;
    expect(rookery.registrations).toEqual([]);
  });
});

describe('registered()', () => {
  it('of a server that was registered says so also once it has stopped', async () => {
    const { app, rookery } = await stage.listening({ service });
    await app.close();
    expect(await failure(rookery.registered())).toBe('resolved');
  });

  it('rejects once a server has stopped that the registry never accepted', async () => {
    const module = stage.module({ root: { registry: silentRegistry() } });
    const { app, rookery } = await stage.listening({ service, registerWaitMs: 1 }, module);
    await app.close();
    expect(await failure(rookery.registered())).toMatchObject({ code: 'ROOKERY_REGISTRATION_RELEASED' });
  });
});

describe('requireRegistry', () => {
  const required = { requireRegistry: true, registerTimeoutMs: 50 };

  it('names the health check where that has not passed, not the registry', async () => {
    const app = await stage.micro({ service, ...required, health: { check: () => false } });
    const error = await failure(app.listen());
    expect(error).toMatchObject({ code: 'ROOKERY_REGISTRATION_TIMEOUT', path: 'rookeryGrpc.requireRegistry' });
    expect(String(error)).toMatch(/health\.check has not passed in 50 ms \(the check says false\)/);
    expect(String(error)).not.toContain('Start the registry');
  });

  it('gives the registry its time from when the health check has passed', async () => {
    const registry = silentRegistry();
    let checks = 0;
    const check = () => (checks += 1) > 2;
    const options = { service, requireRegistry: true, registerTimeoutMs: 600_000, health: { check, intervalMs: 5 } };
    const app = await stage.micro(options, stage.module({ root: { registry } }));
    const listened = failure(app.listen());
    await eventually(() => expect(app.get(Rookery).registrations).toHaveLength(1));
    registry.answer();
    expect(await listened).toBe('resolved');
  });

  it('rejects the start of a hybrid application whose servers listened before', async () => {
    const { app, rookery } = await hybrid(required, stage.module({ root: { registry: silentRegistry() } }));
    expect(await failure(app.init())).toMatchObject({
      code: 'ROOKERY_REGISTRATION_TIMEOUT',
      path: 'rookeryGrpc.requireRegistry',
    });
    expect(await failure(rookery.registered())).toMatchObject({ code: 'ROOKERY_REGISTRATION_TIMEOUT' });
    expect(rookery.registrations).toEqual([]);
  });

  it('is refused beside dependsOn, for which nobody waits', async () => {
    const app = stage.micro({ service, requireRegistry: true, dependsOn: ['order-server'] });
    expect(await failure(app)).toMatchObject({ code: 'ROOKERY_OPTION_INVALID', path: 'rookeryGrpc.requireRegistry' });
  });
});
