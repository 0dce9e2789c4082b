import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EtcdBench, follow } from '../../../../../test/support/etcd-registry.js';
import { RookeryError } from '../../core/errors.js';
import { eventually } from '../../testing/eventually.js';
import { startEtcd, type EtcdServer } from '../../testing/faults/etcd-server.js';
import { freePort } from '../../testing/faults/free-port.js';

const bench = new EtcdBench();
const SPLIT = { type: 'split', shares: { stable: 95, canary: 5 } } as const;

const failure = (write: Promise<void>) =>
  write.then(
    () => expect.unreachable(),
    (error: unknown) => error as RookeryError,
  );

describe('a route in etcd', () => {
  it('stands at its key, without a lease, as the layout says, and is gone when it is taken away', async () => {
    const { registry } = bench.connect();
    await registry.steer!.setRoute('s-route', SPLIT);
    expect(await bench.find('rookery/routes/s-route')).toEqual({ lease: '0', value: JSON.stringify(SPLIT) });
    await registry[Symbol.asyncDispose]();
    expect(await bench.find('rookery/routes/s-route')).toBeDefined();
    const { registry: next } = bench.connect();
    await next.steer!.setRoute('s-route', undefined);
    await next.steer!.setRoute('s-route', undefined);
    expect(await bench.find('rookery/routes/s-route')).toBeUndefined();
  });

  it('is one with what etcdctl writes: the last one counts', async () => {
    const { registry } = bench.connect();
    const watch = follow(bench.connect().registry, 's-both');
    await eventually(() => expect(watch.batches).toHaveLength(1));
    await bench.server.etcdctl('put', 'rookery/routes/s-both', '{"type":"any"}');
    await eventually(() => expect(watch.changes(1)).toEqual([{ type: 'route', route: { type: 'any' } }]));
    await registry.steer!.setRoute('s-both', SPLIT);
    await eventually(() => expect(watch.changes(2)).toEqual([{ type: 'route', route: SPLIT }]));
    await bench.server.etcdctl('put', 'rookery/routes/s-both', '{"type":"split","shares":{"canary":-1}}');
    await bench.server.etcdctl('del', 'rookery/routes/s-both');
    await eventually(() => expect(watch.changes(3)).toEqual([{ type: 'route', route: undefined }]));
    await watch.stop();
  });

  it('is refused at once where nobody listens, and when the registry is closed', async () => {
    const { registry } = bench.connect(`127.0.0.1:${await freePort()}`);
    expect(await failure(registry.steer!.setRoute('s', SPLIT))).toMatchObject({
      code: 'ROOKERY_REGISTRY_UNREACHABLE',
      message: expect.stringMatching(/rookery\/routes\/s was not written: .*It is not tried again\./),
    });
    await registry[Symbol.asyncDispose]();
    expect(await failure(registry.steer!.setRoute('s', SPLIT))).toMatchObject({ code: 'ROOKERY_REGISTRY_CLOSED' });
  });

  it('is given up where etcd hangs', async () => {
    const { registry } = bench.connect();
    await registry.steer!.setRoute('s-hung', SPLIT);
    bench.server.kill('SIGSTOP');
    expect(await failure(registry.steer!.setRoute('s-hung', undefined))).toMatchObject({
      code: 'ROOKERY_REGISTRY_UNREACHABLE',
    });
  }, 15_000);
});

describe('in an etcd with users', () => {
  let server: EtcdServer;
  beforeAll(async () => {
    server = await startEtcd();
    await server.etcdctl('user', 'add', 'root:root');
    await server.etcdctl('user', 'grant-role', 'root', 'root');
    await server.etcdctl('user', 'add', 'client:secret');
    await server.etcdctl('role', 'add', 'client');
    await server.etcdctl('role', 'grant-permission', 'client', 'read', 'rookery/', 'rookery0');
    await server.etcdctl('user', 'grant-role', 'client', 'client');
    await server.etcdctl('auth', 'enable');
  });
  afterAll(() => server?.stop());

  it('only those set a route who may write its key', async () => {
    const { registry } = bench.connect(server.host, { username: 'client', password: 'secret' });
    expect(await failure(registry.steer!.setRoute('s', SPLIT))).toMatchObject({
      code: 'ROOKERY_REGISTRY_REFUSED',
      message: expect.stringMatching(
        /permission denied.*Whoever sets the route needs readwrite on rookery\/routes\/s\./,
      ),
    });
    const { registry: root } = bench.connect(server.host, { username: 'root', password: 'root' });
    await root.steer!.setRoute('s', SPLIT);
  });
});
