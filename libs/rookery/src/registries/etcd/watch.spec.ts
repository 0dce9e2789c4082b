import { describe, expect, it } from 'vitest';
import { EtcdBench, follow, keyOf, someInstance } from '../../../../../test/support/etcd-registry.js';
import { eventually } from '../../testing/eventually.js';

const bench = new EtcdBench();

describe('a watch of etcd', () => {
  it('tells what is there, oldest first, and then what happens', async () => {
    const { registry } = bench.connect();
    const old = registry.register(someInstance({ id: 'z' }));
    await old.registered;
    const { service } = old.instance;
    const young = registry.register(someInstance({ service, id: 'a', group: 'A' }));
    await young.registered;
    await bench.server.etcdctl('put', `rookery/routes/${service}`, '{"type":"split","shares":{"A":1,"":9}}');
    const watch = follow(bench.connect().registry, service);
    await eventually(() => expect(watch.batches).toHaveLength(1));
    const route = { type: 'split', shares: { A: 1, '': 9 } };
    expect(watch.batches[0]).toMatchObject([
      { type: 'reset', instances: [{ id: 'z' }, { id: 'a', group: 'A' }], route },
    ]);
    await old.update({ weight: 3 });
    await young[Symbol.asyncDispose]();
    await bench.server.etcdctl('put', `rookery/services/${service}/foreign`, '{"Addr":"h:1"}');
    await bench.server.etcdctl('del', `rookery/services/${service}/foreign`);
    await bench.server.etcdctl('put', `rookery/routes/${service}`, '{"type":"any"}');
    await eventually(() => expect(watch.changes(1)).toHaveLength(6));
    const about = (...ids: string[]) =>
      watch.changes(1).filter((change) => {
        const id = change.type === 'set' ? change.instance.id : change.type === 'delete' ? change.id : 'route';
        return ids.includes(id);
      });
    // Those with a group, those without, and the route are three watches to etcd, which promises no order between them.
    expect(about('z', 'foreign')).toMatchObject([
      { type: 'set', instance: { id: 'z', weight: 3 } },
      { type: 'set', instance: { id: 'foreign', weight: 100 } },
      { type: 'delete', id: 'foreign', cause: 'lost' },
    ]);
    expect(about('a')).toMatchObject([
      { type: 'set', instance: { id: 'a', status: 'draining' } },
      { type: 'delete', id: 'a', cause: 'left' },
    ]);
    expect(about('route')).toMatchObject([{ type: 'route', route: { type: 'any' } }]);
    expect(watch.faults).toEqual([]);
    await watch.stop();
  });

  it('sees a change of group as one change of one instance', async () => {
    const { registry } = bench.connect();
    const registration = registry.register(someInstance());
    await registration.registered;
    const watch = follow(bench.connect().registry, registration.instance.service);
    await eventually(() => expect(watch.batches).toHaveLength(1));
    await registration.update({ group: 'A' });
    await eventually(() => expect(watch.changes(1)).toMatchObject([{ type: 'set', instance: { group: 'A' } }]));
    // Faster than a watcher can look: it may miss some of them, but never takes the instance for lost.
    for (let i = 0; i < 30; i += 1) await registration.update({ group: i % 2 ? '' : `g${i}` });
    await registration.update({ weight: 1 });
    await eventually(() => expect(watch.changes().at(-1)).toMatchObject({ instance: { group: '', weight: 1 } }));
    expect(watch.changes(1).every(({ type }) => type === 'set')).toBe(true);
    await watch.stop();
  });

  it('skips what it cannot read, says so once, and keeps the last good value', async () => {
    const { registry, events } = bench.connect();
    const instance = someInstance({ peer: 0, generation: '' });
    const key = keyOf(instance);
    await bench.server.etcdctl('put', key, '{"Op":0,"Addr":"10.0.0.1:1","Metadata":null}');
    await bench.server.etcdctl('put', `${key}/garbage`, 'garbage');
    const watch = follow(registry, instance.service);
    await eventually(() => expect(watch.batches).toHaveLength(1));
    expect(watch.changes()).toMatchObject([{ type: 'reset', instances: [{ id: instance.id, weight: 100, peer: 0 }] }]);
    await bench.server.etcdctl('put', key, '{"Addr":7}');
    await bench.server.etcdctl('put', `rookery/routes/${instance.service}`, '{"type":"nonsense"}');
    await eventually(() => expect(events).toHaveLength(3));
    const again = follow(registry, instance.service);
    await eventually(() => expect(again.batches).toHaveLength(1));
    expect(events.map((event) => event.type === 'entry.malformed' && event.place)).toEqual([
      `${key}/garbage`,
      key,
      `rookery/routes/${instance.service}`,
    ]);
    expect(events[2]).toMatchObject({ error: { message: expect.stringContaining('nonsense') as string } });
    await bench.server.etcdctl('put', `rookery/routes/${instance.service}`, '{"type":"any"}');
    await eventually(() => expect(again.changes(1)).toEqual([{ type: 'route', route: { type: 'any' } }]));
    // A route is no entry, and not read as one.
    expect(events).toHaveLength(3);
    await bench.server.etcdctl('del', key);
    await eventually(() => expect(watch.changes(2)).toEqual([{ type: 'delete', id: instance.id, cause: 'lost' }]));
    await Promise.all([watch.stop(), again.stop()]);
  });

  it('lists more than one page at one revision', async () => {
    const { registry } = bench.connect();
    const { service } = someInstance();
    const put = (i: number) => `put rookery/services/${service}/h:${i} ${JSON.stringify(`{"Addr":"h:${i + 1}"}`)}`;
    for (let from = 0; from < 2100; from += 100) {
      const puts = Array.from({ length: 100 }, (_, i) => put(from + i)).join('\n');
      await bench.server.etcdctl('txn', { input: `\n${puts}\n\n\n` });
    }
    const watch = follow(registry, service);
    await eventually(() => expect(watch.changes()[0]).toMatchObject({ type: 'reset' }));
    const [reset] = watch.changes();
    expect(reset?.type === 'reset' && new Set(reset.instances.map(({ id }) => id)).size).toBe(2100);
    await watch.stop();
  });
});
