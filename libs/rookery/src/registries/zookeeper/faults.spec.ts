import { describe, expect, it } from 'vitest';
import {
  follow,
  pathOf,
  someInstance,
  statesOf,
  ZooKeeperBench,
} from '../../../../../test/support/zookeeper-registry.js';
import { apply, type ServiceState } from '../../core/change.js';
import { eventually } from '../../testing/eventually.js';
import { freePort } from '../../testing/faults/free-port.js';
import { startTcpProxy, type TcpProxy } from '../../testing/faults/tcp-proxy.js';
import { startZooKeeper } from '../../testing/faults/zookeeper-server.js';

const bench = new ZooKeeperBench();
const PATIENT = { timeoutMs: 15_000 };

function folded(changes: Parameters<typeof apply>[1][]): string[] {
  const state: ServiceState = { instances: new Map(), route: undefined };
  for (const change of changes) apply(state, change);
  return [...state.instances.keys()];
}

describe('when ZooKeeper goes away', () => {
  it('keeps the entry through a crash', async () => {
    const { registration, events, watch, path } = await bench.fleet(undefined, { ttlMs: 20_000 });
    const before = await bench.find(path);
    await bench.server.crash();
    await eventually(() => expect(watch.faults).not.toHaveLength(0));
    await eventually(() => expect(registration.state).toBe('recovering'));
    await bench.server.restart();
    await eventually(() => expect(registration.state).toBe('registered'), PATIENT);
    expect(await bench.find(path)).toEqual(before);
    expect(statesOf(events)).toEqual(['registered', 'recovering', 'registered']);
    await eventually(() => expect(watch.batches.length).toBeGreaterThan(1));
    await registration.update({ weight: 8 });
    await eventually(() => expect(watch.changes().at(-1)).toMatchObject({ type: 'set', instance: { weight: 8 } }));
    expect(watch.faults).toMatchObject(watch.faults.map(() => ({ code: 'ROOKERY_REGISTRY_UNREACHABLE' })));
    await watch.stop();
  });

  it('registers again in a ZooKeeper that lost its data, and watches that', async () => {
    const { registration, events, watch, path } = await bench.fleet();
    for (let weight = 1; weight < 20; weight += 1) await registration.update({ weight });
    await bench.server.restart({ wipe: true });
    await eventually(async () => expect(await bench.find(path)).toBeDefined(), PATIENT);
    await eventually(() => expect(registration.state).toBe('registered'));
    await registration.update({ weight: 88 });
    await eventually(() => {
      const last = watch.changes().at(-1);
      const instance = last?.type === 'reset' ? last.instances[0] : last?.type === 'set' ? last.instance : undefined;
      expect(instance).toMatchObject({ id: registration.instance.id, weight: 88 });
    }, PATIENT);
    expect(events.map(({ type }) => type)).not.toContain('registration.restored');
    await watch.stop();
  });

  it('is back after ZooKeeper hung for longer than the session lasts', async () => {
    const { registration, events, path, watch } = await bench.fleet();
    const before = await bench.find(path);
    const stopped = performance.now();
    bench.server.kill('SIGSTOP');
    await eventually(() => expect(registration.state).toBe('recovering'), PATIENT);
    await eventually(() => expect(performance.now() - stopped).toBeGreaterThan(3000));
    bench.server.kill('SIGCONT');
    await eventually(() => expect(registration.state).toBe('registered'), PATIENT);
    const found = await bench.find(path);
    expect(found?.data).toBe(before?.data);
    expect(events.map(({ type }) => type)).not.toContain('registration.restored');
    await watch.stop();
  });

  it('registers when ZooKeeper comes up later, and complains once', async () => {
    await using late = await startZooKeeper({ running: false });
    const { registry, events } = bench.connect(late.host);
    const registration = registry.register(someInstance());
    await eventually(() => expect(events).toHaveLength(1));
    expect(events[0]).toMatchObject({ state: 'registering', error: { code: 'ROOKERY_REGISTRY_UNREACHABLE' } });
    await late.restart();
    await registration.registered;
    expect(statesOf(events)).toEqual(['registering', 'registered']);
    await registry[Symbol.asyncDispose]();
  });

  it('closes in time while ZooKeeper is down, and tells who waited', async () => {
    const { registry } = bench.connect(`127.0.0.1:${await freePort()}`);
    const registration = registry.register(someInstance());
    const watch = follow(registry, 'some-service');
    const refused = expect(registration.registered).rejects.toMatchObject({ code: 'ROOKERY_REGISTRATION_RELEASED' });
    const started = performance.now();
    await Promise.all([registry[Symbol.asyncDispose](), watch.stop()]);
    expect(performance.now() - started).toBeLessThan(3000);
    await refused;
  });

  it('closes in time while ZooKeeper hangs, and leaves nothing once it goes on', async () => {
    const { registration, watch, path } = await bench.fleet();
    bench.server.kill('SIGSTOP');
    const started = performance.now();
    await Promise.all([bench.closeAll(), watch.stop()]);
    expect(performance.now() - started).toBeLessThan(6000);
    expect(registration.state).toBe('released');
    bench.server.kill('SIGCONT');
    await eventually(async () => expect(await bench.find(path)).toBeUndefined(), PATIENT);
  });
});

describe('a registry that is closed', () => {
  it('ends a watch that nobody reads to its end, and leaves no connection', async () => {
    const { registry } = bench.connect();
    const watch = registry.watch('unread', new AbortController().signal)[Symbol.asyncIterator]();
    expect((await watch.next()).value).toEqual([{ type: 'reset', instances: [], route: undefined }]);
    const connections = async () => (await bench.server.ask('cons')).split('sid=').length;
    const before = await connections();
    await registry[Symbol.asyncDispose]();
    await eventually(async () => expect(await connections()).toBe(before - 1));
    expect(await watch.next()).toEqual({ done: true, value: undefined });
  });
});

describe('when one of several servers is of no use', () => {
  it('goes to another one where the first is dead, or hangs', async () => {
    await using proxy = await startTcpProxy(bench.server.host);
    proxy.blackHole();
    const hosts = [`127.0.0.1:${await freePort()}`, proxy.host, bench.server.host];
    const { registry, events } = bench.connect(hosts, { random: () => 0 });
    const registration = registry.register(someInstance());
    const watch = follow(registry, registration.instance.service);
    await registration.registered;
    await eventually(() => expect(folded(watch.changes())).toEqual([registration.instance.id]));
    expect(watch.faults).toEqual([]);
    expect(statesOf(events)).toEqual(['registered']);
    await watch.stop();
  });

  it('takes its session to another server where the first one falls silent', async () => {
    await using proxy = await startTcpProxy(bench.server.host);
    const { registry, events } = bench.connect([proxy.host, bench.server.host], { random: () => 0 });
    const registration = registry.register(someInstance());
    await registration.registered;
    const before = await bench.find(pathOf(registration.instance));
    proxy.blackHole();
    await eventually(async () => {
      await registration.update({ weight: registration.instance.weight - 1 });
      expect(await bench.find(pathOf(registration.instance))).toMatchObject({ owner: before?.owner });
    }, PATIENT);
    expect(proxy.accepted).toBeGreaterThan(0);
    expect(statesOf(events)).toEqual(['registered']);
  });
});

describe('when sessions are taken away', () => {
  it('puts an entry back each time as soon as the first time: nobody spoilt it', async () => {
    await using proxy = await startTcpProxy(bench.server.host);
    // With this chance, an entry that somebody goes on spoiling is put back after 5 s at the earliest.
    const { registration, events, watch, path } = await bench.fleet(proxy.host, { random: () => 0.999 });
    for (let times = 0; times < 2; times += 1) {
      const before = await bench.find(path);
      proxy.cut();
      await eventually(async () => expect(await bench.find(path)).toBeUndefined(), PATIENT);
      proxy.heal();
      await eventually(async () => expect(await bench.find(path)).toBeDefined(), PATIENT);
      expect((await bench.find(path))?.owner).not.toBe(before?.owner);
      await eventually(() => expect(registration.state).toBe('registered'));
    }
    expect(events.map(({ type }) => type)).not.toContain('registration.restored');
    await watch.stop();
  });

  it('gives way where somebody took the id while it had no session', async () => {
    await using proxy = await startTcpProxy(bench.server.host);
    const { registration, watch, path } = await bench.fleet(proxy.host);
    proxy.cut();
    await eventually(async () => expect(await bench.find(path)).toBeUndefined(), PATIENT);
    const newer = { ...registration.instance, generation: 'newer', address: '10.0.0.2:1' };
    const second = bench.connect().registry.register(newer);
    await second.registered;
    proxy.heal();
    await eventually(() => expect(registration.state).toBe('superseded'), PATIENT);
    await second[Symbol.asyncDispose]();
    await eventually(() => expect(registration.state).toBe('registered'));
    await watch.stop();
  });
});

describe('a move whose answer was lost', () => {
  /** Moves to group `a`, wants to be back, and loses the connection between the request and its answer. */
  async function movedUnheard(proxy: TcpProxy) {
    const { registry, events } = bench.connect(proxy.host, { ttlMs: 20_000 });
    const registration = registry.register(someInstance());
    const { service, generation } = registration.instance;
    // It holds the session, with which ghosts would go, and makes the folder of groups.
    const other = registry.register(someInstance({ service, generation }));
    await Promise.all([registration.registered, other.registered]);
    await other.update({ group: 'a' });
    const here = pathOf(registration.instance);
    const there = pathOf({ ...registration.instance, group: 'a' });
    const watch = follow(bench.connect().registry, service);
    await eventually(() => expect(folded(watch.changes())).toHaveLength(2));
    proxy.delay(500);
    const updates = [registration.update({ group: 'a' })];
    await eventually(async () => expect(await bench.find(there)).toBeDefined());
    updates.push(registration.update({ group: '' }));
    proxy.cut();
    return { registration, events, watch, here, there, updates };
  }

  it('leaves no ghost where it is taken back', async () => {
    await using proxy = await startTcpProxy(bench.server.host);
    const { registration, events, watch, here, there, updates } = await movedUnheard(proxy);
    proxy.delay(0);
    await Promise.all(updates);
    expect(await bench.find(there)).toBeUndefined();
    expect(await bench.find(here)).toBeDefined();
    expect(events.map(({ type }) => type)).not.toContain('registration.restored');
    await registration[Symbol.asyncDispose]();
    const { id } = registration.instance;
    await eventually(() => expect(watch.changes().at(-1)).toEqual({ type: 'delete', id, cause: 'left' }));
    expect(watch.changes().filter(({ type }) => type === 'delete')).toHaveLength(1);
    await watch.stop();
  });

  it('leaves no ghost where the instance leaves', async () => {
    await using proxy = await startTcpProxy(bench.server.host);
    const { registration, watch, there } = await movedUnheard(proxy);
    const released = registration[Symbol.asyncDispose]();
    proxy.delay(0);
    await released;
    await eventually(async () => expect(await bench.find(there)).toBeUndefined());
    const { id } = registration.instance;
    await eventually(() => expect(watch.changes().at(-1)).toEqual({ type: 'delete', id, cause: 'left' }));
    await watch.stop();
  });
});

describe('when the connection to ZooKeeper breaks', () => {
  it('tells what left and what was lost meanwhile by what was known', async () => {
    await using proxy = await startTcpProxy(bench.server.host);
    const { service } = someInstance();
    const folder = `/rookery/services/${service}`;
    const watch = follow(bench.connect(proxy.host).registry, service);
    for (const id of ['stays', 'leaves', 'lost']) await bench.create(`${folder}/${id}`, '{"Addr":"h:1"}');
    await bench.server.zkCli('set', `${folder}/leaves`, '{"Addr":"h:1","status":"draining"}');
    await eventually(() =>
      expect(watch.changes().at(-1)).toMatchObject({ type: 'set', instance: { id: 'leaves', status: 'draining' } }),
    );
    const seen = watch.changes().length;
    proxy.cut();
    await eventually(() => expect(watch.faults).not.toHaveLength(0));
    for (const id of ['leaves', 'lost']) await bench.server.zkCli('delete', `${folder}/${id}`);
    proxy.heal();
    await eventually(() =>
      expect(watch.changes(seen)).toMatchObject([{ type: 'reset', instances: [{ id: 'stays' }] }]),
    );
    const state: ServiceState = { instances: new Map(), route: undefined };
    for (const change of watch.changes().slice(0, seen)) apply(state, change);
    const removed = apply(state, watch.changes(seen)[0]!).flatMap((delta) =>
      delta.type === 'removed' ? [[delta.instance.id, delta.cause]] : [],
    );
    expect(Object.fromEntries(removed)).toEqual({ leaves: 'left', lost: 'lost' });
    await watch.stop();
  });

  it('misses nothing while it breaks again and again', async () => {
    await using proxy = await startTcpProxy(bench.server.host);
    const { service } = someInstance();
    const watch = follow(bench.connect(proxy.host).registry, service);
    const { registry } = bench.connect();
    const generation = 'one-session';
    const ids = Array.from({ length: 300 }, (_, i) => `i${i}`);
    for (let from = 0; from < ids.length; from += 30) {
      const some = ids.slice(from, from + 30).map((id) => registry.register(someInstance({ id, service, generation })));
      await Promise.all(some.map(({ registered }) => registered));
      await some[0]![Symbol.asyncDispose]();
      if (from % 90 === 0) proxy.cut();
      else proxy.heal();
    }
    proxy.heal();
    await eventually(() => expect(folded(watch.changes())).toHaveLength(290), PATIENT);
    expect(watch.faults.length).toBeGreaterThan(1);
    await watch.stop();
  });

  it('notices a connection that is open and carries nothing', async () => {
    await using proxy = await startTcpProxy(bench.server.host);
    const { registration, watch, path } = await bench.fleet(proxy.host);
    proxy.halfOpen();
    await eventually(() => expect(watch.faults).not.toHaveLength(0), PATIENT);
    expect(watch.faults[0]).toMatchObject({ message: expect.stringContaining('did not answer within') });
    proxy.heal();
    await eventually(async () => expect(await bench.find(path)).toBeDefined(), PATIENT);
    await eventually(() => expect(registration.state).toBe('registered'), PATIENT);
    await watch.stop();
  });
});
