import { createServer } from 'node:net';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { getServiceToken, Rookery, rookeryGrpc, RookeryModule, type AsyncClient } from 'rookery';
import type { Registry } from 'rookery/core';
import { etcd } from 'rookery/etcd';
import { eventually } from 'rookery/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { probe, type Probe } from '../apps/contracts.js';
import { portOf } from '../support/nest-stage.js';
import { RefusalStage } from '../support/refusal-stage.js';
import { silentRegistry } from '../support/silent-registry.js';

/** Fails a spec that leaves an error unhandled behind. */
let stage: RefusalStage;
beforeEach(() => void (stage = new RefusalStage()));
afterEach(() => stage.close());

const service = probe('probe');
const dial = async (url: string) => {
  const app = await stage.client(RookeryModule.forFeature([{ service, name: url, url }]));
  return app.get<AsyncClient<Probe>>(getServiceToken(url, 'Probe'));
};
const hybrid = async (registry: Registry = stage.registry, options = {}) => {
  const app = await stage.hybrid(stage.module({ root: { registry } }));
  app.connectMicroservice<MicroserviceOptions>(rookeryGrpc({ service, ...options }));
  return { app, rookery: app.get(Rookery) };
};
const ended = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (error as { code?: unknown }).code ?? error,
  );

describe('a stop while the registry does not answer', () => {
  it.each<[string, () => Registry]>([
    ['etcd', () => etcd({ hosts: '127.0.0.1:1' })],
    ['a registry that says nothing', silentRegistry],
  ])('is no failure of listen(), and cancels nothing: %s', async (_, registry) => {
    const app = await stage.micro(
      { service, registerWaitMs: 600_000 },
      stage.module({ root: { registry: registry() } }),
    );
    const listened = ended(app.listen());
    await eventually(() => expect(app.get(Rookery).registrations).toHaveLength(1));
    const client = await dial(`127.0.0.1:${portOf(app.get(Rookery))}`);
    const running = client.ask({ delayMs: 1 });
    await eventually(() => expect(stage.order('call')).toHaveLength(1));
    const closed = app.close();
    expect(await listened).toBe('resolved');
    stage.openGate();
    expect(await running).toMatchObject({ name: '' });
    await closed;
  });

  it('is no failure of listen() either where the server must be registered', async () => {
    const app = await stage.micro(
      { service, requireRegistry: true },
      stage.module({ root: { registry: silentRegistry() } }),
    );
    const listened = ended(app.listen());
    await eventually(() => expect(app.get(Rookery).registrations).toHaveLength(1));
    await app.close();
    expect(await listened).toBe('resolved');
  });
});

describe('registered()', () => {
  it('waits for servers that do not listen yet, and for the registry', async () => {
    const registry = silentRegistry();
    const { app, rookery } = await hybrid(registry, { registerWaitMs: 1 });
    let registered = false;
    const waiting = rookery.registered().then(() => (registered = true));
    await app.init();
    expect(registered).toBe(false);
    await app.startAllMicroservices();
    expect([registered, rookery.registrations.map(({ state }) => state)]).toEqual([false, ['registering']]);
    registry.answer();
    expect(await waiting).toBe(true);
  });

  it('rejects where the server is closed before it was published', async () => {
    const { app, rookery } = await hybrid();
    const before = ended(rookery.registered());
    await app.startAllMicroservices();
    await app.close();
    expect(await before).toBe('ROOKERY_REGISTRATION_RELEASED');
    expect(await ended(rookery.registered())).toBe('ROOKERY_REGISTRATION_RELEASED');
    expect(stage.order('probe registered')).toEqual([]);
  });

  it('rejects where the server is closed before the registry accepted it', async () => {
    const { app, rookery } = await hybrid(silentRegistry(), { registerWaitMs: 1 });
    const before = ended(rookery.registered());
    await app.startAllMicroservices();
    await app.init();
    await eventually(() => expect(rookery.registrations).toHaveLength(1));
    await app.close();
    expect(await before).toBe('ROOKERY_REGISTRATION_RELEASED');
  });

  it('rejects where the server had to give up', async () => {
    const silent = silentRegistry();
    const registry = { ...silent, capabilities: { ...silent.capabilities, register: false } };
    const app = await stage.micro({ service }, stage.module({ root: { registry } }));
    const rookery = app.get(Rookery);
    const before = ended(rookery.registered());
    expect(await ended(app.listen())).toBe('ROOKERY_REGISTRY_READONLY');
    expect(await before).toBe('ROOKERY_REGISTRY_READONLY');
    expect(await ended(rookery.registered())).toBe('ROOKERY_REGISTRY_READONLY');
  });

  // Nobody tells the life cycle of a server that could not bind.
  it('rejects where the server could not listen', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const app = await stage.micro({ service, url: `127.0.0.1:${port}` });
    const rookery = app.get(Rookery);
    const registered = ended(rookery.registered(AbortSignal.timeout(10_000)));
    expect(await ended(app.listen())).toBe('ROOKERY_SERVER_UNBOUND');
    expect(await registered).toBe('ROOKERY_SERVER_UNBOUND');
    taken.close();
  });

  it('rejects where the registry did not answer a server that must be registered', async () => {
    const options = { service, requireRegistry: true, registerTimeoutMs: 50 };
    const app = await stage.micro(options, stage.module({ root: { registry: silentRegistry() } }));
    const rookery = app.get(Rookery);
    const before = ended(rookery.registered());
    expect(await ended(app.listen())).toBe('ROOKERY_REGISTRATION_TIMEOUT');
    expect(await before).toBe('ROOKERY_REGISTRATION_RELEASED');
    expect(await ended(rookery.registered())).toBe('ROOKERY_REGISTRATION_TIMEOUT');
  });

  it("rejects with the signal's reason, whatever comes later", async () => {
    const { app, rookery } = await hybrid();
    const abort = new AbortController();
    const waiting = ended(rookery.registered(abort.signal));
    const reason = new Error('enough');
    abort.abort(reason);
    expect(await waiting).toBe(reason);
    expect(await ended(rookery.registered(AbortSignal.abort(reason)))).toBe(reason);
    await app.startAllMicroservices();
    await app.init();
    expect(await ended(rookery.registered(new AbortController().signal))).toBe('resolved');
  });
});
