import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEtcd, type EtcdServer } from '../../testing/faults/etcd-server.js';
import { EtcdBench, follow, someInstance, statesOf } from '../../../../../test/support/etcd-registry.js';
import { startTcpProxy } from '../../testing/faults/tcp-proxy.js';
import { eventually } from '../../testing/eventually.js';
import type { EtcdOptions } from './index.js';

const bench = new EtcdBench();
const user = { username: 'svc', password: 'pa:ss' };
let server: EtcdServer;

const ROOT = ['--user', 'root:root'];

beforeAll(async () => {
  server = await startEtcd({ args: ['--auth-token-ttl', '1'] });
  await server.etcdctl('user', 'add', 'root:root');
  await server.etcdctl('user', 'grant-role', 'root', 'root');
  await server.etcdctl('user', 'add', `svc:${user.password}`);
  await server.etcdctl('role', 'add', 'svc');
  await server.etcdctl('role', 'grant-permission', 'svc', 'readwrite', 'rookery/', 'rookery0');
  await server.etcdctl('user', 'grant-role', 'svc', 'svc');
  await server.etcdctl('auth', 'enable');
});

afterAll(() => server?.stop());

describe('an etcd with users', () => {
  it('lets in who has a password, also when a token has run out and the connection breaks then', async () => {
    const proxy = await startTcpProxy(server.host);
    const { registration, events, watch } = await bench.fleet(proxy.host, user);
    const started = performance.now();
    await eventually(() => expect(performance.now() - started).toBeGreaterThan(2500));
    proxy.cut();
    await eventually(() => expect(watch.faults).not.toHaveLength(0));
    proxy.heal();
    await registration.update({ weight: 5 });
    await eventually(() => expect(watch.changes().at(-1)).toMatchObject({ type: 'set', instance: { weight: 5 } }));
    expect(watch.changes(1).some(({ type }) => type === 'delete')).toBe(false);
    expect(new Set(statesOf(events))).not.toContain('superseded');
    await watch.stop();
    await bench.closeAll();
    await proxy.stop();
  });

  it('that refuses one of several dialects is in the way of no other, be it at the start, later or at the end', async () => {
    const { registry, events } = bench.connect(server.host, { ...user, write: ['rookery', 'kratos', 'micro'] });
    await server.etcdctl(...ROOT, 'role', 'grant-permission', 'svc', 'readwrite', '/micro/', '/micro0');
    const registration = registry.register(someInstance());
    await registration.registered;
    const { service, id, address } = registration.instance;
    const watch = follow(bench.connect(server.host, user).registry, service);
    await eventually(() =>
      expect(events.filter(({ type }) => type === 'entry.unwritten')).toMatchObject([
        { place: `/microservices/${service}/${id}`, error: { code: 'ROOKERY_REGISTRY_REFUSED' } },
      ]),
    );
    await registration.update({ weight: 5 });
    const micro = `/micro/${service}/${address}`;
    await eventually(async () => expect(await server.etcdctl(...ROOT, 'get', micro)).toContain('"Weight":5'));
    await registration[Symbol.asyncDispose]();
    await eventually(() => expect(watch.changes().at(-1)).toMatchObject({ type: 'delete', id, cause: 'left' }));
    expect(statesOf(events)).toEqual(['registered', 'released']);
    await watch.stop();
    await bench.closeAll();
  });

  it('keeps out who has none, until he is let in', async () => {
    const { registry, events } = bench.connect(server.host, { ...user, prefix: 'elsewhere' });
    const registration = registry.register(someInstance());
    const watch = follow(registry, registration.instance.service);
    await eventually(() => expect(events).toHaveLength(1));
    expect(events[0]).toMatchObject({
      state: 'registering',
      error: {
        code: 'ROOKERY_REGISTRY_REFUSED',
        message: expect.stringMatching(/permission denied\. Grant the user of a server readwrite/),
      },
    });
    await eventually(() => expect(watch.faults).not.toHaveLength(0));
    await server.etcdctl(...ROOT, 'role', 'grant-permission', 'svc', 'readwrite', 'elsewhere/', 'elsewhere0');
    await registration.registered;
    await eventually(() => expect(watch.changes().at(-1)).toMatchObject({ type: expect.stringMatching(/reset|set/) }));
    await watch.stop();
    await server.etcdctl(...ROOT, 'role', 'revoke-permission', 'svc', 'elsewhere/', 'elsewhere0');
  });
});

describe('what never heals by itself says what to do', () => {
  const faultOf = async (host: string, options: Partial<EtcdOptions>) => {
    const { registry } = bench.connect(host, options);
    const watch = follow(registry, 'users');
    await eventually(() => expect(watch.faults).not.toHaveLength(0));
    await watch.stop();
    return watch.faults[0];
  };
  const refused = (remedy: RegExp) => ({
    code: 'ROOKERY_REGISTRY_REFUSED',
    message: expect.stringMatching(remedy) as string,
  });

  it.each([
    ['no user', {}, /user name is empty\. This etcd wants a user: .* Trying again\.$/],
    [
      'a wrong password',
      { ...user, password: 'x' },
      /authentication failed.*Correct the user or the password\. Trying again\.$/,
    ],
  ])('%s', async (_, options, remedy) => {
    expect(await faultOf(server.host, options)).toMatchObject(refused(remedy));
  });

  it('a user where there are none, and TLS where there is none', async () => {
    const open = await startEtcd();
    try {
      expect(await faultOf(open.host, user)).toMatchObject(refused(/has no authentication enabled: .*Trying again\.$/));
      expect(await faultOf(open.host, { tls: {} })).toMatchObject({
        code: 'ROOKERY_REGISTRY_UNREACHABLE',
        message: expect.stringMatching(
          / at etcds:\/\/.*Check that etcd serves TLS there; .* Trying again\.$/,
        ) as string,
      });
    } finally {
      await open.stop();
    }
  });
});
