import { describe, expect, it } from 'vitest';
import {
  pathOf,
  someInstance,
  statesOf,
  ZooKeeperBench,
  type Found,
} from '../../../../../test/support/zookeeper-registry.js';
import { registryConformance } from '../../testing/registry-conformance.js';
import { eventually } from '../../testing/eventually.js';

const bench = new ZooKeeperBench();

describe('zookeeper conforms:', () => {
  const make = async () => {
    const [registry, other] = [bench.connect().registry, bench.connect().registry];
    return { registry, other, dispose: () => bench.closeAll() };
  };
  for (const { name, run } of registryConformance(make)) it(name, run);
});

describe('a registration in ZooKeeper', () => {
  it('writes the layout that the reference describes', async () => {
    const { registry, events } = bench.connect();
    const instance = someInstance({ zone: 'eu', metadata: { k: 'v' } });
    const registration = registry.register(instance);
    expect(registration.state).toBe('registering');
    await registration.registered;
    const { generation: gen, service } = instance;
    const found = await bench.find(pathOf(instance));
    expect(found?.data).toBe(
      `{"Op":0,"Addr":"10.0.0.1:50051","Metadata":null,"v":1,"gen":"${gen}","service":"${service}","weight":100,` +
        '"group":"","status":"up","peer":1,"secure":false,"zone":"eu","pinned":[],"meta":{"k":"v"}}',
    );
    expect(found?.owner).not.toBe('0x0');
    const grouped = registry.register(someInstance({ group: 'canary' }));
    await grouped.registered;
    expect(await bench.find(pathOf(grouped.instance))).toBeDefined();
    expect(statesOf(events)).toEqual(['registered', 'registered']);
  });

  it('shares one session per server, and leaves neither entry nor session behind', async () => {
    const { registry } = bench.connect();
    const instance = someInstance();
    const other = someInstance({ generation: instance.generation });
    const one = registry.register(instance);
    const two = registry.register(other);
    await Promise.all([one.registered, two.registered]);
    const owner = (await bench.find(pathOf(instance)))!.owner;
    expect((await bench.find(pathOf(other)))?.owner).toBe(owner);
    await one[Symbol.asyncDispose]();
    expect(one.state).toBe('released');
    expect(await bench.find(pathOf(instance))).toBeUndefined();
    expect(await bench.server.ask('dump')).toContain(owner);
    await two[Symbol.asyncDispose]();
    expect(await bench.server.ask('dump')).not.toContain(owner);
    expect(await bench.find(pathOf(other))).toBeUndefined();
  });

  it('moves its entry when its owner changes the group, and writes what update() says', async () => {
    const { registry } = bench.connect();
    const registration = registry.register(someInstance());
    const before = pathOf(registration.instance);
    await registration.update({ group: 'A', weight: 5 });
    expect(await bench.find(before)).toBeUndefined();
    expect(await bench.read(pathOf(registration.instance))).toMatchObject({ group: 'A', weight: 5, pinned: [] });
    await registration.update({ group: '' });
    expect(await bench.read(before)).toMatchObject({ group: '', weight: 5 });
    await expect(registration.update({ weight: -1 })).rejects.toMatchObject({ code: 'ROOKERY_WEIGHT_INVALID' });
  });

  it('takes over what an operator writes, and keeps it', async () => {
    const { registry, events } = bench.connect();
    const registration = registry.register(someInstance());
    await registration.registered;
    const path = pathOf(registration.instance);
    const { data, owner } = (await bench.find(path))!;
    const edited = JSON.stringify({ ...(JSON.parse(data) as object), weight: 7, note: 'by-hand' });
    await bench.server.zkCli('set', path, edited);
    const kept = { weight: 7, pinned: ['weight'], note: 'by-hand' };
    await eventually(async () => expect(await bench.read(path)).toMatchObject(kept));
    expect(registration.instance.weight).toBe(7);
    expect(events).toContainEqual(expect.objectContaining({ type: 'registration.amended', fields: ['weight'] }));
    await registration.update({ weight: 9, zone: 'eu' });
    expect(await bench.read(path)).toMatchObject({ ...kept, zone: 'eu' });
    expect((await bench.find(path))?.owner).toBe(owner);
    expect(events.some(({ type }) => type === 'registration.restored')).toBe(false);
  });

  it('lets an operator undo his edit, and give fields back', async () => {
    const { registry } = bench.connect();
    const registration = registry.register(someInstance());
    await registration.registered;
    const path = pathOf(registration.instance);
    const { data } = (await bench.find(path))!;
    await bench.server.zkCli('set', path, data.replace('"weight":100', '"weight":7'));
    await eventually(async () => expect(await bench.read(path)).toMatchObject({ weight: 7, pinned: ['weight'] }));
    await bench.server.zkCli('set', path, data);
    await eventually(async () => expect(await bench.read(path)).toMatchObject({ weight: 100, pinned: ['weight'] }));
    await bench.server.zkCli('set', path, data);
    await eventually(() =>
      expect(registration.update({ weight: 3 }).then(() => registration.instance.weight)).resolves.toBe(3),
    );
    expect(await bench.read(path)).toMatchObject({ weight: 3, pinned: [] });
  });

  it('follows an operator who changes its group', async () => {
    const { registry, events } = bench.connect();
    const registration = registry.register(someInstance());
    await registration.registered;
    const before = pathOf(registration.instance);
    const { data } = (await bench.find(before))!;
    await bench.server.zkCli('set', before, data.replace('"group":""', '"group":"canary"'));
    await eventually(async () => expect(await bench.find(before)).toBeUndefined());
    expect(registration.instance.group).toBe('canary');
    expect(await bench.read(pathOf(registration.instance))).toMatchObject({ group: 'canary', pinned: ['group'] });
    expect(events).toContainEqual(expect.objectContaining({ type: 'registration.amended', fields: ['group'] }));
  });

  it.each<[string, (path: string, entry: Found) => Promise<unknown>, RegExp]>([
    ['is deleted', (path) => bench.server.zkCli('delete', path), /deleted/],
    [
      'is replaced by one that goes with no session',
      async (path, { data }) => {
        await bench.server.zkCli('delete', path);
        await bench.server.zkCli('create', path, data).catch(() => {});
      },
      /deleted|without its session/,
    ],
    ['becomes garbage', (path) => bench.server.zkCli('set', path, 'garbage'), /malformed/],
    [
      'gets a weight that is none',
      (path, { data }) => bench.server.zkCli('set', path, data.replace(/"weight":\d+/, '"weight":99999')),
      /malformed \(value\.weight: found 99999\./,
    ],
    [
      'gets another address',
      (path, { data }) => bench.server.zkCli('set', path, data.replace('10.0.0.1', '10.9.9.9')),
      /address/,
    ],
  ])('is back at once when it %s', async (_, spoil, reason) => {
    const { registry, events } = bench.connect();
    const registration = registry.register(someInstance());
    await registration.registered;
    const path = pathOf(registration.instance);
    const before = (await bench.find(path))!;
    await spoil(path, before);
    await eventually(async () => expect(await bench.find(path)).toEqual(before));
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'registration.restored', reason: expect.stringMatching(reason) }),
    );
    expect(registration.state).toBe('registered');
  });

  it('does not fight at full speed with who deletes it again and again', async () => {
    const { registry, events } = bench.connect(undefined, { random: () => 0.1 });
    const registration = registry.register(someInstance());
    await registration.registered;
    const path = pathOf(registration.instance);
    const took: number[] = [];
    for (let times = 1; times <= 2; times += 1) {
      const deleted = performance.now();
      await bench.server.zkCli('delete', path);
      await eventually(() => expect(events.filter(({ type }) => type === 'registration.restored')).toHaveLength(times));
      took.push(performance.now() - deleted);
    }
    // A tenth of five seconds.
    expect(took[1]).toBeGreaterThanOrEqual(500);
    expect(took[0]).toBeLessThan(took[1]!);
    expect(await bench.find(path)).toBeDefined();
  });

  it('gives way to a newer process with its id, and comes back when the path is free', async () => {
    const { registry, events } = bench.connect();
    const first = registry.register(someInstance());
    await first.registered;
    const newer = { ...first.instance, generation: someInstance().id, address: '10.0.0.2:1' };
    const second = bench.connect().registry.register(newer);
    await second.registered;
    await eventually(() => expect(first.state).toBe('superseded'));
    const told = events.filter((event) => event.type === 'registration.changed' && event.state === 'superseded');
    expect(told).toMatchObject([{ error: { code: 'ROOKERY_REGISTRATION_SUPERSEDED' } }]);
    expect(await bench.read(pathOf(first.instance))).toMatchObject({ Addr: '10.0.0.2:1' });
    await second[Symbol.asyncDispose]();
    await eventually(() => expect(first.state).toBe('registered'));
    expect(await bench.read(pathOf(first.instance))).toMatchObject({ Addr: '10.0.0.1:50051' });
  });

  it('registers again in the same process after a release', async () => {
    const { registry } = bench.connect();
    const first = registry.register(someInstance());
    await first.registered;
    const released = first[Symbol.asyncDispose]();
    const second = registry.register(first.instance);
    await Promise.all([released, second.registered]);
    expect(await bench.find(pathOf(second.instance))).toBeDefined();
  });

  it('is refused once the registry is closed', async () => {
    const { registry } = bench.connect();
    await registry[Symbol.asyncDispose]();
    const refused = expect.objectContaining({ code: 'ROOKERY_REGISTRY_CLOSED' });
    expect(() => registry.register(someInstance())).toThrow(refused);
    const watch = registry.watch('s', new AbortController().signal)[Symbol.asyncIterator]();
    await expect(watch.next()).rejects.toMatchObject({ code: 'ROOKERY_REGISTRY_CLOSED' });
  });
});
