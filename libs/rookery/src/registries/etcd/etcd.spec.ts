import { describe, expect, it } from 'vitest';
import { EtcdBench, keyOf, someInstance, statesOf, type Found } from '../../../../../test/support/etcd-registry.js';
import { registryConformance } from '../../testing/registry-conformance.js';
import { eventually } from '../../testing/eventually.js';

const bench = new EtcdBench();

describe('etcd conforms:', () => {
  const make = async () => {
    const [registry, other] = [bench.connect().registry, bench.connect().registry];
    return { registry, other, dispose: () => bench.closeAll() };
  };
  for (const { name, run } of registryConformance(make)) it(name, run);
});

describe('a registration in etcd', () => {
  it('writes the layout that the reference describes', async () => {
    const { registry, events } = bench.connect();
    const instance = someInstance({ zone: 'eu', metadata: { k: 'v' } });
    const registration = registry.register(instance);
    expect(registration.state).toBe('registering');
    await registration.registered;
    const { generation: gen, service } = instance;
    expect(await bench.server.etcdctl('get', '--print-value-only', keyOf(instance))).toBe(
      `{"Op":0,"Addr":"10.0.0.1:50051","Metadata":null,"v":1,"gen":"${gen}","service":"${service}","weight":100,` +
        '"group":"","status":"up","peer":1,"secure":false,"zone":"eu","pinned":[],"meta":{"k":"v"}}',
    );
    const grouped = registry.register(someInstance({ group: 'canary' }));
    await grouped.registered;
    expect(await bench.find(keyOf(grouped.instance))).toBeDefined();
    expect(statesOf(events)).toEqual(['registered', 'registered']);
  });

  it('shares one lease per server, and leaves neither key nor lease behind', async () => {
    const { registry } = bench.connect();
    const instance = someInstance();
    const other = someInstance({ generation: instance.generation });
    const one = registry.register(instance);
    const two = registry.register(other);
    await Promise.all([one.registered, two.registered]);
    const lease = (await bench.find(keyOf(instance)))?.lease;
    expect((await bench.find(keyOf(other)))?.lease).toBe(lease);
    await one[Symbol.asyncDispose]();
    expect(one.state).toBe('released');
    expect(await bench.find(keyOf(instance))).toBeUndefined();
    expect(await bench.server.etcdctl('lease', 'list')).toContain(lease);
    await two[Symbol.asyncDispose]();
    expect(await bench.server.etcdctl('lease', 'list')).not.toContain(lease);
    expect(await bench.server.etcdctl('get', '--prefix', 'rookery/services/s-')).toBe('');
  });

  it('moves its key when its owner changes the group, and writes what update() says', async () => {
    const { registry } = bench.connect();
    const registration = registry.register(someInstance());
    const before = keyOf(registration.instance);
    await registration.update({ group: 'A', weight: 5 });
    expect(await bench.find(before)).toBeUndefined();
    expect(await bench.read(keyOf(registration.instance))).toMatchObject({ group: 'A', weight: 5, pinned: [] });
    await registration.update({ group: '' });
    expect(await bench.read(before)).toMatchObject({ group: '', weight: 5 });
    await expect(registration.update({ weight: -1 })).rejects.toMatchObject({ code: 'ROOKERY_WEIGHT_INVALID' });
  });

  it('takes over what an operator writes, and keeps it', async () => {
    const { registry, events } = bench.connect();
    const registration = registry.register(someInstance());
    await registration.registered;
    const key = keyOf(registration.instance);
    const { lease, value } = (await bench.find(key)) as Found;
    const edited = JSON.stringify({ ...(JSON.parse(value) as object), weight: 7, note: 'by hand' });
    await bench.server.etcdctl('put', `--lease=${lease}`, key, edited);
    await eventually(async () =>
      expect(await bench.read(key)).toMatchObject({ weight: 7, pinned: ['weight'], note: 'by hand' }),
    );
    expect(registration.instance.weight).toBe(7);
    expect(events).toContainEqual(expect.objectContaining({ type: 'registration.amended', fields: ['weight'] }));
    await registration.update({ weight: 9, zone: 'eu' });
    expect(await bench.read(key)).toMatchObject({ weight: 7, zone: 'eu', pinned: ['weight'] });
    await bench.server.etcdctl('lease', 'revoke', lease);
    const back = await eventually(async () => {
      const entry = await bench.find(key);
      expect(entry).toMatchObject({ lease: expect.not.stringMatching(lease) });
      return entry as Found;
    });
    expect(JSON.parse(back.value)).toMatchObject({ weight: 7, pinned: ['weight'], note: 'by hand' });
    expect(events.some(({ type }) => type === 'registration.restored')).toBe(false);
    await eventually(() => expect(statesOf(events)).toEqual(['registered', 'recovering', 'registered']));
  });

  it('lets an operator undo his edit, and give fields back', async () => {
    const { registry } = bench.connect();
    const registration = registry.register(someInstance());
    await registration.registered;
    const key = keyOf(registration.instance);
    const { lease, value } = (await bench.find(key)) as Found;
    await bench.server.etcdctl('put', `--lease=${lease}`, key, value.replace('"weight":100', '"weight":7'));
    await eventually(async () => expect(await bench.read(key)).toMatchObject({ weight: 7, pinned: ['weight'] }));
    await bench.server.etcdctl('put', `--lease=${lease}`, key, value);
    await eventually(async () => expect(await bench.read(key)).toMatchObject({ weight: 100, pinned: ['weight'] }));
    await bench.server.etcdctl('put', `--lease=${lease}`, key, value);
    await eventually(() =>
      expect(registration.update({ weight: 3 }).then(() => registration.instance.weight)).resolves.toBe(3),
    );
    expect(await bench.read(key)).toMatchObject({ weight: 3, pinned: [] });
  });

  it('follows an operator who changes its group', async () => {
    const { registry, events } = bench.connect();
    const registration = registry.register(someInstance());
    await registration.registered;
    const before = keyOf(registration.instance);
    const { lease, value } = (await bench.find(before)) as Found;
    await bench.server.etcdctl('put', `--lease=${lease}`, before, value.replace('"group":""', '"group":"canary"'));
    await eventually(async () => expect(await bench.find(before)).toBeUndefined());
    expect(registration.instance.group).toBe('canary');
    expect(await bench.read(keyOf(registration.instance))).toMatchObject({ group: 'canary', pinned: ['group'] });
    expect(events).toContainEqual(expect.objectContaining({ type: 'registration.amended', fields: ['group'] }));
  });

  it.each<[string, (key: string, entry: Found) => Promise<unknown>, RegExp]>([
    ['is deleted', (key) => bench.server.etcdctl('del', key), /deleted/],
    ['loses its lease', (key, { value }) => bench.server.etcdctl('put', key, value), /lease/],
    [
      'becomes garbage',
      (key, { lease }) => bench.server.etcdctl('put', `--lease=${lease}`, key, 'garbage'),
      /malformed/,
    ],
    [
      'gets a weight that is none',
      (key, { lease, value }) =>
        bench.server.etcdctl('put', `--lease=${lease}`, key, value.replace(/"weight":\d+/, '"weight":99999')),
      /malformed \(value\.weight: found 99999\./,
    ],
    [
      'gets another address',
      (key, { lease, value }) =>
        bench.server.etcdctl('put', `--lease=${lease}`, key, value.replace('10.0.0.1', '10.9.9.9')),
      /address/,
    ],
  ])('is back at once when it %s', async (_, spoil, reason) => {
    const { registry, events } = bench.connect();
    const registration = registry.register(someInstance());
    await registration.registered;
    const key = keyOf(registration.instance);
    const before = (await bench.find(key)) as Found;
    // Its own watch may not be up yet, but sees it then.
    await spoil(key, before);
    await eventually(async () => expect(await bench.find(key)).toEqual(before));
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'registration.restored', reason: expect.stringMatching(reason) }),
    );
    expect(registration.state).toBe('registered');
  });

  it('does not fight at full speed with who deletes it again and again', async () => {
    const { registry, events } = bench.connect(undefined, { random: () => 0.1 });
    const registration = registry.register(someInstance());
    await registration.registered;
    const key = keyOf(registration.instance);
    const took: number[] = [];
    for (let times = 1; times <= 2; times += 1) {
      const deleted = performance.now();
      await bench.server.etcdctl('del', key);
      await eventually(() => expect(events.filter(({ type }) => type === 'registration.restored')).toHaveLength(times));
      took.push(performance.now() - deleted);
    }
    // A tenth of five seconds.
    expect(took[0]).toBeLessThan(500);
    expect(took[1]).toBeGreaterThanOrEqual(500);
    expect(await bench.find(key)).toBeDefined();
  });

  it('gives way to a newer process with its id, and comes back when the key is free', async () => {
    const { registry, events } = bench.connect();
    const first = registry.register(someInstance());
    await first.registered;
    const second = bench
      .connect()
      .registry.register({ ...first.instance, generation: someInstance().id, address: '10.0.0.2:1' });
    await second.registered;
    await eventually(() => expect(first.state).toBe('superseded'));
    const told = events.filter((event) => event.type === 'registration.changed' && event.state === 'superseded');
    expect(told).toMatchObject([{ error: { code: 'ROOKERY_REGISTRATION_SUPERSEDED' } }]);
    expect(await bench.read(keyOf(first.instance))).toMatchObject({ Addr: '10.0.0.2:1' });
    await second[Symbol.asyncDispose]();
    await eventually(() => expect(first.state).toBe('registered'));
    expect(await bench.read(keyOf(first.instance))).toMatchObject({ Addr: '10.0.0.1:50051' });
  });

  it('registers again in the same process after a release', async () => {
    const { registry } = bench.connect();
    const first = registry.register(someInstance());
    await first.registered;
    const released = first[Symbol.asyncDispose]();
    const second = registry.register(first.instance);
    await Promise.all([released, second.registered]);
    expect(await bench.find(keyOf(second.instance))).toBeDefined();
  });

  it('is refused once the registry is closed', async () => {
    const { registry } = bench.connect();
    await registry[Symbol.asyncDispose]();
    expect(() => registry.register(someInstance())).toThrow(
      expect.objectContaining({ code: 'ROOKERY_REGISTRY_CLOSED' }),
    );
    const watch = registry.watch('s', new AbortController().signal)[Symbol.asyncIterator]();
    await expect(watch.next()).rejects.toMatchObject({ code: 'ROOKERY_REGISTRY_CLOSED' });
  });
});
