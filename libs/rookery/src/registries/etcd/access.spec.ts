import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEtcd, type TestEtcd } from '../../../../../test/support/etcd.js';
import { EtcdBench, follow, someInstance, statesOf } from '../../../../../test/support/etcd-registry.js';
import { startTcpProxy } from '../../../../../test/support/tcp-proxy.js';
import { eventually } from '../../testing/eventually.js';

const bench = new EtcdBench();
const user = { username: 'svc', password: 'pa:ss' };
let server: TestEtcd;

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

  it('keeps out who has none, until he is let in', async () => {
    const { registry, events } = bench.connect(server.host, { ...user, prefix: 'elsewhere' });
    const registration = registry.register(someInstance());
    const watch = follow(registry, registration.instance.service);
    await eventually(() => expect(events).toHaveLength(1));
    expect(events[0]).toMatchObject({
      state: 'registering',
      error: { message: expect.stringContaining('permission denied') },
    });
    await eventually(() => expect(watch.faults).not.toHaveLength(0));
    await server.etcdctl(...ROOT, 'role', 'grant-permission', 'svc', 'readwrite', 'elsewhere/', 'elsewhere0');
    await registration.registered;
    await eventually(() => expect(watch.changes().at(-1)).toMatchObject({ type: expect.stringMatching(/reset|set/) }));
    await watch.stop();
    await server.etcdctl(...ROOT, 'role', 'revoke-permission', 'svc', 'elsewhere/', 'elsewhere0');
  });
});
