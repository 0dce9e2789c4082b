import { status, type Server } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { rookeryGrpc } from 'rookery';
import { createInstance } from 'rookery/core';
import { eventually } from 'rookery/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { probe } from '../apps/contracts.js';
import { askHealth, watchHealth } from '../support/health-client.js';
import { NestStage, portOf } from '../support/nest-stage.js';
import { reflect } from '../support/reflection-client.js';

let stage: NestStage;
beforeEach(() => void (stage = new NestStage()));
afterEach(() => stage.close());

const service = probe('user-server');
const NAMES = ['', 'user-server', 'probe.Probe'];
const at = (port: number) => `127.0.0.1:${port}`;
const all = (port: number) => Promise.all(NAMES.map((name) => askHealth(at(port), name)));

describe('the health of a server', () => {
  it('is served by default: for the whole, and by the names of Rookery and gRPC', async () => {
    const { port } = await stage.listening({ service });
    expect(await all(port)).toEqual(['SERVING', 'SERVING', 'SERVING']);
    expect(await askHealth(at(port), 'other')).toBe(status.NOT_FOUND);
  });

  it('is not served where the option says so', async () => {
    const { port } = await stage.listening({ service, health: false });
    expect(await askHealth(at(port), '')).toBe(status.UNIMPLEMENTED);
  });

  it("is the user's own where there is one", async () => {
    const own = new HealthImplementation({ '': 'UNKNOWN' });
    const onLoadPackageDefinition = (_: unknown, server: Server) => own.addToServer(server);
    const { port } = await stage.listening({ service, onLoadPackageDefinition });
    expect(await askHealth(at(port), '')).toBe('UNKNOWN');
  });

  it('does not serve before the application has started', async () => {
    const app = await stage.hybrid();
    const connected = app.connectMicroservice(rookeryGrpc({ service }) as MicroserviceOptions);
    await app.startAllMicroservices();
    const { bound } = (
      connected as unknown as { getTransportServer(): { bound: { port: number } } }
    ).getTransportServer();
    expect(await all(bound.port)).toEqual(['NOT_SERVING', 'NOT_SERVING', 'NOT_SERVING']);
    await app.init();
    expect(await all(bound.port)).toEqual(['SERVING', 'SERVING', 'SERVING']);
  });

  it('of its services follows what the user says of its rotation; the whole serves', async () => {
    const { port, rookery } = await stage.listening({ service, register: 'manual' });
    expect(await all(port)).toEqual(['SERVING', 'NOT_SERVING', 'NOT_SERVING']);
    const watch = await watchHealth(at(port), 'user-server');
    await rookery.register();
    expect(await all(port)).toEqual(['SERVING', 'SERVING', 'SERVING']);
    await rookery.deregister();
    expect(await all(port)).toEqual(['SERVING', 'NOT_SERVING', 'NOT_SERVING']);
    await eventually(() => expect(watch.statuses).toEqual(['NOT_SERVING', 'SERVING', 'NOT_SERVING']));
  });

  it("serves where register is 'never'", async () => {
    const { port } = await stage.listening({ service, register: 'never' });
    expect(await all(port)).toEqual(['SERVING', status.NOT_FOUND, 'SERVING']);
  });

  it('does not serve from the first step of a stop, and its watches are ended', async () => {
    const { app, port } = await stage.listening({ service });
    const [whole, one] = await Promise.all([watchHealth(at(port), ''), watchHealth(at(port), 'user-server')]);
    await app.close();
    expect(await Promise.all([whole.end, one.end])).toEqual([status.OK, status.OK]);
    expect([whole.statuses, one.statuses]).toEqual([
      ['SERVING', 'NOT_SERVING'],
      ['SERVING', 'NOT_SERVING'],
    ]);
  });
});

describe("the user's health check", () => {
  it('must pass before the server is registered, and changes what health says later', async () => {
    let problem: string | undefined = 'no database';
    const check = () => {
      if (problem !== undefined) throw new Error(problem);
    };
    const options = { service, health: { check, intervalMs: 20 }, registerWaitMs: 1 };
    const { port, rookery } = await stage.listening(options);
    expect([await all(port), rookery.registrations]).toEqual([['SERVING', 'NOT_SERVING', 'NOT_SERVING'], []]);
    await eventually(() =>
      expect(stage.warnings).toContain('user-server is not healthy: no database; it is not registered until it is'),
    );
    problem = undefined;
    await rookery.registered();
    expect(await all(port)).toEqual(['SERVING', 'SERVING', 'SERVING']);
    problem = 'no disk';
    await eventually(async () => expect(await all(port)).toEqual(['SERVING', 'NOT_SERVING', 'NOT_SERVING']));
    expect(rookery.registrations.map(({ state }) => state)).toEqual(['registered']);
    problem = undefined;
    await eventually(async () => expect(await all(port)).toEqual(['SERVING', 'SERVING', 'SERVING']));
    expect(stage.order('user-server registered')).toHaveLength(1);
  });

  it('that passes at once delays nothing: listen() has registered', async () => {
    const { rookery } = await stage.listening({ service, health: { check: () => Promise.resolve() } });
    expect(portOf(rookery)).toBeGreaterThan(0);
  });
});

describe('a server that depends on others', () => {
  const other = (registry = stage.registry) =>
    registry.register(createInstance({ id: 'o', service: 'order-server', address: '127.0.0.1:1' }));

  it('is registered once each of them has an instance that takes calls; listen() does not wait', async () => {
    const options = { service, dependsOn: ['order-server', probe('pay-server')] };
    const { port, rookery } = await stage.listening(options);
    expect([await all(port), rookery.registrations]).toEqual([['SERVING', 'NOT_SERVING', 'NOT_SERVING'], []]);
    const orders = other();
    await orders.update({ weight: 0 });
    const pays = stage.registry.register(createInstance({ id: 'p', service: 'pay-server', address: '127.0.0.1:2' }));
    await pays.registered;
    expect(rookery.registrations).toEqual([]);
    await orders.update({ weight: 1 });
    await rookery.registered();
    expect(await all(port)).toEqual(['SERVING', 'SERVING', 'SERVING']);
    // It stays when they leave.
    await Promise.all([orders, pays].map((one) => one[Symbol.asyncDispose]()));
    expect(rookery.registrations).toHaveLength(1);
  });

  it('is registered at once where the user says so', async () => {
    const { rookery } = await stage.listening({ service, dependsOn: ['order-server'] });
    await rookery.register();
    expect(rookery.registrations).toHaveLength(1);
    await other().registered;
    expect(stage.order('user-server registering', 'user-server registered')).toHaveLength(1);
  });

  it('stops while it waits, and is not registered after that', async () => {
    const { app } = await stage.listening({ service, dependsOn: ['order-server'] });
    await app.close();
    await other().registered;
    expect(stage.order('user-server registered')).toEqual([]);
  });
});

describe('reflection', () => {
  it('shows the contract and health, and does not hold up a stop', async () => {
    const { app, port } = await stage.listening({ service, reflection: true });
    const list = reflect(at(port));
    expect(await list.services).toEqual(['grpc.health.v1.Health', 'probe.Probe']);
    await app.close();
    expect(await list.end).toBe(status.OK);
    list.close();
  });

  it('is off by default', async () => {
    const { port } = await stage.listening({ service });
    const list = reflect(at(port));
    expect(await list.end).toBe(status.UNIMPLEMENTED);
    list.close();
  });
});
