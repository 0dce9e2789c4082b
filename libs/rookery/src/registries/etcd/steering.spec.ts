import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EtcdBench, follow } from '../../../../../test/support/etcd-registry.js';
import { RookeryError } from '../../core/errors.js';
import { eventually } from '../../testing/eventually.js';
import { startEtcd, type EtcdServer } from '../../testing/faults/etcd-server.js';
import { freePort } from '../../testing/faults/free-port.js';
import { systemRandom } from '../../system/random.js';
import { systemTime } from '../../system/time.js';
import { createClient, type EtcdClient } from './client.js';
import { Layout } from './layout.js';
import { checkEtcdOptions } from './options.js';
import { EtcdSteering } from './steering.js';

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

/** Steers by a client of which a spec bends the writes. */
function steering(bend: (client: EtcdClient) => EtcdClient['txn']) {
  const client = createClient(checkEtcdOptions({ hosts: bench.server.host }), systemTime);
  const bent: EtcdClient = Object.assign(Object.create(client) as EtcdClient, {
    hosts: 2,
    range: client.range.bind(client),
    txn: bend(client),
  });
  const shared = { time: systemTime, random: systemRandom, emit: () => {}, ttlMs: 2000 };
  const context = { ...shared, name: 'etcd:', client: bent, layout: new Layout('rookery', [], []) };
  const steer = new EtcdSteering(context, () => false);
  return { steer, [Symbol.dispose]: () => client.close() };
}

describe('a write of a route', () => {
  const route = (service: string) => bench.find(`rookery/routes/${service}`);
  const prefer = (group: string) => ({ type: 'prefer', groups: [group] }) as const;

  it('that a slow host does once more, and late, does not undo a newer one', async () => {
    const again: (() => Promise<unknown>)[] = [];
    using stage = steering((client) => (request) => {
      again.push(() => client.txn(request));
      return client.txn(request);
    });
    await stage.steer.setRoute('s-slow', prefer('first'));
    await stage.steer.setRoute('s-slow', prefer('A'));
    await stage.steer.setRoute('s-slow', prefer('B'));
    for (const write of again.slice(0, -1)) await write();
    expect(await route('s-slow')).toMatchObject({ value: JSON.stringify(prefer('B')) });
    await stage.steer.setRoute('s-slow', undefined);
    await stage.steer.setRoute('s-slow', prefer('C'));
    // But the first, which expects that nothing stands there.
    for (const write of again.slice(1, -1)) await write();
    expect(await route('s-slow')).toMatchObject({ value: JSON.stringify(prefer('C')) });
  });

  it('that two hosts do at once is done once', async () => {
    using stage = steering((client) => async (request) => {
      await client.txn(request);
      return client.txn(request);
    });
    await stage.steer.setRoute('s-twice', SPLIT);
    await stage.steer.setRoute('s-twice', prefer('A'));
    expect(await route('s-twice')).toMatchObject({ value: JSON.stringify(prefer('A')) });
    await stage.steer.setRoute('s-twice', undefined);
    expect(await route('s-twice')).toBeUndefined();
  });

  it('comes after what somebody else writes meanwhile, and gives up where that never ends', async () => {
    let others = 2;
    let written = 0;
    using stage = steering((client) => async (request) => {
      if (others-- > 0) await bench.server.etcdctl('put', 'rookery/routes/s-busy', `{"type":"any","by":${written++}}`);
      return client.txn(request);
    });
    await stage.steer.setRoute('s-busy', SPLIT);
    expect([written, await route('s-busy')]).toMatchObject([2, { value: JSON.stringify(SPLIT) }]);
    others = Infinity;
    expect(await failure(stage.steer.setRoute('s-busy', prefer('A')))).toMatchObject({
      message: expect.stringContaining('rookery/routes/s-busy was not written: somebody else keeps writing it.'),
    });
    expect(written).toBe(7);
  });
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
