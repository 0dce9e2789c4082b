import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startEtcd } from '../../testing/faults/etcd-server.js';
import { EtcdBench, follow, someInstance, statesOf } from '../../../../../test/support/etcd-registry.js';
import { startTcpProxy } from '../../testing/faults/tcp-proxy.js';
import { apply, type ServiceState } from '../../core/change.js';
import { messageOf } from '../../core/errors.js';
import { eventually } from '../../testing/eventually.js';

const bench = new EtcdBench();

describe('when etcd goes away', () => {
  it('keeps the entry through a crash', async () => {
    const { registration, events, watch, key } = await bench.fleet();
    const before = await bench.find(key);
    await bench.server.crash();
    await eventually(() => expect(watch.faults).not.toHaveLength(0));
    await eventually(() => expect(registration.state).toBe('recovering'));
    await bench.server.restart();
    await eventually(() => expect(registration.state).toBe('registered'), { timeoutMs: 15_000 });
    expect(await bench.find(key)).toEqual(before);
    expect(statesOf(events)).toEqual(['registered', 'recovering', 'registered']);
    await registration.update({ weight: 8 });
    await eventually(() => expect(watch.changes().at(-1)).toMatchObject({ type: 'set', instance: { weight: 8 } }));
    expect(watch.changes(1).some((change) => change.type === 'delete')).toBe(false);
    expect(watch.faults).toMatchObject(watch.faults.map(() => ({ code: 'ROOKERY_REGISTRY_UNREACHABLE' })));
    // It has answered before: nobody speaks TLS where the other does not.
    const told = [...watch.faults, ...events.flatMap((event) => ('error' in event ? [event.error] : []))];
    expect(told.map(messageOf).join()).not.toContain('https://');
    await watch.stop();
  });

  it('registers again in an etcd that lost its data, and watches that', async () => {
    const { registration, watch, key } = await bench.fleet();
    await bench.server.restart({ wipe: true });
    await eventually(async () => expect(await bench.find(key)).toBeDefined(), { timeoutMs: 15_000 });
    await eventually(() => expect(registration.state).toBe('registered'));
    await registration.update({ weight: 8 });
    await eventually(() => {
      const last = watch.changes().at(-1);
      const instance = last?.type === 'reset' ? last.instances[0] : last?.type === 'set' ? last.instance : undefined;
      expect(instance).toMatchObject({ id: registration.instance.id, weight: 8 });
    });
    await watch.stop();
  });

  it('puts an entry back that is deleted in an etcd that lost its data and counts from lower on', async () => {
    const { registration, watch, key } = await bench.fleet();
    for (let i = 0; i < 20; i += 1) await bench.server.etcdctl('put', 'elsewhere', `${i}`);
    await registration.update({ weight: 7 });
    await bench.server.restart({ wipe: true });
    await eventually(async () => expect(await bench.find(key)).toBeDefined(), { timeoutMs: 15_000 });
    await eventually(() => expect(registration.state).toBe('registered'));
    await bench.server.etcdctl('del', key);
    await eventually(async () => expect(await bench.find(key)).toBeDefined(), { timeoutMs: 15_000 });
    await watch.stop();
  });

  it('writes again what a backup has older, and takes nothing of it for an operator’s', async () => {
    const { registration, events, watch, key } = await bench.fleet(undefined, { ttlMs: 20_000 });
    const folder = await mkdtemp(join(tmpdir(), 'rookery-backup-'));
    try {
      await bench.server.etcdctl('snapshot', 'save', join(folder, 'backup'));
      await registration.update({ weight: 7, metadata: { a: 'b' } });
      await bench.server.restore(join(folder, 'backup'));
      // Others write, too: revisions are soon beyond what we knew.
      for (let i = 0; i < 20; i += 1) await bench.server.etcdctl('put', 'elsewhere', `${i}`);
      const wanted = { weight: 7, meta: { a: 'b' }, pinned: [] };
      await eventually(async () => expect(await bench.read(key)).toMatchObject(wanted), { timeoutMs: 15_000 });
      expect(events.map(({ type }) => type)).not.toContain('registration.amended');
      await registration.update({ weight: 8 });
      expect(await bench.read(key)).toMatchObject({ weight: 8 });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    await watch.stop();
  });

  it('registers when etcd comes up later, and complains once', async () => {
    const late = await startEtcd({ running: false });
    try {
      const { registry, events } = bench.connect(late.host);
      const registration = registry.register(someInstance());
      await eventually(() => expect(events).toHaveLength(1));
      expect(events[0]).toMatchObject({ state: 'registering', error: { code: 'ROOKERY_REGISTRY_UNREACHABLE' } });
      await late.restart();
      await registration.registered;
      expect(statesOf(events)).toEqual(['registering', 'registered']);
      await registry[Symbol.asyncDispose]();
    } finally {
      await late.stop();
    }
  });

  it('closes in time while etcd is down, and tells who waited', async () => {
    const nobody = await startEtcd({ running: false });
    const { registry } = bench.connect(nobody.host);
    const registration = registry.register(someInstance());
    const watch = follow(registry, 'some-service');
    const refused = expect(registration.registered).rejects.toMatchObject({ code: 'ROOKERY_REGISTRATION_RELEASED' });
    const started = performance.now();
    await Promise.all([registry[Symbol.asyncDispose](), watch.stop()]);
    expect(performance.now() - started).toBeLessThan(3000);
    await refused;
    await nobody.stop();
  });

  it('closes in time while etcd hangs', async () => {
    const { registration, watch } = await bench.fleet();
    bench.server.kill('SIGSTOP');
    const started = performance.now();
    await Promise.all([bench.closeAll(), watch.stop()]);
    expect(performance.now() - started).toBeLessThan(6000);
    expect(registration.state).toBe('released');
    bench.server.kill('SIGCONT');
  });

  it('is back after etcd hung for longer than the lease lasts', async () => {
    const { registration, key, watch } = await bench.fleet();
    const before = await bench.find(key);
    const stopped = performance.now();
    bench.server.kill('SIGSTOP');
    await eventually(() => expect(registration.state).toBe('recovering'));
    // The lease lasts for two seconds, and etcd looks twice a second.
    await eventually(() => expect(performance.now() - stopped).toBeGreaterThan(3000));
    bench.server.kill('SIGCONT');
    const changed = expect.not.stringMatching(before?.lease ?? 'missing') as string;
    await eventually(async () => expect(await bench.find(key)).toMatchObject({ lease: changed }), {
      timeoutMs: 15_000,
    });
    await eventually(() => expect(registration.state).toBe('registered'));
    await watch.stop();
  });
});

describe('when leases are taken away', () => {
  it('puts an entry back each time as soon as the first time: nobody spoilt it', async () => {
    // With this chance, an entry that somebody goes on spoiling is put back after 5 s at the earliest.
    const { registration, events, watch, key } = await bench.fleet(undefined, { random: () => 0.999 });
    for (let time = 0; time < 3; time += 1) {
      const { lease } = (await bench.find(key))!;
      await bench.server.etcdctl('lease', 'revoke', lease);
      await eventually(
        async () => expect(await bench.find(key)).toMatchObject({ lease: expect.not.stringMatching(lease) }),
        { timeoutMs: 3500 },
      );
      await eventually(() => expect(registration.state).toBe('registered'));
    }
    expect(events.map(({ type }) => type)).not.toContain('registration.restored');
    await watch.stop();
  });
});

describe('when the connection to etcd breaks', () => {
  /** A foreign entry that leaves and one that is lost while the watcher is cut off. */
  async function missed(meanwhile: () => Promise<unknown>) {
    const proxy = await startTcpProxy(bench.server.host);
    const { service } = someInstance();
    const path = `rookery/services/${service}`;
    for (const id of ['stays', 'leaves', 'lost']) await bench.server.etcdctl('put', `${path}/${id}`, '{"Addr":"h:1"}');
    const watch = follow(bench.connect(proxy.host).registry, service);
    await eventually(() => expect(watch.batches).toHaveLength(1));
    proxy.cut();
    await eventually(() => expect(watch.faults).not.toHaveLength(0));
    await bench.server.etcdctl('put', `${path}/leaves`, '{"Addr":"h:1","status":"draining"}');
    await bench.server.etcdctl('del', `${path}/leaves`);
    await bench.server.etcdctl('del', `${path}/lost`);
    await meanwhile();
    proxy.heal();
    return { watch, end: () => Promise.all([watch.stop(), proxy.stop()]) };
  }

  it('goes on where it was, so that leaving and being lost stay two things', async () => {
    const { watch, end } = await missed(() => Promise.resolve());
    await eventually(() =>
      expect(watch.changes(1)).toMatchObject([
        { type: 'reset', instances: [{ id: 'stays' }, { id: 'leaves' }, { id: 'lost' }] },
        { type: 'set', instance: { id: 'leaves', status: 'draining' } },
        { type: 'delete', id: 'leaves', cause: 'left' },
        { type: 'delete', id: 'lost', cause: 'lost' },
      ]),
    );
    await end();
  });

  it('lists anew where etcd has compacted what happened', async () => {
    const { watch, end } = await missed(async () => {
      const { header } = JSON.parse(await bench.server.etcdctl('get', '-w', 'json', 'x')) as {
        header: { revision: number };
      };
      await bench.server.etcdctl('compact', String(header.revision));
    });
    await eventually(() => {
      const last = watch.changes().at(-1);
      expect(last).toMatchObject({ type: 'reset', instances: [{ id: 'stays' }] });
      expect(last?.type === 'reset' && last.instances).toHaveLength(1);
    });
    await end();
  });

  it('finds out what etcd leaves out: deletions of the very revision that was compacted', async () => {
    const proxy = await startTcpProxy(bench.server.host);
    const { service } = someInstance();
    const path = `rookery/services/${service}`;
    for (const id of ['stays', 'lost']) await bench.server.etcdctl('put', `${path}/${id}`, '{"Addr":"h:1"}');
    const watch = follow(bench.connect(proxy.host).registry, service);
    await eventually(() => expect(watch.batches).toHaveLength(1));
    proxy.cut();
    await eventually(() => expect(watch.faults).not.toHaveLength(0));
    await bench.server.etcdctl('del', `${path}/lost`);
    const { header } = JSON.parse(await bench.server.etcdctl('get', '-w', 'json', 'x')) as {
      header: { revision: number };
    };
    await bench.server.etcdctl('compact', String(header.revision));
    proxy.heal();
    const state: ServiceState = { instances: new Map(), route: undefined };
    await eventually(
      () => {
        for (const change of watch.changes()) apply(state, change);
        expect([...state.instances.keys()]).toEqual(['stays']);
      },
      { timeoutMs: 15_000 },
    );
    await watch.stop();
    await proxy.stop();
  });

  it('finds out that etcd has lost its data where it counts up to the same number again', async () => {
    const proxy = await startTcpProxy(bench.server.host);
    const { service } = someInstance();
    const put = (id: string) => bench.server.etcdctl('put', `rookery/services/${service}/${id}`, '{"Addr":"h:1"}');
    await bench.server.restart({ wipe: true });
    await put('before');
    const watch = follow(bench.connect(proxy.host).registry, service);
    await eventually(() => expect(watch.batches).toHaveLength(1));
    proxy.cut();
    await eventually(() => expect(watch.faults).not.toHaveLength(0));
    await bench.server.restart({ wipe: true });
    await put('after');
    proxy.heal();
    const state: ServiceState = { instances: new Map(), route: undefined };
    await eventually(
      () => {
        for (const change of watch.changes()) apply(state, change);
        expect([...state.instances.keys()]).toEqual(['after']);
      },
      { timeoutMs: 15_000 },
    );
    await watch.stop();
    await proxy.stop();
  });

  it('misses nothing while it breaks again and again', async () => {
    const proxy = await startTcpProxy(bench.server.host);
    const { service } = someInstance();
    const watch = follow(bench.connect(proxy.host).registry, service);
    await eventually(() => expect(watch.batches).toHaveLength(1));
    for (let from = 0; from < 2000; from += 100) {
      const line = (i: number) => `put rookery/services/${service}/h:${i} ${JSON.stringify(`{"Addr":"h:${i + 1}"}`)}`;
      const puts = Array.from({ length: 100 }, (_, i) => line(from + i)).join('\n');
      await bench.server.etcdctl('txn', { input: `\n${puts}\n\n\n` });
      await bench.server.etcdctl('del', `rookery/services/${service}/h:${from}`);
      if (from % 300 === 0) proxy.cut();
      else proxy.heal();
    }
    proxy.heal();
    const state: ServiceState = { instances: new Map(), route: undefined };
    let folded = 0;
    await eventually(() => {
      for (const change of watch.changes(folded)) apply(state, change);
      folded = watch.changes().length;
      expect(state.instances.size).toBe(1980);
    });
    expect(watch.faults.length).toBeGreaterThan(1);
    await watch.stop();
    await proxy.stop();
  });
});
