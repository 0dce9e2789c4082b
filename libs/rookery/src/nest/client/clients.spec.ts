import { credentials, Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { ClientOptions, sendUnaryData, ServiceError } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { memory } from '../../registries/memory.js';
import type { RookeryEvent } from '../../core/event.js';
import { createInstance } from '../../core/instance.js';
import { weighted } from '../../core/pickers/weighted.js';
import { PEER_SERVICE } from '../../grpc/peer.js';
import { eventually } from '../../testing/eventually.js';
import { resolveFeatures } from './client-feature.js';
import { RookeryClients } from './clients.js';
import { ContractBook } from '../contract-book.js';
import type { ClientFeatureOptions, ClientSettings, RookeryModuleOptions } from '../options.js';
import { openRuntime } from '../runtime.js';
import { defineService } from '../service-ref.js';

const Peers = defineService({ name: 'peers', services: { Peer: PEER_SERVICE } });
const Other = defineService({
  name: 'peers',
  services: { Peer: { Hi: { ...PEER_SERVICE.Hello, path: '/rookery.v1.Peer/Hi' } } },
});

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

function clients(options: RookeryModuleOptions = {}) {
  const runtime = openRuntime({ registry: memory(), ...options }, {});
  const made = new RookeryClients(runtime, new ContractBook());
  open.push(
    () => made.close(),
    () => runtime.close(),
  );
  return (settings: ClientSettings = {}, feature: Partial<ClientFeatureOptions> = {}) =>
    made.get(resolveFeatures([{ service: Peers, ...feature }], 'forFeature')[0]!, settings);
}

/** A server of the contract, one that works or fails. */
async function startPeer(works: boolean): Promise<number> {
  const server = new Server();
  open.push(() => server.forceShutdown());
  server.addService(PEER_SERVICE, {
    Hello: (_: unknown, done: sendUnaryData<object>) => done(works ? null : { code: status.UNAVAILABLE }, {}),
  });
  return new Promise((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    ),
  );
}

describe('RookeryClients', () => {
  it('is one client for all who ask for the same', () => {
    const get = clients();
    const channelOptions = { 'grpc.primary_user_agent': 'x' } as ClientOptions;
    expect(get({ group: ['a', ''], channelOptions })).toBe(
      get({ channelOptions: { ...channelOptions }, group: ['a', ''] }),
    );
  });

  it('keeps clients of other names apart, though they call one service', () => {
    const get = clients();
    expect(get()).not.toBe(get({ group: 'canary' }, { name: 'canary' }));
  });

  it.each<[string, ClientSettings, ClientSettings]>([
    ['groups', { group: 'a' }, { group: 'b' }],
    ['groups, one of which is a list', { group: 'a' }, { group: ['a'] }],
    ['timeouts', { timeoutMs: 1 }, {}],
    ['pickers', { balancer: weighted }, { balancer: (random) => weighted(random) }],
    ['pickers, by name', { balancer: 'p2c' }, { balancer: 'weighted' }],
    ['health checks', { healthCheck: true }, { healthCheck: 'peers' }],
    ['ejections', { ejection: false }, { ejection: { consecutiveFailures: 3 } }],
    ['times to warm up', { warmUpMs: 1000 }, {}],
    ['subsets', { subset: 3 }, { subset: false }],
    ['zones', { zone: 'a' }, { zone: false }],
    ['names in certificates', { tls: { serverName: 'a' } }, { tls: { serverName: 'b' } }],
    ['credentials', { credentials: credentials.createSsl() }, { credentials: credentials.createSsl() }],
    [
      'interceptors',
      { channelOptions: { interceptors: [() => undefined as never] } },
      { channelOptions: { interceptors: [() => undefined as never] } },
    ],
  ])('refuses one name for two clients with other %s', (_, first, second) => {
    const get = clients();
    get(first);
    expect(() => get(second)).toThrow(
      expect.objectContaining({
        code: 'ROOKERY_CLIENT_DUPLICATE',
        path: 'forFeature("peers")',
        message: expect.stringContaining('Give one of them another `name`.'),
      }),
    );
  });

  it('refuses one name for clients of two services', () => {
    const get = clients();
    get();
    expect(() =>
      get({}, { service: defineService({ name: 'others', services: { Peer: PEER_SERVICE } }), name: 'peers' }),
    ).toThrow(expect.objectContaining({ code: 'ROOKERY_CLIENT_DUPLICATE' }));
  });

  it('refuses two contracts for one service', () => {
    const get = clients();
    get();
    expect(() => get({}, { service: Other, name: 'other' })).toThrow(
      expect.objectContaining({
        code: 'ROOKERY_CONTRACT_CONFLICT',
        path: 'forFeature("other")',
        message: expect.stringContaining('forFeature("peers")'),
      }),
    );
  });

  it.each<[string, string, ClientSettings]>([
    ['ROOKERY_OPTION_INVALID', 'timeoutMs', { timeoutMs: -1 }],
    ['ROOKERY_OPTION_INVALID', 'timeoutMs', { timeoutMs: Number.NaN }],
    ['ROOKERY_OPTION_INVALID', 'group', { group: [] }],
    ['ROOKERY_OPTION_INVALID', 'balancer', { balancer: 'round-robin' as never }],
    ['ROOKERY_OPTION_INVALID', 'balancer', { balancer: (() => ({})) as never }],
    ['ROOKERY_OPTION_INVALID', 'healthCheck', { healthCheck: 3 as never }],
    ['ROOKERY_OPTION_INVALID', 'ejection', { ejection: true as never }],
    ['ROOKERY_OPTION_INVALID', 'ejection.maxEjectionMs', { ejection: { maxEjectionMs: 1 } }],
    ['ROOKERY_OPTION_INVALID', 'warmUpMs', { warmUpMs: -1 }],
    ['ROOKERY_OPTION_INVALID', 'tls', { tls: 'peers' as never }],
    ['ROOKERY_OPTION_INVALID', 'tls.serverNames', { tls: { serverNames: 'peers' } as never }],
    ['ROOKERY_OPTION_INVALID', 'tls.serverName', { tls: { serverName: 'no name' } }],
    ['ROOKERY_OPTION_INVALID', 'tls.serverName', { tls: { serverName: ({ id }) => id }, url: 'dns:///peers:1' }],
    ['ROOKERY_OPTION_INVALID', 'group', { group: 'canary', url: 'dns:///peers:1' }],
    ['ROOKERY_OPTION_INVALID', 'balancer', { balancer: 'p2c', url: 'dns:///peers:1' }],
    ['ROOKERY_OPTION_INVALID', 'zone', { zone: 'a', url: 'dns:///peers:1' }],
    ['ROOKERY_OPTION_INVALID', 'healthCheck', { healthCheck: true, url: 'dns:///peers:1' }],
    ['ROOKERY_NAME_INVALID', 'group[1]', { group: ['a', 'b c'] }],
    ['ROOKERY_GRPC_DUPLICATE', 'credentials', { credentials: {} as never }],
  ])('says %s at the %s of the client', (code, option, settings) => {
    expect(() => clients()(settings)).toThrow(expect.objectContaining({ code, path: `forFeature("peers").${option}` }));
  });

  it('gives a wrong setting no second life: the next one who asks is served', () => {
    const get = clients();
    expect(() => get({ timeoutMs: -1 })).toThrow();
    expect(get().getAsyncService('Peer')).toHaveProperty('hello');
  });

  it('says which gRPC services a client has', () => {
    const client = clients()();
    for (const ask of [
      () => client.getService('UserService'),
      () => client.getClientByServiceName('UserService'),
      () => client.getAsyncService('UserService'),
    ]) {
      expect(ask).toThrow(
        expect.objectContaining({
          code: 'ROOKERY_CLIENT_UNKNOWN',
          message:
            'ROOKERY_CLIENT_UNKNOWN at client of peers: its contract has no gRPC service "UserService". It has: Peer.',
        }),
      );
    }
  });

  it('ejects as it is told, else as the module says', async () => {
    const registry = memory();
    const events: RookeryEvent[] = [];
    registry.events.on((event) => events.push(event));
    for (const id of ['works', 'fails']) {
      const address = `127.0.0.1:${await startPeer(id === 'works')}`;
      registry.register(createInstance({ id, service: 'peers', address }));
    }
    const get = clients({ registry, ejection: { consecutiveFailures: 2 } });
    const failures = async (settings: ClientSettings, name: string) => {
      const ready = () => events.filter((event) => event.type === 'endpoint.changed' && event.state === 'ready');
      const before = ready().length;
      const peer = get(settings, { name }).getAsyncService('Peer');
      const call = () => (peer['hello'] as (request: object) => Promise<unknown>)({});
      void call().catch(() => {});
      await eventually(() => expect(ready()).toHaveLength(before + 2));
      const ends: unknown[] = [];
      for (let i = 0; i < 20; i += 1) ends.push(await call().catch((error: ServiceError) => error.code));
      const ejections = events.filter((event) => event.type === 'endpoint.ejected').length;
      return { failed: ends.filter((end) => end === status.UNAVAILABLE).length, ejections };
    };
    expect(await failures({ ejection: false }, 'never')).toEqual({ failed: 10, ejections: 0 });
    const { failed, ejections } = await failures({}, 'module');
    // One may have failed before it was counted here.
    expect([failed <= 2, ejections]).toEqual([true, 1]);
  });

  it('checks the defaults of with()', () => {
    const client = clients()();
    expect(() => client.with({ timeoutMs: -1 })).toThrow(
      expect.objectContaining({ code: 'ROOKERY_OPTION_INVALID', path: 'client of peers, with.timeoutMs' }),
    );
    expect(() => client.with({ group: 'no group' })).toThrow(expect.objectContaining({ code: 'ROOKERY_NAME_INVALID' }));
  });
});
