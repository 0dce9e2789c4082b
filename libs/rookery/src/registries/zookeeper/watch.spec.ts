import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { follow, someInstance, ZooKeeperBench } from '../../../../../test/support/zookeeper-registry.js';
import type { RookeryEvent } from '../../core/event.js';
import { eventually } from '../../testing/eventually.js';
import { Connection } from './connection.js';

const bench = new ZooKeeperBench();

async function watched() {
  const { service } = someInstance();
  const { registry, events } = bench.connect();
  const watch = follow(registry, service);
  await eventually(() => expect(watch.batches).toHaveLength(1));
  return { service, folder: `/rookery/services/${service}`, registry, events, watch };
}

const malformed = (events: readonly RookeryEvent[]) =>
  events.flatMap((event) => (event.type === 'entry.malformed' ? [event.place] : []));

describe('a watch of ZooKeeper', () => {
  it('skips what is malformed, alone, says so once, and keeps the last good value', async () => {
    const { service, folder, events, watch } = await watched();
    await bench.create(`${folder}/good`, '{"Addr":"h:1"}');
    await bench.create(`${folder}/bad`, 'garbage');
    await bench.create(`${folder}/folder/deeper`, '{"Addr":"h:2"}');
    await bench.server.zkCli('set', `${folder}/good`, '{"Addr":"h:1","weight":-1}');
    await bench.create(`/rookery/routes/${service}`, '{"type":"any"}');
    await bench.server.zkCli('set', `/rookery/routes/${service}`, '[]');
    await bench.create(`${folder}/last`, '{"Addr":"h:3","weight":7}');
    await eventually(() => {
      const places = [`${folder}/bad`, `${folder}/folder`, `${folder}/good`, `/rookery/routes/${service}`];
      expect(malformed(events).toSorted()).toEqual(places.toSorted());
      expect(watch.changes(1)).toMatchObject([
        { type: 'set', instance: { id: 'good', address: 'h:1', weight: 100 } },
        { type: 'route', route: { type: 'any' } },
        { type: 'set', instance: { id: 'last', weight: 7 } },
      ]);
    });
    await watch.stop();
  });

  it('keeps the last good values when it has to read everything again', async () => {
    const { folder, watch } = await watched();
    await bench.create(`${folder}/good`, '{"Addr":"h:1"}');
    await eventually(() => expect(watch.changes(1)).toHaveLength(1));
    await bench.server.zkCli('set', `${folder}/good`, 'garbage');
    await bench.server.restart();
    await eventually(
      () => expect(watch.changes().at(-1)).toMatchObject({ type: 'reset', instances: [{ id: 'good' }] }),
      { timeoutMs: 15_000 },
    );
    await watch.stop();
  });

  it('keeps the last good values however often it fails to read everything again', async () => {
    const { folder, watch } = await watched();
    await bench.create(`${folder}/good`, '{"Addr":"h:1"}');
    await eventually(() => expect(watch.changes(1)).toHaveLength(1));
    await bench.server.zkCli('set', `${folder}/good`, 'garbage');
    await bench.server.zkCli('setAcl', folder, 'world:anyone:cdwa');
    await bench.server.restart();
    const refused = () => watch.faults.filter((fault) => String(fault).includes('NoAuth'));
    await eventually(() => expect(refused().length).toBeGreaterThan(2), { timeoutMs: 15_000 });
    await bench.server.zkCli('setAcl', folder, 'world:anyone:cdrwa');
    await eventually(() =>
      expect(watch.changes().at(-1)).toMatchObject({ type: 'reset', instances: [{ id: 'good', address: 'h:1' }] }),
    );
    await watch.stop();
  });

  it('takes a value of more than 64 KiB for a bad one', async () => {
    const { folder, events, watch } = await watched();
    await bench.create(`${folder}/large`, JSON.stringify({ Addr: 'h:1', note: 'x'.repeat(70_000) }));
    await eventually(() => expect(malformed(events)).toEqual([`${folder}/large`]));
    await watch.stop();
  });

  it('counts an entry that it may not read as malformed', async () => {
    const { service } = someInstance();
    const folder = `/rookery/services/${service}`;
    for (const id of ['closed', 'open']) await bench.create(`${folder}/${id}`, '{"Addr":"h:1"}');
    await bench.server.zkCli('setAcl', `${folder}/closed`, 'world:anyone:cdwa');
    const { registry, events } = bench.connect();
    const watch = follow(registry, service);
    await eventually(() => expect(watch.changes()).toMatchObject([{ type: 'reset', instances: [{ id: 'open' }] }]));
    expect(malformed(events)).toEqual([`${folder}/closed`]);
    await watch.stop();
  });

  it('sees one instance where its group changes, and never none', async () => {
    const { service, watch } = await watched();
    const registration = bench.connect().registry.register(someInstance({ service }));
    for (const group of ['a', '', 'b', 'c', '']) await registration.update({ group });
    await eventually(() => expect(watch.changes().at(-1)).toMatchObject({ instance: { group: '' } }));
    expect(watch.changes(1).every((change) => change.type === 'set')).toBe(true);
    await watch.stop();
  });

  it('tells leaving from being lost, also where it leaves faster than anybody reads', async () => {
    const { service, folder, watch } = await watched();
    const { registry } = bench.connect();
    for (let times = 0; times < 20; times += 1) {
      const registration = registry.register(someInstance({ service }));
      await registration.registered;
      await eventually(() => expect(watch.changes().at(-1)).toMatchObject({ type: 'set' }));
      await registration[Symbol.asyncDispose]();
      await eventually(() => expect(watch.changes().at(-1)).toMatchObject({ type: 'delete', cause: 'left' }));
    }
    // Nobody puts this one back.
    await bench.create(`${folder}/foreign`, '{"Addr":"h:1"}');
    await eventually(() => expect(watch.changes().at(-1)).toMatchObject({ type: 'set' }));
    await bench.server.zkCli('delete', `${folder}/foreign`);
    await eventually(() => expect(watch.changes().at(-1)).toMatchObject({ type: 'delete', cause: 'lost' }));
    await watch.stop();
  });

  it('tells leaving from being lost, also where it leaves while others are still read', async () => {
    const { service, folder, registry, watch } = await watched();
    await bench.create(`${folder}/slow`, '{"Addr":"h:1"}');
    const registration = bench.connect().registry.register(someInstance({ service }));
    const { id } = registration.instance;
    await eventually(() => expect(watch.changes(1)).toHaveLength(2));
    let answer!: () => void;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    const original = Reflect.get(Connection.prototype, 'request') as Connection['request'];
    const spy = vi.spyOn(Connection.prototype, 'request');
    onTestFinished(() => spy.mockRestore());
    let asked = 0;
    spy.mockImplementation(async function (this: Connection, op, path, write) {
      const reply = await original.call(this, op, path, write);
      if (path !== `${folder}/slow`) return reply;
      asked += 1;
      await answered;
      return reply;
    });
    const late = follow(registry, service);
    await eventually(() => expect(asked).toBe(1));
    await registration[Symbol.asyncDispose]();
    // Both watches share a connection: what one was told, the other one knows.
    await eventually(() => expect(watch.changes().at(-1)).toMatchObject({ type: 'delete', id }));
    expect(late.batches).toEqual([]);
    answer();
    await eventually(() => expect(late.changes(1)).toEqual([{ type: 'delete', id, cause: 'left' }]));
    await Promise.all([watch.stop(), late.stop()]);
  });

  it('shares one connection between all watches, and ends it with the last', async () => {
    const { service, registry, watch } = await watched();
    const again = follow(registry, service);
    const other = follow(registry, someInstance().service);
    await eventually(() => expect([again, other].map(({ batches }) => batches.length)).toEqual([1, 1]));
    const sessions = async () => (await bench.server.ask('cons')).split('sid=').length;
    const watches = async () => Number(/Total watches:(\d+)/.exec(await bench.server.ask('wchs'))?.[1]);
    const before = [await sessions(), await watches()];
    await other.stop();
    // It watched two folders and a route.
    await eventually(async () => expect(await watches()).toBe(before[1]! - 3));
    await again.stop();
    await bench.create(`/rookery/services/${service}/late`, '{"Addr":"h:1"}');
    await eventually(() => expect(watch.changes(1)).toHaveLength(1));
    await watch.stop();
    await eventually(async () => expect([await sessions(), await watches()]).toEqual([before[0]! - 1, 0]));
  });

  it('follows a thousand instances with three watches', async () => {
    const { service, watch } = await watched();
    const { registry } = bench.connect();
    const generation = 'one-server';
    const all = Array.from({ length: 1000 }, () => registry.register(someInstance({ service, generation })));
    await Promise.all(all.map(({ registered }) => registered));
    const late = follow(bench.connect().registry, service);
    await eventually(() => expect(late.batches[0]?.[0]).toMatchObject({ instances: { length: 1000 } }));
    await eventually(() =>
      expect(new Set(watch.changes(1).flatMap((c) => (c.type === 'set' ? [c.instance.id] : [])))).toHaveProperty(
        'size',
        1000,
      ),
    );
    await registry[Symbol.asyncDispose]();
    await eventually(() => {
      const gone = watch.changes().filter((change) => change.type === 'delete');
      expect(gone).toHaveLength(1000);
      expect(gone.every(({ cause }) => cause === 'left')).toBe(true);
    });
    await Promise.all([watch.stop(), late.stop()]);
  });
});
